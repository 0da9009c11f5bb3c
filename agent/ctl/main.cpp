// veilwire: the command with which an operator looks at the agent and tries policies. Each
// subcommand's work is in a file of its own; here are only its options.
#include "agent/ctl/audit_commands.h"
#include "agent/ctl/metrics_command.h"
#include "agent/ctl/people_commands.h"
#include "agent/ctl/policy_commands.h"
#include "agent/ctl/scan_command.h"
#include "agent/ctl/setup_command.h"
#include "agent/ctl/status.h"
#include "agent/ctl/top_command.h"
#include "agent/doctor/doctor_command.h"
#include "agent/host/config.h"

#include <chrono>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

// The programs stand in one folder, installed or built.
std::string program_folder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "/usr/sbin" : self.parent_path().string();
}

struct Options {
  std::string config = host::kDefaultConfig;
  bool config_given = false;
  bool json = false;
  bool openmetrics = false;
  ctl::TopOptions top;
  double top_seconds = 1;
  std::string policy_file;
  std::vector<std::string> cases;
  ctl::ScanOptions scan;
  std::string scan_direction = "response", scan_format;
  bool scan_findings = false;
};

// The policy that is named, else the one that the proxy is configured to use.
std::string policy_file(const Options& options) {
  if (!options.policy_file.empty()) return options.policy_file;
  return ctl::status_places(options.config, options.config_given, program_folder()).policy_file;
}

// CLI11 prints one description in the list of commands and in the command's own help; the longer
// text stands in the footer, already broken into lines.
CLI::App* add_command(CLI::App& parent, const char* name, const char* summary, const char* footer) {
  CLI::App* command = parent.add_subcommand(name, summary);
  command->footer(footer);
  return command;
}

void add_status(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* status = add_command(
      app, "status", "is everything up, who is redirected, which policy is in force",
      "Asks the kernel's pins and the status socket of each program; needs root for all of\n"
      "them. Changes nothing.\n\n"
      "Exit code: 0 everything is good, 1 something is degraded, 3 nothing runs, 2 wrong usage.");
  status->add_flag("--json", options.json, "one JSON object instead of text");
  status->callback([&] {
    exit_code =
        ctl::run_status(ctl::status_places(options.config, options.config_given, program_folder()),
                        options.json, std::cout);
  });
}

void add_metrics(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* metrics = add_command(
      app, "metrics", "print what the agent counts, for Prometheus",
      "Asks every program once and prints the text format of Prometheus, as node_exporter's\n"
      "textfile collector takes it. veilwire-metrics(7) lists the metrics; to serve them:\n"
      "veilwire-metrics(8). Needs root.\n\n"
      "Exit code: 0 printed, also while programs are down, 1 nothing could be asked, 2 wrong\n"
      "usage.");
  metrics->add_flag("--openmetrics", options.openmetrics, "OpenMetrics 1.0 instead");
  metrics->callback([&] {
    exit_code = ctl::print_metrics(
        options.config,
        options.openmetrics ? metrics::Form::OpenMetrics : metrics::Form::Prometheus, std::cout,
        std::cerr);
  });
}

