#include "agent/doctor/doctor_command.h"

#include "agent/doctor/bounded_child.h"
#include "agent/doctor/report.h"
#include "agent/host/clock.h"
#include "agent/host/config.h"

#include <exception>
#include <iostream>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

namespace veilwire::doctor {
namespace {

// Every part has a bound of its own; this is for a file system that hangs.
constexpr std::chrono::seconds kPatience{90};

std::string shown(const Findings& findings, const DoctorOptions& options) {
  return options.json ? to_json(findings) : to_text(findings, options.all);
}

}  // namespace

int run_doctor(const DoctorOptions& options, std::chrono::milliseconds patience,
               std::ostream& out) {
  // The exit code as one digit, then what is printed.
  const BoundedResult result =
      in_bounded_child({.patience = patience, .work = [&](const auto& tell) {
                          Findings found;
                          try {
                            found = examine(options, host::now().wall, tell);
                          } catch (const std::exception& error) {
                            found = {unseen("doctor", error.what(), "report it")};
                          }
                          return std::to_string(exit_code(found)) + shown(found, options);
                        }});
  if (result.bytes && !result.bytes->empty()) {
    out << result.bytes->substr(1);
    return result.bytes->front() - '0';
  }
  const Findings found = {unseen("doctor",
                                 "looking at " + result.last_told + " did not come to its end",
                                 "look for a file system or a program that hangs")};
  out << shown(found, options);
  return exit_code(found);
}

void add_doctor(CLI::App& app, const std::string& program_folder, int& exit_code) {
  const auto options = std::make_shared<DoctorOptions>();
  options->program_folder = program_folder;
  CLI::App* doctor =
      app.add_subcommand("doctor", "what is missing or wrong, and what to do about it");
  doctor->footer(
      "Looks at the kernel, the programs, the internal CA and who trusts it, clients, the "
      "identity\n"
      "provider, the ledger, files and units. Changes nothing; needs root to see all of it.\n"
      "veilwire-doctor(8) says of each finding what it means.\n\n"
      "Exit code: 0 nothing is wrong, 1 warnings, 2 something critical or wrong usage, 3 "
      "something\n"
      "could not be looked at.");
  doctor->add_flag("--all", options->all, "what is as it should be, too");
  doctor->add_flag("--json", options->json, "one JSON object instead of text");
  doctor->callback([&app, options, &exit_code] {
    const CLI::Option* config = app.get_option("--config");
    options->config_given = config->count() != 0;
    options->config = options->config_given ? config->as<std::string>() : host::kDefaultConfig;
    exit_code = run_doctor(*options, kPatience, std::cout);
  });
}

}  // namespace veilwire::doctor
