// Hosts that the policy intercepts and the internal CA may not sign for: each of their connections
// would fail, and only the client would hear of it. Tested by
// tests/unit/proxy/permitted_hosts_test.cpp.
#pragma once

#include "userspace/policy/policy.h"

#include <string>
#include <string_view>
#include <vector>

namespace veilwire::proxy {

// By the name constraints of the CA's certificates. A chain that cannot be read forbids nothing
// here: the signer says so.
std::vector<std::string> not_permitted(const policy::Policy& policy, std::string_view ca_pem);

}  // namespace veilwire::proxy
