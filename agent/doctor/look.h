// Gathers the facts that the checks judge. Each of these looks at one part of the host, changes
// nothing, and has a bound on its time for whatever may hang; none of them judges. What cannot be
// seen is said in the facts. Tested by tests/unit/doctor/look_test.cpp and
// tests/e2e/doctor_test.py.
#pragma once

#include "agent/doctor/authority_check.h"
#include "agent/doctor/clients_check.h"
#include "agent/doctor/files_check.h"
#include "agent/doctor/host_check.h"
#include "agent/doctor/identity_check.h"
#include "agent/doctor/kernel_check.h"
#include "agent/doctor/ledger_check.h"
#include "agent/doctor/metrics_check.h"
#include "agent/doctor/places.h"
#include "agent/doctor/policy_check.h"
#include "agent/doctor/programs_check.h"
#include "agent/doctor/trust_check.h"
#include "agent/doctor/units_check.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::doctor {

KernelFacts look_at_kernel(const Places& places);
ctl::StatusReport look_at_status(const Places& places);
ProgramsFacts look_at_programs(const Places& places, const ctl::StatusReport& report);
// Also fills in the rule packs that the policy names, for look_at_files().
PolicyFacts look_at_policy(const Places& places, const ctl::StatusReport& report,
                           std::vector<std::string>& packs);
AuthorityFacts look_at_authority(const Places& places, const ctl::StatusReport& report,
                                 const std::vector<std::string>& hosts, WallTime now);
// Asks the signer for a certificate, as the proxy does, and shows it to each runtime.
TrustFacts look_at_trust(const Places& places, const AuthorityFacts& authority);
// probe: of look_at_kernel(), for where the cgroup is.
ClientFacts look_at_clients(const Places& places, const KernelFacts& kernel,
                            const ctl::StatusReport& report, const std::vector<std::string>& hosts);
IdentityFacts look_at_identity(const Places& places, const ctl::StatusReport& report);
LedgerFacts look_at_ledger(const Places& places, const ctl::StatusReport& report, WallTime now);
std::vector<FileFacts> look_at_files(const Places& places, const std::vector<std::string>& packs);
UnitsFacts look_at_units(const Places& places);
MetricsFacts look_at_metrics(const Places& places);
HostFacts look_at_host();

// A regular file of at most so many bytes, whoever made it: a link, a pipe or a device at its place
// is none. nullopt: there is no such file, or it cannot be read.
std::optional<std::string> read_bounded(const std::string& path, std::size_t most = 1024 * 1024);

}  // namespace veilwire::doctor
