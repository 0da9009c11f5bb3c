#include "agent/doctor/foreign_program.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

ForeignRun shell(const std::string& script) {
  return {.command = {"/bin/sh", "-c", script}, .input = "", .confined = ::geteuid() == 0};
}

TEST(ForeignProgram, ItsWordsAndItsExitCodeCome) {
  ForeignRun run = shell("read line; echo \"$line\"; exit 3");
  run.input = "hello\n";
  const ForeignOutcome outcome = run_foreign(run);
  EXPECT_EQ(outcome.text, "hello\n");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.problem, "");
}

TEST(ForeignProgram, ItIsNobodyWithoutNetworkCapabilitiesOrOurEnvironment) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  ::setenv("VEILWIRE_SECRET", "hunter2", 1);
  const std::string said =
      run_foreign(shell("id -u; id -G; grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status; "
                        "tail -n +3 /proc/net/dev; echo net; env; ls /proc/self/fd"))
          .text;
  EXPECT_TRUE(said.starts_with("65534\n65534\n")) << said;
  EXPECT_THAT(said, HasSubstr("CapPrm:\t0000000000000000"));
  EXPECT_THAT(said, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(said, Not(HasSubstr("eth"))) << said;
  EXPECT_THAT(said, Not(HasSubstr("hunter2"))) << said;
}

TEST(ForeignProgram, ADescriptorIsGivenAsThreeAndNoOther) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ForeignRun run = shell("echo there >&3; [ -e /proc/self/fd/4 ] && echo more");
  run.descriptor = ends[1];
  EXPECT_EQ(run_foreign(run).text, "");
  char text[6] = {};
  EXPECT_EQ(::read(ends[0], text, sizeof text), 6);
  EXPECT_EQ(std::string(text, 5), "there");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ForeignProgram, OneThatHangsIsEndedWithWhatItHasStarted) {
  ForeignRun run = shell("sleep 600 & echo $!; sleep 600");
  run.patience = std::chrono::milliseconds(300);
  const auto begin = std::chrono::steady_clock::now();
  const ForeignOutcome outcome = run_foreign(run);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_THAT(outcome.problem, HasSubstr("has not ended in time"));
  EXPECT_EQ(outcome.exit_code, -1);
  const int child = std::atoi(outcome.text.c_str());
  ASSERT_GT(child, 0);
  // Killed, though perhaps not reaped yet.
  for (int i = 0;
       i < 1000 && ::access(("/proc/" + std::to_string(child) + "/exe").c_str(), F_OK) == 0; ++i)
    ::usleep(10'000);
  EXPECT_NE(::access(("/proc/" + std::to_string(child) + "/exe").c_str(), F_OK), 0);
}

TEST(ForeignProgram, OneThatLeavesAChildBehindWithItsPipeDoesNotHoldUs) {
  ForeignRun run = shell("sleep 600 & echo done");
  EXPECT_EQ(run_foreign(run).text, "done\n");
}

TEST(ForeignProgram, OneThatFloodsOrIsNotThereIsSaidSo) {
  EXPECT_THAT(run_foreign(shell("yes")).problem, HasSubstr("says too much"));
  ForeignRun absent = shell("");
  absent.command = {"/nonexistent/program"};
  EXPECT_THAT(run_foreign(absent).problem, HasSubstr("cannot be started"));
  EXPECT_THAT(run_foreign(shell("kill -9 $$")).problem, HasSubstr("signal 9"));
}

TEST(ForeignProgram, ProgramsAreFoundInTheFoldersThatAreGiven) {
  EXPECT_EQ(find_program({"no-such-program", "sh"}, {"/nonexistent", "/bin"}), "/bin/sh");
  EXPECT_EQ(find_program({"sh"}, {}), "");
}

}  // namespace
}  // namespace veilwire::doctor
