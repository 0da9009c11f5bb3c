#include "agent/ctl/policy_commands.h"
#include "agent/ctl/policy_files.h"

#include <ostream>

namespace veilwire::ctl {

int policy_check(const std::string& file, std::ostream& out, std::ostream& err) {
  const auto files = load_policy_files(file);
  if (!files) {
    err << with_source_lines(files.error());
    err << files.error().size() << (files.error().size() == 1 ? " error" : " errors") << '\n';
    return 1;
  }
  std::size_t rules = 0;
  for (const masking::RulePack& pack : files->packs) rules += pack.rules.size();
  const auto plural = [](std::size_t n, const char* one) {
    return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
  };
  out << file << ": ok: " << plural(files->policy.hosts.size(), "host") << ", "
      << plural(files->policy.actions.size(), "action") << ", "
      << plural(files->packs.size(), "rule pack") << " with " << plural(rules, "rule")
      << "\nsha256 " << files->policy.digest << '\n';
  for (const masking::EngineError& rule : masking::left_out(*files->engine))
    out << "left out: rule \"" << rule.rule << "\": " << rule.message << '\n';
  return 0;
}

}  // namespace veilwire::ctl
