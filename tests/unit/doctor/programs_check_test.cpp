#include "agent/doctor/programs_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using ctl::ProgramReport;
using testing::HasSubstr;

Findings check(ProgramReport report) {
  ProgramsFacts facts;
  facts.report.programs = {std::move(report)};
  facts.processes = {{"proxy", 7, true}};
  Findings found = check_programs(facts);
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

ProgramReport report(ProgramReport::State state) {
  ProgramReport one;
  one.name = "proxy";
  one.state = state;
  return one;
}

TEST(ProgramsCheck, AProgramThatIsUpIsOk) {
  EXPECT_TRUE(all_ok(check(ctl::judged("proxy", R"({"healthy":true})"))));
}

TEST(ProgramsCheck, EachStateHasItsId) {
  using State = ProgramReport::State;
  EXPECT_EQ(severity_of(check(report(State::Down)), "program-down"), Severity::Critical);
  EXPECT_EQ(severity_of(check(report(State::Silent)), "program-silent"), Severity::Critical);
  EXPECT_EQ(severity_of(check(report(State::NotAllowed)), "program-up"), Severity::Unseen);
  EXPECT_EQ(severity_of(check(report(State::Unhealthy)), "program-unwell"), Severity::Warning);
}

TEST(ProgramsCheck, WhatAProgramSaysOfItselfIsTold) {
  const auto said = [](const char* document) {
    return finding_of(check(ctl::judged("proxy", document)), "program-unwell").is;
  };
  EXPECT_THAT(said(R"({"healthy":false,"error":"no memory"})"), HasSubstr("no memory"));
  EXPECT_THAT(said(R"({"healthy":false,"links":{"signer":false,"recorder":true}})"),
              HasSubstr("does not reach: signer"));
  EXPECT_THAT(said(R"({"healthy":false,"policy":{"last_change":"policy.toml:1:1: no"}})"),
              HasSubstr("refused"));
}

TEST(ProgramsCheck, AnUpgradeWithoutARestartAndSocketsThatAreLeftAreFound) {
  ProgramsFacts facts;
  facts.processes = {{"proxy", 7, false}, {"signer", 8, true}};
  facts.stale_sockets = {"/run/veilwire/proxy-status.sock"};
  const Findings found = check_programs(facts);
  EXPECT_EQ(severity_of(found, "program-outdated"), Severity::Warning);
  EXPECT_EQ(finding_of(found, "program-outdated").subject, "proxy");
  EXPECT_EQ(severity_of(found, "program-socket"), Severity::Note);
  EXPECT_TRUE(all_say_what_to_do(found));
}

TEST(ProgramsCheck, ProcessesThatNobodyCouldSeeAreNotCalledInstalled) {
  EXPECT_FALSE(has(check_programs({}), "program-outdated"));
}

}  // namespace
}  // namespace veilwire::doctor
