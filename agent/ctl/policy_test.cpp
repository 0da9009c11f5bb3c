// `veilwire policy test`: rules on their own examples, decisions on their cases.
#include "agent/ctl/audit_text.h"
#include "agent/ctl/policy_commands.h"
#include "agent/ctl/policy_files.h"
#include "agent/ctl/rule_trial.h"
#include "userspace/policy/cases.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct CasesRun {
  std::string file;
  std::size_t count = 0;
  Problems failures;
};

// The case files in the folder "cases" beside the policy (or beside the policy's folder, as for
// examples).
std::vector<std::string> find_cases(const std::string& policy_file) {
  std::vector<std::string> found;
  for (const char* folder : {"cases", "../cases"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(beside(policy_file, folder), error))
      if (entry.path().extension() == ".toml") found.push_back(entry.path().string());
    if (!found.empty()) break;
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Runs one file of cases; nothing when it is about another policy and was not asked for by name.
std::optional<CasesRun> run_cases(const policy::Policy& policy, const std::string& file,
                                  bool asked_for) {
  CasesRun run;
  run.file = file;
  const auto text = read_text_file(file);
  if (!text) {
    run.failures.push_back(text.error());
    return run;
  }
  const auto cases = policy::parse_cases(*text, file);
  if (!cases) {
    run.failures = cases.error();
    return run;
  }
  std::error_code error;
  if (!asked_for && !fs::equivalent(beside(file, cases->policy), policy.source, error))
    return std::nullopt;
  run.count = cases->size();
  run.failures = policy::run(policy, *cases);
  return run;
}

std::string counted(std::size_t n, const char* one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

}  // namespace

int policy_test(const PolicyTestOptions& options, std::ostream& out, std::ostream& err) {
  const auto files = load_policy_files(options.file);
  if (!files) {
    err << with_source_lines(files.error());
    return 1;
  }
  std::vector<std::pair<std::string, TrialResult>> trials;
  for (const masking::RulePack& pack : files->packs)
    trials.emplace_back(pack.name, try_rules(pack, files->engine));
  std::vector<CasesRun> runs;
  for (const std::string& file : options.cases.empty() ? find_cases(options.file) : options.cases)
    if (auto run = run_cases(files->policy, file, !options.cases.empty()))
      runs.push_back(*std::move(run));

  std::size_t failed = 0;
  json document = {{"policy", options.file}, {"packs", json::array()}, {"cases", json::array()}};
  for (const auto& [name, trial] : trials) {
    json failures = json::array();
    const auto text = read_text_file(name);
    if (!options.json)
      out << visible_line(name) << ": " << counted(trial.rules, "rule") << ", " << trial.positive
          << " positive and " << trial.negative << " negative examples, "
          << counted(trial.cuts, "cut") << '\n';
    for (const TrialFailure& failure : trial.failures) {
      const std::uint32_t line = text ? line_of_rule(*text, failure.rule) : 0;
      failures.push_back({{"rule", failure.rule}, {"line", line}, {"message", failure.message}});
      if (!options.json)
        out << "  FAILED " << visible_line(name) << ":" << line << ": "
            << visible_line(failure.rule + ": " + failure.message) << '\n';
    }
    if (!options.json && !trial.without_examples.empty()) {
      out << "  without a positive example:";
      for (const std::string& rule : trial.without_examples) out << ' ' << visible_line(rule);
      out << '\n';
    }
    failed += trial.failures.size();
    document["packs"].push_back({{"file", name},
                                 {"rules", trial.rules},
                                 {"positive", trial.positive},
                                 {"negative", trial.negative},
                                 {"cuts", trial.cuts},
                                 {"without_examples", trial.without_examples},
                                 {"failures", std::move(failures)}});
  }
  for (const CasesRun& run : runs) {
    json failures = json::array();
    if (!options.json) out << visible_line(run.file) << ": " << counted(run.count, "case") << '\n';
    for (const policy::PolicyError& failure : run.failures) {
      failures.push_back({{"line", failure.line}, {"message", failure.message}});
      if (!options.json) out << "  FAILED " << visible_line(policy::to_string(failure)) << '\n';
    }
    failed += run.failures.size();
    document["cases"].push_back(
        {{"file", run.file}, {"count", run.count}, {"failures", std::move(failures)}});
  }
  document["failed"] = failed;
  if (options.json)
    out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    out << (failed == 0 ? "all good" : counted(failed, "failure")) << '\n';
  return failed == 0 ? 0 : 1;
}

}  // namespace veilwire::ctl
