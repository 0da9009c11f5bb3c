#include "agent/doctor/units_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using testing::HasSubstr;

std::string shipped(const std::string& name) {
  std::ifstream in(VEILWIRE_SOURCE_DIR "/packaging/systemd/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// As systemd 252 writes them.
UnitFacts proxy() {
  return {.name = "veilwire-proxy.service",
          .shipped = shipped("veilwire-proxy.service"),
          .effective = {{"LoadState", "loaded"},
                        {"ActiveState", "active"},
                        {"DropInPaths", ""},
                        {"NRestarts", "0"},
                        {"User", "veilwire"},
                        {"NoNewPrivileges", "yes"},
                        {"ProtectSystem", "strict"},
                        {"ProtectProc", "invisible"},
                        {"MemoryDenyWriteExecute", "yes"},
                        {"CapabilityBoundingSet", ""},
                        {"AmbientCapabilities", ""}}};
}
UnitFacts redirector(const std::string& capabilities) {
  return {.name = "veilwire-redirector.service",
          .shipped = shipped("veilwire-redirector.service"),
          .effective = {{"CapabilityBoundingSet", capabilities}}};
}

Findings check(UnitFacts unit) {
  Findings found = check_units({.systemd = true, .problem = "", .units = {std::move(unit)}});
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

TEST(UnitsCheck, ASandboxAsItWasShippedIsOk) {
  EXPECT_TRUE(all_ok(check(proxy())));
  // systemd has an order and a spelling of its own, and fewer are not weaker.
  EXPECT_TRUE(all_ok(check(redirector("cap_dac_read_search cap_net_admin cap_bpf"))));
}

TEST(UnitsCheck, ADropInThatWeakensIsAWarningWithWhatItHasChanged) {
  UnitFacts unit = proxy();
  unit.effective["ProtectSystem"] = "full";
  unit.effective["DropInPaths"] = "/etc/systemd/system/veilwire-proxy.service.d/debug.conf";
  const Findings found = check(unit);
  EXPECT_EQ(severity_of(found, "unit-sandbox"), Severity::Warning);
  EXPECT_THAT(finding_of(found, "unit-sandbox").is, HasSubstr("ProtectSystem=full"));
  EXPECT_THAT(finding_of(found, "unit-sandbox").to_do, HasSubstr("debug.conf"));
  EXPECT_TRUE(has(check(redirector("cap_bpf cap_sys_module")), "unit-sandbox"));
  unit = proxy();
  unit.effective["CapabilityBoundingSet"] = "cap_net_raw";
  EXPECT_TRUE(has(check(unit), "unit-sandbox"));
}

TEST(UnitsCheck, ADropInThatWeakensNothingIsANote) {
  UnitFacts unit = proxy();
  unit.effective["DropInPaths"] = "/etc/systemd/system/veilwire-proxy.service.d/limits.conf";
  EXPECT_EQ(severity_of(check(unit), "unit-drop-in"), Severity::Note);
}

TEST(UnitsCheck, AUnitThatFailedOrRestartsAgainAndAgainIsFound) {
  UnitFacts unit = proxy();
  unit.effective["ActiveState"] = "failed";
  unit.effective["NRestarts"] = "12";
  EXPECT_EQ(severity_of(check(unit), "unit-failed"), Severity::Critical);
  EXPECT_EQ(severity_of(check(unit), "unit-restarts"), Severity::Warning);
}

TEST(UnitsCheck, WhatThisSystemdDoesNotKnowIsNobodysDoing) {
  UnitFacts unit = proxy();
  unit.effective.erase("ProtectProc");
  EXPECT_TRUE(all_ok(check(unit)));
}

TEST(UnitsCheck, WithoutSystemdTheSandboxIsSaidNotToHold) {
  EXPECT_EQ(severity_of(check_units({}), "units"), Severity::Note);
  EXPECT_EQ(severity_of(check_units({.systemd = true, .problem = "no bus", .units = {}}), "units"),
            Severity::Unseen);
}

TEST(UnitsCheck, OfAUnitsTextTheLastValueCounts) {
  const UnitProperties read = read_unit("# User=root\n[Service]\nUser=a\nUser=b\nUMask=\n");
  EXPECT_EQ(read, (UnitProperties{{"User", "b"}, {"UMask", ""}}));
}

}  // namespace
}  // namespace veilwire::doctor
