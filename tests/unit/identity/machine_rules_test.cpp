#include "userspace/identity/machine_rules.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using Cgroups = std::vector<Cgroup>;

const Cgroups kService = {{12, "import.service"}, {2, "system.slice"}, {1, ""}};
const std::vector<MachineRule> kRules = {{.name = "import", .units = {"import.service"}}};

Peer in(const Cgroups& place, std::uint32_t uid = 990) {
  Peer peer;
  peer.uid = uid;
  peer.cgroup_id = place.empty() ? 0 : place.front().id;
  return peer;
}
std::string machine_at(const Cgroups& place, const std::vector<MachineRule>& rules = kRules,
                       std::uint32_t uid = 990) {
  const MachineRule* const rule = machine_of(in(place, uid), place, rules);
  return rule == nullptr ? "" : rule->name;
}

TEST(MachineRules, AProcessOfTheServiceAndWhatIsInsideOfItsCgroup) {
  EXPECT_EQ(machine_at(kService), "import");
  EXPECT_EQ(machine_at({{13, "workers"}, {12, "import.service"}, {2, "system.slice"}, {1, ""}}),
            "import");
  EXPECT_EQ(machine_at({{12, "other.service"}, {2, "system.slice"}, {1, ""}}), "");
}

TEST(MachineRules, APersonsProcessIsNeverAMachines) {
  Peer peer = in(kService);
  peer.loginuid = 1000;
  peer.audit_session = 7;
  EXPECT_EQ(machine_of(peer, kService, kRules), nullptr);
  peer.audit_session = kUnsetAuditId;
  EXPECT_EQ(machine_of(peer, kService, kRules), nullptr);
  peer.loginuid = kUnsetAuditId;
  peer.audit_session = 7;
  EXPECT_EQ(machine_of(peer, kService, kRules), nullptr);
  peer.audit_session = kUnsetAuditId;
  EXPECT_NE(machine_of(peer, kService, kRules), nullptr);
}

TEST(MachineRules, AUnitOfTheSameNameInsideOfAnotherIsNotTheSystems) {
  EXPECT_EQ(machine_at({{12, "import.service"},
                        {6, "app.slice"},
                        {5, "user@1000.service"},
                        {4, "user-1000.slice"},
                        {3, "user.slice"},
                        {1, ""}}),
            "");
  EXPECT_EQ(
      machine_at({{12, "import.service"}, {11, "docker-4f1c.scope"}, {2, "system.slice"}, {1, ""}}),
      "");
  EXPECT_EQ(machine_at({{12, "import.service"}, {11, "delegated"}, {1, ""}}), "");
}

TEST(MachineRules, APlaceOfAnotherTimeOrWithoutItsRootIsNone) {
  Peer peer = in(kService);
  peer.cgroup_id = 99;
  EXPECT_EQ(machine_of(peer, kService, kRules), nullptr);
  EXPECT_EQ(machine_at({}), "");
  EXPECT_EQ(machine_at({{12, "import.service"}, {2, "system.slice"}}), "");
  EXPECT_EQ(machine_at({{1, ""}}), "");
}

TEST(MachineRules, UsersNarrowWhoItIsAndTheFirstRuleCounts) {
  const std::vector<MachineRule> rules = {
      {.name = "as 990", .units = {"import.service"}, .users = {990, 991}},
      {.name = "anybody", .units = {"import.service"}}};
  EXPECT_EQ(machine_at(kService, rules), "as 990");
  EXPECT_EQ(machine_at(kService, rules, 0), "anybody");
  EXPECT_EQ(machine_at(kService, {rules.front()}, 0), "");
}

TEST(MachineRules, ATemplateStandsForEachOfItsInstances) {
  const std::vector<MachineRule> rules = {{.name = "worker", .units = {"worker@.service"}}};
  const auto instance = [&](const std::string& name) {
    return machine_at({{12, name}, {11, "system-worker.slice"}, {2, "system.slice"}, {1, ""}},
                      rules);
  };
  EXPECT_EQ(instance("worker@1.service"), "worker");
  EXPECT_EQ(instance("worker@.service"), "worker");
  EXPECT_EQ(instance("worker.service"), "");
  EXPECT_EQ(instance("other-worker@1.service"), "");
  EXPECT_EQ(instance("worker@1.scope"), "");
}

TEST(MachineRules, APathIsTheCgroupAndWhatIsInsideOfIt) {
  const std::vector<MachineRule> rules = {{.name = "batch", .units = {"/jobs/batch"}}};
  EXPECT_EQ(machine_at({{12, "batch"}, {11, "jobs"}, {1, ""}}, rules), "batch");
  EXPECT_EQ(machine_at({{13, "one"}, {12, "batch"}, {11, "jobs"}, {1, ""}}, rules), "batch");
  EXPECT_EQ(machine_at({{12, "batch2"}, {11, "jobs"}, {1, ""}}, rules), "");
  EXPECT_EQ(machine_at({{12, "batch"}, {11, "jobs"}, {10, "more"}, {1, ""}}, rules), "");
}

TEST(MachineRules, WhatCannotBeMeantIsNoRule) {
  const auto fault = [](MachineRule rule) -> std::string_view {
    const auto checked = check_machine_rules({std::move(rule)});
    return checked ? "" : to_string(checked.error().fault);
  };
  EXPECT_EQ(fault(kRules.front()), "");
  EXPECT_EQ(fault({.name = "", .units = {"a.service"}}), to_string(MachineFault::NoName));
  EXPECT_EQ(fault({.name = "a\nb", .units = {"a.service"}}), to_string(MachineFault::NoName));
  EXPECT_EQ(fault({.name = "a", .units = {}}), to_string(MachineFault::NoUnit));
  for (const char* unit :
       {"", "import", "system.slice", "user@1000.service", "user@.service", "session-4.scope",
        "init.scope", "a/b.service", ".service", "/", "/system.slice", "/a//b", "/a/",
        "/user.slice/user-1000.slice/user@1000.service",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/a.service", "a",
        "/user.slice/session-1.scope"})
    EXPECT_EQ(fault({.name = "a", .units = {"a.service", unit}}), to_string(MachineFault::BadUnit))
        << unit;
  EXPECT_EQ(fault({.name = "a", .units = {"/system.slice/a.service", "/jobs/a", "a.scope"}}), "");
  EXPECT_EQ(fault({.name = "a", .units = {"a.service"}, .users = {}, .groups = {""}}),
            to_string(MachineFault::BadGroup));
  const auto twice = check_machine_rules({kRules.front(), kRules.front()});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().fault, MachineFault::SameName);
  EXPECT_EQ(twice.error().rule, 1U);
}

}  // namespace
}  // namespace veilwire::identity
