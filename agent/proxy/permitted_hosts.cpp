#include "agent/proxy/permitted_hosts.h"

#include "userspace/wire/leaf_cert.h"

namespace veilwire::proxy {

std::vector<std::string> not_permitted(const policy::Policy& policy, std::string_view ca_pem) {
  std::vector<std::string> hosts;
  for (const policy::Host& host : policy.hosts) {
    // Any name below a wildcard stands for all: a subtree covers them or it does not.
    const std::string name = host.name.starts_with("*.") ? "x" + host.name.substr(1) : host.name;
    if (const auto permits = wire::chain_permits(ca_pem, name); permits && !*permits)
      hosts.push_back(host.name);
  }
  return hosts;
}

}  // namespace veilwire::proxy
