#include "agent/doctor/host_check.h"

namespace veilwire::doctor {

Findings check_host(const HostFacts& facts) {
  Findings found;
  std::string engines;
  for (const std::string& engine : facts.container_engines)
    engines += (engines.empty() ? "" : ", ") + engine;
  found.push_back(engines.empty()
                      ? good("host-containers", "no container engine was found")
                      : note("host-containers", "",
                             "clients in containers are refused or pass, and are not inspected; "
                             "there is " +
                                 engines,
                             "run clients that must be inspected outside of containers"));
  std::string complaining;
  for (const std::string& profile : facts.profiles)
    if (profile.ends_with("(complain)"))
      complaining += (complaining.empty() ? "" : ", ") + profile.substr(0, profile.find(' '));
  if (facts.selinux == "enforcing")
    found.push_back(note("host-security-module", "SELinux", "SELinux enforces its policy",
                         "if a program fails without a word in its journal: ausearch -m AVC -c "
                         "veilwire"));
  else if (facts.apparmor && facts.profiles_seen && facts.profiles.empty())
    found.push_back(note("host-security-module", "AppArmor",
                         "it is switched on, and no profile of veilwire is loaded",
                         "load those that were installed: apparmor_parser -r "
                         "/etc/apparmor.d/veilwire-*"));
  else if (!complaining.empty())
    found.push_back(note("host-security-module", "AppArmor",
                         "it only complains about: " + complaining,
                         "aa-enforce them once nothing is in the journal"));
  else if (facts.apparmor)
    found.push_back(good("host-security-module", "AppArmor is switched on"));
  else
    found.push_back(good("host-security-module", facts.selinux.empty()
                                                     ? "no security module stands in the way"
                                                     : "SELinux does not enforce"));
  // The redirector reads kernel memory through BTF types, which confidentiality forbids.
  if (facts.lockdown == "confidentiality")
    found.push_back(critical("host-lockdown", "",
                             "the kernel is locked down for confidentiality: it loads no tracing "
                             "program",
                             "boot with lockdown=integrity"));
  else
    found.push_back(good("host-lockdown", "kernel lockdown does not forbid the programs"));
  return found;
}

}  // namespace veilwire::doctor
