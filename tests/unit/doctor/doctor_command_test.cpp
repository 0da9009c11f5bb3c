#include "agent/doctor/doctor_command.h"

#include "tests/unit/ctl/run_veilwire.h"
#include "tests/unit/ctl/scratch_folder.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using ::testing::HasSubstr;

TEST(DoctorCommand, HelpSaysTheExitCodes) {
  const auto ran = testing::run("doctor --help 2>/dev/null");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.output, HasSubstr("Exit code: 0 nothing is wrong"));
  EXPECT_EQ(testing::run("doctor --frobnicate 2>/dev/null").exit_code, 2);
}

TEST(DoctorCommand, AConfigurationThatIsNoneIsCriticalAndEndsIt) {
  const testing::ScratchFolder folder;
  const std::string config = folder.write("agent.toml", "[proxi]\n");
  const auto ran = testing::run("doctor --config " + config);
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.output, HasSubstr("config-file"));
  EXPECT_THAT(ran.output, HasSubstr("veilwire CRITICAL: 1 critical, 0 ok\n"));
}

TEST(DoctorCommand, WhatHangsIsSaidAndIsNoHealth) {
  std::ostringstream out;
  EXPECT_EQ(run_doctor({.config = "/nonexistent/agent.toml",
                        .config_given = false,
                        .program_folder = "/nonexistent"},
                       std::chrono::milliseconds(0), out),
            3);
  EXPECT_THAT(out.str(), HasSubstr("did not come to its end"));
}

}  // namespace
}  // namespace veilwire::doctor
