#include "agent/doctor/host_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

TEST(HostCheck, AHostWithNothingInTheWayIsOk) {
  EXPECT_TRUE(all_ok(check_host({})));
  EXPECT_TRUE(all_ok(check_host({.container_engines = {},
                                 .apparmor = true,
                                 .selinux = "permissive",
                                 .lockdown = "integrity"})));
}

TEST(HostCheck, EnginesModulesAndLockdownAreTold) {
  const Findings found = check_host({.container_engines = {"/usr/bin/podman"},
                                     .apparmor = false,
                                     .selinux = "enforcing",
                                     .lockdown = "confidentiality"});
  EXPECT_EQ(severity_of(found, "host-containers"), Severity::Note);
  EXPECT_EQ(severity_of(found, "host-security-module"), Severity::Note);
  EXPECT_EQ(severity_of(found, "host-lockdown"), Severity::Critical);
  EXPECT_TRUE(all_say_what_to_do(found));
}

}  // namespace
}  // namespace veilwire::doctor
