#include "agent/proxy/permitted_hosts.h"

#include "userspace/wire/leaf_cert.h"

#include <chrono>

#include <gtest/gtest.h>

namespace veilwire::proxy {
namespace {

policy::Policy policy_of(std::vector<std::string> names) {
  policy::Policy policy;
  for (std::string& name : names) policy.hosts.push_back({std::move(name)});
  return policy;
}

TEST(PermittedHosts, AreThoseWithinTheConstraintsOfTheAuthority) {
  const WallTime now{std::chrono::system_clock::now().time_since_epoch()};
  const auto ca = wire::make_ca({"g1",
                                 {"api.example.test", "*.wild.test"},
                                 now,
                                 {now.since_epoch + std::chrono::hours(1)},
                                 "0123456789abcdef"});
  ASSERT_TRUE(ca);
  const policy::Policy policy =
      policy_of({"api.example.test", "*.wild.test", "sub.api.example.test", "other.example.test",
                 "wild.test", "*.other.test"});
  EXPECT_EQ(not_permitted(policy, ca->certificate_pem),
            (std::vector<std::string>{"other.example.test", "*.other.test"}));
  EXPECT_TRUE(not_permitted(policy, "no chain").empty());
}

}  // namespace
}  // namespace veilwire::proxy
