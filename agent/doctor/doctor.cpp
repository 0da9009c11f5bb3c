#include "agent/doctor/doctor.h"

#include "agent/doctor/interception_check.h"
#include "agent/doctor/look.h"
#include "agent/host/config.h"

namespace veilwire::doctor {

Findings examine(const DoctorOptions& options, WallTime now,
                 const std::function<void(const std::string&)>& tell) {
  Findings found;
  Places places;
  try {
    tell("the configuration");
    places = find_places(options.config, options.config_given, options.program_folder);
  } catch (const host::ConfigError& error) {
    // Where everything else is stands in it.
    return {
        critical("config-file", options.config, error.what(), "correct the line that it names")};
  }
  found.push_back(good("config-file", places.config.empty()
                                          ? "there is no " + options.config + ": defaults hold"
                                          : places.config + " can be read"));
  tell("the kernel");
  const KernelFacts kernel = look_at_kernel(places);
  append(found, check_kernel(kernel));
  tell("the programs");
  const ctl::StatusReport report = look_at_status(places);
  append(found, check_interception(report));
  append(found, check_programs(look_at_programs(places, report)));
  tell("the policy");
  std::vector<std::string> packs;
  const PolicyFacts policy = look_at_policy(places, report, packs);
  append(found, check_policy(policy));
  tell("the internal CA");
  const AuthorityFacts authority = look_at_authority(places, report, policy.hosts, now);
  append(found, check_authority(authority));
  // Without a CA there is nothing to trust.
  if (authority.pem) append(found, check_trust(look_at_trust(places, authority)));
  tell("clients");
  append(found, check_clients(look_at_clients(places, kernel, report, policy.hosts)));
  tell("the identity provider");
  append(found, check_identity(look_at_identity(places, report)));
  tell("the ledger");
  append(found, check_ledger(look_at_ledger(places, report, now)));
  tell("files");
  append(found, check_files(look_at_files(places, packs)));
  tell("units");
  const UnitsFacts units = look_at_units(places);
  append(found, check_units(units));
  tell("metrics");
  append(found, check_metrics(look_at_metrics(places), report, units));
  tell("the host");
  append(found, check_host(look_at_host()));
  return found;
}

}  // namespace veilwire::doctor
