#include "agent/doctor/host_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

TEST(HostCheck, AHostWithNothingInTheWayIsOk) {
  EXPECT_TRUE(all_ok(check_host({})));
  HostFacts facts;
  facts.apparmor = facts.profiles_seen = true;
  facts.profiles = {"veilwire-proxy (enforce)"};
  facts.selinux = "permissive";
  facts.lockdown = "integrity";
  EXPECT_TRUE(all_ok(check_host(facts)));
  facts.profiles.clear();
  facts.profiles_seen = false;
  EXPECT_TRUE(all_ok(check_host(facts))) << "who sees no profiles says nothing about them";
}

TEST(HostCheck, EnginesModulesAndLockdownAreTold) {
  HostFacts facts;
  facts.container_engines = {"/usr/bin/podman"};
  facts.selinux = "enforcing";
  facts.lockdown = "confidentiality";
  const Findings found = check_host(facts);
  EXPECT_EQ(severity_of(found, "host-containers"), Severity::Note);
  EXPECT_EQ(severity_of(found, "host-security-module"), Severity::Note);
  EXPECT_EQ(severity_of(found, "host-lockdown"), Severity::Critical);
  EXPECT_TRUE(all_say_what_to_do(found));
}

TEST(HostCheck, ProfilesThatAreNotLoadedOrOnlyComplainAreNoted) {
  HostFacts facts;
  facts.apparmor = facts.profiles_seen = true;
  EXPECT_EQ(severity_of(check_host(facts), "host-security-module"), Severity::Note);
  facts.profiles = {"veilwire-proxy (complain)", "veilwire-signer (enforce)"};
  const Finding finding = finding_of(check_host(facts), "host-security-module");
  EXPECT_EQ(finding.severity, Severity::Note);
  EXPECT_EQ(finding.is, "it only complains about: veilwire-proxy");
}

}  // namespace
}  // namespace veilwire::doctor
