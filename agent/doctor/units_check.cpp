#include "agent/doctor/units_check.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

namespace veilwire::doctor {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream in(lower(text));
  std::set<std::string> words;
  for (std::string word; in >> word;) words.insert(word);
  return words;
}

std::string value_of(const UnitProperties& properties, const std::string& key) {
  const auto found = properties.find(key);
  return found == properties.end() ? std::string() : found->second;
}

// Capabilities may be fewer than shipped; anything else is the same word or weaker.
bool weaker(const std::string& key, const std::string& shipped, const std::string& effective) {
  if (key == "CapabilityBoundingSet" || key == "AmbientCapabilities") {
    const auto allowed = words_of(shipped), has = words_of(effective);
    return !std::includes(allowed.begin(), allowed.end(), has.begin(), has.end());
  }
  return lower(shipped) != lower(effective);
}

Findings judge(const UnitFacts& unit) {
  Findings found;
  const UnitProperties shipped = read_unit(unit.shipped);
  std::string weak;
  for (const char* key : kUnitSandbox) {
    // systemctl leaves out what this version of systemd does not know: that is no drop-in's doing.
    if (!shipped.contains(key) || !unit.effective.contains(key)) continue;
    const std::string is = value_of(unit.effective, key);
    if (weaker(key, value_of(shipped, key), is))
      weak += (weak.empty() ? "" : ", ") + std::string(key) + "=" + is;
  }
  const std::string drop_ins = value_of(unit.effective, "DropInPaths");
  if (!weak.empty())
    found.push_back(warning("unit-sandbox", unit.name,
                            "its sandbox is not the one that was shipped: " + weak,
                            drop_ins.empty() ? "systemctl daemon-reload, and reinstall the unit"
                                             : "look at " + drop_ins +
                                                   ", then systemctl "
                                                   "daemon-reload"));
  else if (!drop_ins.empty())
    found.push_back(note("unit-drop-in", unit.name, "it is changed by " + drop_ins,
                         "nothing, if that is wanted: its sandbox is as strict as shipped"));
  if (value_of(unit.effective, "ActiveState") == "failed")
    found.push_back(
        critical("unit-failed", unit.name, "systemd has given up on it",
                 "systemctl status " + unit.name + ", then systemctl restart " + unit.name));
  if (const std::string restarts = value_of(unit.effective, "NRestarts");
      std::strtoul(restarts.c_str(), nullptr, 10) > 3)
    found.push_back(warning("unit-restarts", unit.name,
                            "systemd has restarted it " + restarts + " times",
                            "read journalctl -u " + unit.name));
  return found;
}

}  // namespace

UnitProperties read_unit(const std::string& text) {
  UnitProperties properties;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto equal = line.find('=');
    if (line.empty() || line.front() == '#' || line.front() == ';' || equal == std::string::npos)
      continue;
    properties[line.substr(0, equal)] = line.substr(equal + 1);
  }
  return properties;
}

Findings check_units(const UnitsFacts& facts) {
  if (!facts.systemd)
    return {note("units", "",
                 "this host is not run by systemd: the sandbox of the units is not "
                 "in force",
                 "see that what starts the programs gives each its own user and no capabilities")};
  if (!facts.problem.empty())
    return {unseen("units", "systemd does not say how units are: " + facts.problem,
                   "systemctl show veilwire-proxy.service")};
  Findings found;
  for (const UnitFacts& unit : facts.units) append(found, judge(unit));
  return or_good(std::move(found), good("units", std::to_string(facts.units.size()) +
                                                     " units have the sandbox that was shipped"));
}

}  // namespace veilwire::doctor
