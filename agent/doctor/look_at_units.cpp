// The units as systemd has them.
#include "agent/doctor/foreign_program.h"
#include "agent/doctor/look.h"

#include <filesystem>
#include <sstream>
#include <utility>

#include <unistd.h>

namespace veilwire::doctor {
namespace {

// systemctl's blocks, one a unit, in the order of the question, with a blank line between.
std::vector<UnitProperties> read_blocks(const std::string& text) {
  std::vector<UnitProperties> blocks;
  std::istringstream lines(text);
  bool fresh = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      fresh = true;
      continue;
    }
    if (std::exchange(fresh, false)) blocks.emplace_back();
    if (const auto equal = line.find('='); equal != std::string::npos)
      blocks.back()[line.substr(0, equal)] = line.substr(equal + 1);
  }
  return blocks;
}

std::string shipped_text(const Places& places, const std::string& unit,
                         const std::string& fragment) {
  for (const std::string& folder : places.unit_folders)
    if (const auto text = read_bounded(folder + "/" + unit)) return *text;
  return read_bounded(fragment).value_or("");
}

// Drop-ins that we ship ourselves, for an IdP elsewhere, are part of what was shipped.
void take_shipped_drop_ins(const Places& places, UnitFacts& unit) {
  const std::string share =
      std::filesystem::path(places.program_folder).parent_path() / "share/veilwire";
  std::istringstream paths(unit.effective["DropInPaths"]);
  std::string others;
  for (std::string path; paths >> path;) {
    std::error_code error;
    const auto text = read_bounded(std::filesystem::canonical(path, error));
    bool ours = false;
    if (text && !error)
      for (const auto& entry : std::filesystem::directory_iterator(share, error))
        ours = ours || (entry.path().extension() == ".conf" && read_bounded(entry.path()) == text);
    if (ours)
      unit.shipped += "\n" + *text;
    else
      others += (others.empty() ? "" : " ") + path;
  }
  unit.effective["DropInPaths"] = others;
}

}  // namespace

UnitsFacts look_at_units(const Places& places) {
  UnitsFacts facts;
  facts.systemd = ::access(places.units.c_str(), F_OK) == 0;
  if (!facts.systemd) return facts;
  std::string properties;
  for (const char* key : kUnitState) properties += std::string(properties.empty() ? "" : ",") + key;
  for (const char* key : kUnitSandbox) properties += std::string(",") + key;
  ForeignRun run{
      .command = {places.systemctl.empty() ? find_program({"systemctl"}) : places.systemctl, "show",
                  "--no-pager", "--property=" + properties},
      .input = "",
      .confined = false};
  std::vector<std::string> names;
  for (const auto& program : places.status.programs)
    names.push_back("veilwire-" + program.name + ".service");
  names.emplace_back("veilwire-metrics.service");  // it has no status of its own to ask for
  run.command.insert(run.command.end(), names.begin(), names.end());
  const ForeignOutcome outcome = run_foreign(run);
  facts.problem = outcome.problem;
  if (facts.problem.empty() && outcome.exit_code != 0) facts.problem = "systemctl fails";
  if (!facts.problem.empty()) return facts;
  const auto blocks = read_blocks(outcome.text);
  for (std::size_t i = 0; i < blocks.size() && i < names.size(); ++i) {
    UnitFacts unit{.name = names[i], .shipped = "", .effective = blocks[i]};
    if (unit.effective["LoadState"] != "loaded") continue;
    unit.shipped = shipped_text(places, unit.name, unit.effective["FragmentPath"]);
    take_shipped_drop_ins(places, unit);
    facts.units.push_back(std::move(unit));
  }
  return facts;
}

}  // namespace veilwire::doctor
