#include "userspace/identity/machine_rules.h"

#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

bool is_shown(std::string_view text) {
  return !text.empty() && printable(text) && text.size() <= limits::kTokenText;
}
bool is_slice(std::string_view name) { return name.ends_with(".slice"); }

// Units in which the system's manager has everybody's processes.
bool holds_people(std::string_view name) {
  return name == "init.scope" || name.starts_with("user@") ||
         (name.starts_with("session-") && name.ends_with(".scope"));
}

bool is_unit(std::string_view name) {
  const bool named = name.ends_with(".service") || name.ends_with(".scope");
  return named && !name.starts_with('.') && name.find('/') == std::string_view::npos &&
         !holds_people(name);
}

// Of a cgroup that is no slice and in which nobody has their own.
bool is_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  std::string_view name;
  while (!path.empty()) {
    path.remove_prefix(1);
    name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name.empty() || holds_people(name)) return false;
  }
  return !is_slice(name);
}

bool names(std::string_view unit, std::string_view name) {
  if (unit == name) return true;
  const std::size_t at = unit.find("@.");
  if (at == std::string_view::npos) return false;
  const std::string_view front = unit.substr(0, at + 1), back = unit.substr(at + 1);
  return name.size() > front.size() + back.size() && name.starts_with(front) &&
         name.ends_with(back);
}

}  // namespace

std::string_view to_string(MachineFault fault) {
  switch (fault) {
    case MachineFault::NoName:
      return "needs a name that can be shown";
    case MachineFault::SameName:
      return "has the name of another one";
    case MachineFault::NoUnit:
      return "needs units, the services that it stands for";
    case MachineFault::BadUnit:
      return "units are services, such as \"import.service\", or paths of cgroups that are no "
             "slice";
    case MachineFault::BadGroup:
      return "has a group that cannot be shown";
  }
  return "unknown";
}

Result<void, MachineError> check_machine_rules(const std::vector<MachineRule>& rules) {
  for (std::size_t n = 0; n < rules.size(); ++n) {
    const MachineRule& rule = rules[n];
    const auto fail = [n](MachineFault fault) { return Unexpected{MachineError{fault, n}}; };
    if (!is_shown(rule.name)) return fail(MachineFault::NoName);
    const auto before = rules.begin() + static_cast<std::ptrdiff_t>(n);
    if (std::any_of(rules.begin(), before, [&](const auto& r) { return r.name == rule.name; }))
      return fail(MachineFault::SameName);
    if (rule.units.empty()) return fail(MachineFault::NoUnit);
    for (const std::string& unit : rule.units)
      if (unit.starts_with('/') ? !is_path(unit) : !is_unit(unit))
        return fail(MachineFault::BadUnit);
    if (!std::all_of(rule.groups.begin(), rule.groups.end(), is_shown))
      return fail(MachineFault::BadGroup);
  }
  return {};
}

const MachineRule* machine_of(const Peer& peer, Place place,
                              const std::vector<MachineRule>& rules) {
  // One mark alone is no login, and no machine either.
  if (peer.loginuid != kUnsetAuditId || peer.audit_session != kUnsetAuditId) return nullptr;
  if (place.empty() || place.front().id != peer.cgroup_id || !place.back().name.empty())
    return nullptr;
  std::string path;
  std::string_view unit;
  std::vector<std::string> around;  // the path of each cgroup from the root inwards
  for (std::size_t n = place.size() - 1; n-- > 0;) {
    const std::string& name = place[n].name;
    if (unit.empty() && !is_slice(name)) unit = name;
    around.push_back(path += '/' + name);
  }
  const auto stands_for = [&](const MachineRule& rule) {
    if (!rule.users.empty() &&
        std::find(rule.users.begin(), rule.users.end(), peer.uid) == rule.users.end())
      return false;
    return std::any_of(rule.units.begin(), rule.units.end(), [&](const std::string& wanted) {
      return wanted.starts_with('/')
                 ? std::find(around.begin(), around.end(), wanted) != around.end()
                 : names(wanted, unit);
    });
  };
  const auto found = std::find_if(rules.begin(), rules.end(), stands_for);
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace veilwire::identity
