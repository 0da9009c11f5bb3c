// The policy and the internal CA: files that say what is meant.
#include "agent/doctor/json_fields.h"
#include "agent/doctor/look.h"
#include "userspace/policy/policy.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace veilwire::doctor {
namespace {

std::optional<std::string> slurp(const std::string& path, int& error) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  error = errno;
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

PolicyFacts look_at_policy(const Places& places, const ctl::StatusReport& report,
                           std::vector<std::string>& packs) {
  PolicyFacts facts{.path = places.status.policy_file,
                    .problem = "",
                    .readable = true,
                    .hosts = {},
                    .observes = "",
                    .report = report};
  int error = 0;
  const auto text = slurp(facts.path, error);
  if (!text) {
    facts.readable = error != EACCES && error != EPERM;
    facts.problem = std::strerror(error);
    return facts;
  }
  const auto policy = policy::parse(*text, facts.path);
  if (!policy) {
    facts.problem = policy::to_string(policy.error());
    return facts;
  }
  const std::filesystem::path folder = std::filesystem::path(facts.path).parent_path();
  for (const std::string& pack : policy->rule_packs) packs.push_back(folder / pack);
  for (const policy::AuditorFile& auditor : policy->auditors)
    packs.push_back(folder / auditor.path);
  facts.observes = policy::observed_extent(*policy);
  for (const policy::Host& host : policy->hosts) facts.hosts.push_back(host.name);
  return facts;
}

AuthorityFacts look_at_authority(const Places& places, const ctl::StatusReport& report,
                                 const std::vector<std::string>& hosts, WallTime now) {
  AuthorityFacts facts{.path = places.certificate,
                       .pem = std::nullopt,
                       .problem = "",
                       .now = now,
                       .in_force = "",
                       .hosts = hosts};
  int error = 0;
  facts.pem = slurp(facts.path, error);
  if (!facts.pem) facts.problem = std::strerror(error);
  for (const ctl::ProgramReport& program : report.programs)
    if (program.name == "signer")
      facts.in_force = text_of(object_of(program.document), "ca_sha256");
  return facts;
}

}  // namespace veilwire::doctor
