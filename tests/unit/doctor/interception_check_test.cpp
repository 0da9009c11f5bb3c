#include "agent/doctor/interception_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::doctor {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json link(const char* program, bool works) {
  return {{"program", program}, {"attached", works}, {"effective", works}};
}
json listener(int family) { return {{"family", family}, {"listening", true}}; }

json good_kernel() {
  return {{"loaded", true},
          {"effective", true},
          {"proxy_alive", true},
          {"mode", "closed"},
          {"links", {link("vw_connect4", true), link("vw_connect6", true)}},
          {"listeners", {listener(4), listener(6)}},
          {"counters", {{"redirected", 12}, {"label_full", 0}}},
          {"ports", {443}}};
}

ctl::StatusReport report_of(const json& kernel) {
  ctl::StatusReport report;
  report.kernel = kernel.dump();
  report.programs = {ctl::judged("proxy", R"({"healthy":true,"policy":{"ports":[443]}})")};
  return report;
}

Findings check_with(const char* key, const json& value) {
  json kernel = good_kernel();
  kernel[key] = value;
  Findings found = check_interception(report_of(kernel));
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

TEST(InterceptionCheck, WhatIsInEffectIsOk) {
  EXPECT_TRUE(all_ok(check_interception(report_of(good_kernel()))));
}

TEST(InterceptionCheck, AProgramThatTheKernelDoesNotRunIsCriticalAndNamed) {
  json kernel = good_kernel();
  kernel["effective"] = false;
  kernel["links"] = {link("vw_connect4", false), link("vw_connect6", true)};
  const Findings found = check_interception(report_of(kernel));
  EXPECT_EQ(severity_of(found, "interception-programs"), Severity::Critical);
  EXPECT_THAT(finding_of(found, "interception-programs").is, HasSubstr("vw_connect4"));
}

TEST(InterceptionCheck, ALinkOfAFormerCgroupIsANoteWhileAllIsEffective) {
  const Findings found =
      check_with("links", {link("vw_accepting-7", false), link("vw_accepting-9", true)});
  EXPECT_EQ(severity_of(found, "interception-programs"), Severity::Note);
}

TEST(InterceptionCheck, WithoutAListenerNobodyTakesWhatIsRedirected) {
  EXPECT_EQ(severity_of(check_with("listeners", json::array()), "interception-listeners"),
            Severity::Critical);
  const Findings one = check_with("listeners", json::array({listener(4)}));
  EXPECT_EQ(severity_of(one, "interception-listeners"), Severity::Warning);
  EXPECT_EQ(severity_of(check_with("proxy_alive", false), "interception-proxy"),
            Severity::Critical);
}

TEST(InterceptionCheck, ModesAreToldApart) {
  EXPECT_EQ(severity_of(check_with("mode", "off"), "interception-mode"), Severity::Critical);
  EXPECT_EQ(severity_of(check_with("mode", "open"), "interception-mode"), Severity::Note);
}

TEST(InterceptionCheck, LossesAreNotedByCounter) {
  const Findings found = check_with("counters", {{"handoff_full", 3}});
  EXPECT_EQ(finding_of(found, "interception-losses").subject, "handoff_full");
  EXPECT_THAT(finding_of(found, "interception-losses").is, HasSubstr("3 since"));
}

TEST(InterceptionCheck, APortThatIsReadAndNotRedirectedIsAWarning) {
  EXPECT_EQ(severity_of(check_with("ports", {8443}), "interception-ports"), Severity::Warning);
}

TEST(InterceptionCheck, NothingLoadedIsCriticalAndNothingSeenIsUnseen) {
  const Findings gone = check_interception(report_of({{"loaded", false}}));
  EXPECT_EQ(severity_of(gone, "interception"), Severity::Critical);
  ctl::StatusReport hidden;
  hidden.kernel_note = "the kernel's pins are for root alone";
  EXPECT_EQ(severity_of(check_interception(hidden), "interception"), Severity::Unseen);
}

}  // namespace
}  // namespace veilwire::doctor