void add_top(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* top = add_command(
      app, "top", "watch what is under way: streams, people, findings, what it costs",
      "Draws on the terminal until q is pressed: Tab goes to the next section, s sorts streams by\n"
      "something else, r turns the order around. Without colours where NO_COLOR is set. Needs "
      "root.\n\n"
      "Exit code: 0, 1 nothing could be asked, 2 wrong usage, or no terminal and neither --once "
      "nor\n"
      "--json.");
  ctl::TopOptions& o = options.top;
  top->add_flag("--once", o.once, "one picture as text, after one interval");
  top->add_flag("--json", o.json, "a line with a JSON object an interval; with --once one");
  top->add_option("--interval", options.top_seconds, "seconds between two looks")
      ->check(CLI::Range(0.2, 3600.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  top->callback([&] {
    o.config = options.config;
    o.interval = std::chrono::milliseconds(static_cast<long>(options.top_seconds * 1000));
    exit_code = ctl::run_top(o, std::cout, std::cerr);
  });
}

void add_policy(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* policy = add_command(app, "policy", "check, test and show policies",
                                 "Each command has its own --help.");
  policy->callback([policy] {
    if (policy->get_subcommands().empty()) throw CLI::RequiredError("check, test or show");
  });

  CLI::App* check = add_command(
      *policy, "check", "say what is wrong with a policy and its rule packs",
      "Reads the policy and the rule packs that it names, and compiles every rule. Errors come\n"
      "with file, line and column, all of them at once.\n\n"
      "Exit code: 0 nothing is wrong, 1 something is, 2 wrong usage.");
  check->add_option("FILE", options.policy_file, "the policy (default: the configured one)")
      ->type_name("");
  check->callback(
      [&] { exit_code = ctl::policy_check(policy_file(options), std::cout, std::cerr); });

  CLI::App* test = add_command(
      *policy, "test", "try every rule on its examples, and every decision case",
      "Searches the examples beside each rule with the engine that the proxy runs, as whole\n"
      "texts and cut into pieces in many ways, and compares; then asks the policy for each\n"
      "decision case. Nothing is sent anywhere.\n\n"
      "Exit code: 0 all good, 1 something failed, 2 wrong usage.");
  test->add_option("FILE", options.policy_file, "the policy (default: the configured one)")
      ->type_name("");
  test->add_option(
          "--cases", options.cases,
          "decision cases (default: those in the folder \"cases\" beside the policy that name it)")
      ->type_name("FILE");
  test->add_flag("--json", options.json, "one JSON object instead of text");
  test->callback([&] {
    exit_code =
        ctl::policy_test({policy_file(options), options.cases, options.json}, std::cout, std::cerr);
  });

  CLI::App* show = add_command(
      *policy, "show", "print what a policy comes to, rule by rule",
      "Defaults are filled in. Whether the policy is in force is said by: veilwire status.\n\n"
      "Exit code: 0, 1 the policy has a mistake, 2 wrong usage.");
  show->add_option("FILE", options.policy_file, "the policy (default: the configured one)")
      ->type_name("");
  show->add_flag("--json", options.json, "one JSON object instead of text");
  show->callback([&] {
    exit_code = ctl::policy_show(policy_file(options), options.json, std::cout, std::cerr);
  });
}

void add_scan(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* scan = add_command(
      app, "scan", "mask a file or standard input, or list what would be masked",
      "Applies the policy to texts instead of connections: what it masks or blocks is masked, and\n"
      "what it lets pass is no finding. Nothing is sent anywhere. Masks are those of the agent\n"
      "where its key can be read (root), else they are comparable within one run only.\n\n"
      "Exit code: 0 nothing found, 1 something found, 2 an error or wrong usage.\n\n"
      "Examples:\n"
      "  journalctl -u app | veilwire scan > app.log\n"
      "  veilwire scan --findings --recursive src\n"
      "  git diff --cached -U0 | veilwire scan --diff");
  ctl::ScanOptions& o = options.scan;
  scan->add_option("FILE", o.files, "what to read; \"-\", or nothing: standard input")
      ->type_name("");
  scan->add_option("--policy", options.policy_file, "the policy (default: the configured one)")
      ->type_name("FILE");
  scan->add_option("--direction", options.scan_direction,
                   "what the policy does about requests or responses")
      ->check(CLI::IsMember({"request", "response"}))
      ->type_name("request|response")
      ->capture_default_str();
  scan->add_flag("--all", o.all, "mask and list what the policy lets pass, too");
  scan->add_flag("--findings", options.scan_findings,
                 "list the findings, FILE:LINE:COLUMN: RULE: EXCERPT, instead of the text");
  scan->add_option("--format,-f", options.scan_format,
                   "list the findings in this form (SARIF 2.1.0)")
      ->check(CLI::IsMember({"text", "json", "sarif"}))
      ->type_name("text|json|sarif");
  scan->add_flag("--recursive,-r", o.recursive, "search the files in folders");
  scan->add_flag("--text,-a", o.text, "search binary files as if they were text");
  scan->add_flag("--jsonl", o.jsonl, "lines {\"id\", \"text\"} in, lines {\"id\", \"masked\"} out");
  scan->add_flag("--diff", o.diff,
                 "read unified diffs; list the findings in the lines that they add");
  scan->add_option("--chunks", o.chunks,
                   "give the text to the engine in pieces of N bytes or of random sizes: the\n"
                   "result must not change")
      ->type_name("N|random[:SEED]");
  scan->add_option("--key", o.key, "the key of the digests in masks, 32 bytes or more")
      ->type_name("FILE");
  scan->add_flag("--exit-zero", o.exit_zero, "0 also when something is found");
  scan->callback([&options, &o, &exit_code] {
    if (o.jsonl && !options.scan_format.empty())
      throw CLI::ValidationError("--format", "goes not with --jsonl, whose lines are the form");
    using ctl::ReportFormat;
    if (o.jsonl && o.diff) throw CLI::ValidationError("--diff", "goes not with --jsonl");
    if (o.diff || options.scan_findings || !options.scan_format.empty())
      o.report = options.scan_format == "json"    ? ReportFormat::Json
                 : options.scan_format == "sarif" ? ReportFormat::Sarif
                                                  : ReportFormat::Text;
    if (o.recursive && (!o.report || o.jsonl))
      throw CLI::ValidationError("--recursive", "goes with --findings or --format");
    if (o.recursive && o.files.empty()) o.files = {"."};
    if (options.scan_direction == "request") o.direction = policy::Direction::Request;
    try {
      o.policy = policy_file(options);
      o.agents_key = ctl::configured_site_key(options.config, options.config_given);
      exit_code = ctl::scan(o, std::cout, std::cerr);
    } catch (const std::exception& e) {
      std::cerr << "veilwire: " << e.what() << '\n';
      exit_code = 2;
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  Options options;
  int exit_code = 0;
  CLI::App app(
      "Looks after the veilwire agent of this host: what it does now, what its policy means, what "
      "it has recorded.",
      "veilwire");
  app.set_version_flag("--version", "veilwire " VEILWIRE_VERSION);
  CLI::Option* config = app.add_option("--config", options.config, "the agent's configuration file")
                            ->type_name("FILE")
                            ->capture_default_str();
  app.parse_complete_callback([&] { options.config_given = config->count() != 0; });
  // Not required by CLI11, which would then say so instead of naming a command that it does not
  // know.
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.footer("Each command has its own --help. See veilwire(1).");
  add_status(app, options, exit_code);
  add_metrics(app, options, exit_code);
  add_top(app, options, exit_code);
  doctor::add_doctor(app, program_folder(), exit_code);
  add_policy(app, options, exit_code);
  add_scan(app, options, exit_code);
  ctl::add_audit(app, exit_code);
  ctl::add_people(app, exit_code);
  ctl::add_setup(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const std::exception& e) {
    std::cerr << "veilwire: " << e.what() << '\n';
    return 1;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return 2;
  }
  return exit_code;
}
