#include "agent/ctl/audit_text.h"
#include "agent/ctl/policy_commands.h"
#include "agent/ctl/policy_files.h"
#include "agent/host/trusted_file.h"

#include <ostream>

namespace veilwire::ctl {
namespace {

// What the proxy would refuse to read.
Problems distrusted(const std::string& file, const PolicyFiles& files) {
  Problems problems;
  const auto look_at = [&](const std::string& path) {
    if (auto why = host::distrust(path)) problems.push_back({path, 0, 0, *std::move(why)});
  };
  look_at(file);
  for (const masking::RulePack& pack : files.packs) look_at(pack.name);
  for (const std::string& path : files.certificates) look_at(path);
  return problems;
}

}  // namespace

int policy_check(const std::string& file, std::ostream& out, std::ostream& err) {
  const auto files = load_policy_files(file);
  const Problems problems = files ? distrusted(file, *files) : files.error();
  if (!problems.empty()) {
    err << with_source_lines(problems);
    err << problems.size() << (problems.size() == 1 ? " error" : " errors") << '\n';
    return 1;
  }
  std::size_t rules = 0;
  for (const masking::RulePack& pack : files->packs) rules += pack.rules.size();
  const auto plural = [](std::size_t n, const char* one) {
    return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
  };
  out << visible_line(file) << ": ok: " << plural(files->policy.hosts.size(), "host") << ", "
      << plural(files->policy.actions.size(), "action") << ", "
      << plural(files->packs.size(), "rule pack") << " with " << plural(rules, "rule")
      << "\nsha256 " << files->policy.digest << '\n';
  const std::string_view observed = policy::observed_extent(files->policy);
  if (observed == "observe")
    out << "observes only: nothing is masked, blocked or refused (mode = \"observe\")\n";
  else if (!observed.empty())
    out << "observes some only: see mode and [[scope]]\n";
  for (const masking::EngineError& rule : masking::left_out(*files->engine))
    out << "left out: rule \"" << visible_line(rule.rule) << "\": " << visible_line(rule.message)
        << '\n';
  return 0;
}

}  // namespace veilwire::ctl
