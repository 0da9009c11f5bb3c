#include "userspace/policy/auditors.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace veilwire::policy {

Result<std::shared_ptr<const sealing::Auditors>, PolicyError> make_auditors(
    const Policy& policy, std::span<const std::string> certificates, WallTime now) {
  if (policy.auditors.empty()) return std::shared_ptr<const sealing::Auditors>();
  auto auditors = sealing::Auditors::load(certificates, now);
  if (auditors) return std::make_shared<const sealing::Auditors>(std::move(auditors).value());
  const sealing::AuditorProblem& problem = auditors.error();
  const std::size_t index = problem.certificate == 0 ? 0 : problem.certificate - 1;
  const AuditorFile& file = policy.auditors[std::min(index, policy.auditors.size() - 1)];
  std::string message(to_string(problem.error));
  if (problem.certificate != 0) {
    message = ": " + message;
    if (!problem.subject.empty()) message = " (" + problem.subject + ")" + message;
    message = "auditor " + file.path + message;
  }
  return Unexpected{PolicyError{policy.source, file.line, file.column, std::move(message)}};
}

}  // namespace veilwire::policy
