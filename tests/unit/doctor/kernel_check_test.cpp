#include "agent/doctor/kernel_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::doctor {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json good_probe() {
  return {{"release", "6.1.0-18-amd64"},
          {"btf", true},
          {"cgroup2", "/sys/fs/cgroup"},
          {"cgroup_problem", ""},
          {"bpffs", true},
          {"loads", true},
          {"load_error", ""},
          {"missing", json::array()},
          {"neighbours", json::array()}};
}

Findings check(const json& probe) {
  return check_kernel(
      {.probe = probe.dump(), .problem = "", .pin_directory = "/sys/fs/bpf/veilwire"});
}

Findings check_with(const char* key, const json& value) {
  json probe = good_probe();
  probe[key] = value;
  Findings found = check(probe);
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

TEST(KernelCheck, AKernelThatHasEverythingIsOk) { EXPECT_TRUE(all_ok(check(good_probe()))); }

TEST(KernelCheck, EachThingThatIsMissingIsCriticalUnderItsId) {
  EXPECT_EQ(severity_of(check_with("btf", false), "kernel-btf"), Severity::Critical);
  EXPECT_EQ(severity_of(check_with("cgroup2", ""), "kernel-cgroup2"), Severity::Critical);
  EXPECT_EQ(severity_of(check_with("cgroup_problem", "gone"), "kernel-cgroup2"),
            Severity::Critical);
  EXPECT_EQ(severity_of(check_with("bpffs", false), "kernel-bpffs"), Severity::Critical);
  EXPECT_EQ(severity_of(check_with("missing", {"ring buffers"}), "kernel-features"),
            Severity::Critical);
  const Findings refused = check_with("loads", false);
  EXPECT_EQ(severity_of(refused, "kernel-load"), Severity::Critical);
}

TEST(KernelCheck, VersionsAreComparedAsNumbers) {
  EXPECT_EQ(severity_of(check_with("release", "5.17.9"), "kernel-version"), Severity::Critical);
  EXPECT_EQ(severity_of(check_with("release", "5.4.0-generic"), "kernel-version"),
            Severity::Critical);
  EXPECT_EQ(severity_of(check_with("release", "4.19"), "kernel-version"), Severity::Critical);
  EXPECT_EQ(severity_of(check_with("release", "5.18"), "kernel-version"), Severity::Ok);
  EXPECT_EQ(severity_of(check_with("release", "10.0"), "kernel-version"), Severity::Ok);
  EXPECT_EQ(severity_of(check_with("release", ""), "kernel-version"), Severity::Critical);
}

TEST(KernelCheck, NeighboursAreNotedByHook) {
  const Findings found =
      check_with("neighbours", json::array({{{"hook", "vw_connect4"}, {"id", 7}, {"name", "fw"}},
                                            {{"hook", "vw_connect4"}, {"id", 8}, {"name", ""}}}));
  const Finding& finding = finding_of(found, "kernel-neighbours");
  EXPECT_EQ(finding.severity, Severity::Note);
  EXPECT_EQ(finding.subject, "vw_connect4");
  EXPECT_THAT(finding.is, HasSubstr("fw (7), without a name (8)"));
}

TEST(KernelCheck, WithoutAProbeNothingIsFine) {
  const Findings found =
      check_kernel({.probe = "", .problem = "needs root", .pin_directory = "/x"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Severity::Unseen);
  // A document of nonsense is no good word either.
  for (const Finding& finding : check_kernel({.probe = "[]", .problem = "", .pin_directory = ""})) {
    if (finding.id == "kernel-features" || finding.id == "kernel-neighbours") continue;
    EXPECT_EQ(finding.severity, Severity::Critical) << finding.id;
  }
}

}  // namespace
}  // namespace veilwire::doctor
