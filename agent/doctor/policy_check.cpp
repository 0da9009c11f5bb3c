#include "agent/doctor/policy_check.h"

#include "agent/doctor/json_fields.h"

#include <utility>

namespace veilwire::doctor {

Findings check_policy(const PolicyFacts& facts) {
  const std::string look = "veilwire policy check " + facts.path;
  if (!facts.readable) return {unseen("policy-file", facts.path + " cannot be read")};
  if (!facts.problem.empty())
    return {critical("policy-file", facts.path, "it is not a policy: " + facts.problem,
                     look + " names every mistake; what was in force before stays so until the "
                            "proxy is restarted")};
  Findings found = {good("policy-file", facts.path + " is a policy")};
  if (facts.hosts.empty())
    found.push_back(warning("policy-hosts", "", "the policy names no host: nothing is inspected",
                            "add a [[host]] to " + facts.path));
  else
    found.push_back(
        good("policy-hosts", "the policy names " + std::to_string(facts.hosts.size()) + " hosts"));
  if (!facts.observes.empty())
    found.push_back(note("policy-observes", "",
                         "the policy does not mask all that it finds: mode " + facts.observes,
                         "set mode = \"enforce\" when veilwire audit report shows what is wanted"));
  std::string active;
  for (const ctl::ProgramReport& program : facts.report.programs)
    if (program.name == "proxy")
      active = text_of(member(object_of(program.document), "policy"), "digest");
  if (active.empty()) return found;  // the proxy is down, or may not be asked: found elsewhere
  Findings edited;
  if (active != facts.report.policy_file_digest)
    edited.push_back(warning("policy-in-force", facts.path, "it is not the policy in force", look));
  for (const std::string& pack : facts.report.edited_packs)
    edited.push_back(
        warning("policy-in-force", pack, "this rule pack is not the one in force", look));
  append(found, or_good(std::move(edited), good("policy-in-force", "it is in force")));
  return found;
}

}  // namespace veilwire::doctor
