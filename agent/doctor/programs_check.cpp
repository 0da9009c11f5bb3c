#include "agent/doctor/programs_check.h"

#include "agent/doctor/json_fields.h"

#include <utility>

namespace veilwire::doctor {
namespace {

std::string unit(const std::string& program) { return "veilwire-" + program; }

// What a program's own document says is wrong with it.
std::string complaint(const std::string& document) {
  const Json said = object_of(document);
  for (const char* key : {"error", "reason", "ledger"})
    if (const std::string text = text_of(said, key); !text.empty()) return text;
  std::string without;
  const Json links = member(said, "links");
  if (links.is_object())
    for (const auto& [name, up] : links.items())
      if (up == Json(false)) without += (without.empty() ? "" : ", ") + name;
  if (!without.empty()) return "it does not reach: " + without;
  const std::string change = text_of(member(said, "policy"), "last_change");
  if (!change.empty() && change != "active") return "the last change of the policy was refused";
  return "it says that it is not well";
}

Finding judge(const ctl::ProgramReport& program) {
  using State = ctl::ProgramReport::State;
  const std::string look = "read journalctl -u " + unit(program.name);
  switch (program.state) {
    case State::Up:
      return good("program-up", unit(program.name) + " is up and well");
    case State::Unhealthy:
      // The forwarder's and identity's reasons are found by their own checks, too, with what to do.
      return warning("program-unwell", program.name,
                     unit(program.name) + ": " +
                         (program.note.empty() ? complaint(program.document) : program.note),
                     look);
    case State::Silent:
      return critical("program-silent", program.name,
                      unit(program.name) + " listens and does not answer",
                      "systemctl restart " + unit(program.name) + ", and " + look);
    case State::NotAllowed:
      return unseen("program-up", unit(program.name) + " may only be asked by root");
    case State::Down:
      break;
  }
  return critical("program-down", program.name, unit(program.name) + " does not run",
                  "systemctl start " + unit(program.name) + ", and " + look);
}

}  // namespace

Findings check_programs(const ProgramsFacts& facts) {
  Findings found;
  for (const ctl::ProgramReport& program : facts.report.programs) found.push_back(judge(program));
  Findings old;
  for (const ProcessFacts& process : facts.processes)
    if (!process.is_installed)
      old.push_back(warning("program-outdated", process.program,
                            unit(process.program) + " (pid " + std::to_string(process.pid) +
                                ") is not the program that is installed",
                            "systemctl restart " + unit(process.program)));
  if (!facts.processes.empty())
    append(found, or_good(std::move(old),
                          good("program-outdated", "the programs that run are those installed")));
  Findings stale;
  for (const std::string& path : facts.stale_sockets)
    stale.push_back(note("program-socket", path, "a socket is left that nobody listens on",
                         "nothing: the next start of its program replaces it"));
  append(found, or_good(std::move(stale), good("program-socket", "no socket is left over")));
  return found;
}

}  // namespace veilwire::doctor
