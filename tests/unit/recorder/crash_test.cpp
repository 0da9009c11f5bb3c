// The promise, with the real program: it is killed again and again while two writers send; what was
// acknowledged is there, everything is there once, each writer's records in order.
#include "agent/host/recorder_link.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "tests/unit/recorder/recorder_program.h"
#include "userspace/audit/parse.h"
#include "userspace/evidence/log_check.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

using host::RecorderLink;

std::string record(std::string_view writer, std::uint64_t seq) {
  return audit::canonical(audit::sample(audit::ResponseFragment{
                              .offset = seq, .content = std::string(seq % 3000, '.'), .masks = {}}),
                          writer, seq);
}

// Of the writer, without what the recorder says itself.
std::vector<std::string> written(const std::string& path) {
  std::vector<std::string> out = all_bytes(path);
  std::erase_if(out, [](const std::string& bytes) {
    const auto parsed = audit::parse_record(bytes);
    return parsed && audit::kind(parsed->record).starts_with("checkpoint");
  });
  return out;
}

TEST(RecorderProgram, KilledAtRandomLosesAndDoublesNothing) {
  const TemporaryFolder folder;
  RecorderProgram program(folder);
  program.start();
  boost::asio::io_context loop;
  RecorderLink a(loop, folder / "recorder.sock", writer_id(1));
  RecorderLink b(loop, folder / "recorder.sock", writer_id(2));
  a.start();
  b.start();
  std::mt19937 random(7);
  std::uint64_t acknowledged = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  const auto run_until = [&](const std::function<bool()>& condition) {
    while (!condition()) {
      if (loop.stopped()) loop.restart();
      if (loop.run_one_until(deadline) == 0) return false;
    }
    return true;
  };
  for (int kills = 0; kills < 12; ++kills) {
    // Somewhere in the middle of these: some committed, some in the socket, some not sent.
    const std::uint64_t count = 100 + random() % 200;
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(a.submit(record));
      ASSERT_TRUE(b.submit(record));
    }
    const std::uint64_t target = a.counts().committed + 1 + random() % count;
    ASSERT_TRUE(run_until([&] { return a.committed(target); }));
    program.kill(SIGKILL);
    const auto stored = written(folder / "ledger.db");
    EXPECT_GE(stored.size(), a.counts().committed + b.counts().committed);
    acknowledged = a.counts().committed;
    program.start();
  }
  // Only the program that was started last can commit this: it runs when it is told to stop.
  ASSERT_TRUE(a.submit(record));
  ASSERT_TRUE(b.submit(record));
  const std::uint64_t last_a = a.counts().submitted, last_b = b.counts().submitted;
  ASSERT_TRUE(run_until([&] { return a.committed(last_a) && b.committed(last_b); }));
  EXPECT_GT(acknowledged, 0U);
  const int status = program.kill(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  std::map<std::string, std::uint64_t> next = {{host::protocol::to_hex(writer_id(1)), 1},
                                               {host::protocol::to_hex(writer_id(2)), 1}};
  for (const std::string& bytes : written(folder / "ledger.db")) {
    const auto parsed = audit::parse_record(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->seq, next.at(parsed->writer)++);
    EXPECT_EQ(bytes, record(parsed->writer, parsed->seq));
  }
  EXPECT_EQ(next.at(host::protocol::to_hex(writer_id(1))), last_a + 1);
  EXPECT_EQ(next.at(host::protocol::to_hex(writer_id(2))), last_b + 1);

  // And all of it is proven, whenever the recorder died.
  evidence::LogCheck check({});
  for (const std::string& bytes : all_bytes(folder / "ledger.db")) (void)check.add(bytes);
  EXPECT_EQ(check.report().problem_count, 0U);
  EXPECT_EQ(check.report().signed_records + 1, check.report().records);
}

TEST(RecorderProgram, HasNothingButItsFolderWhenItRuns) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: becoming another user needs root";
  const TemporaryFolder folder;
  ASSERT_EQ(::chown(folder.path().c_str(), 65534, 65534), 0);
  RecorderProgram program(folder, "65534:65534");
  program.start();
  boost::asio::io_context loop;
  RecorderLink link(loop, folder / "recorder.sock", writer_id(1));
  link.start();
  ASSERT_TRUE(link.submit(record));
  bool committed = false;
  link.on_committed(1, [&] { committed = true; });
  while (!committed) ASSERT_NE(loop.run_one(), 0U);

  std::ifstream in("/proc/" + std::to_string(program.pid()) + "/status");
  const std::string status{std::istreambuf_iterator<char>(in), {}};
  for (const char* line :
       {"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n",
        "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n",
        "NoNewPrivs:\t1\n", "Seccomp:\t2\n"}) {
    EXPECT_NE(status.find(line), std::string::npos) << line << " in\n" << status;
  }
  EXPECT_EQ(written(folder / "ledger.db").size(), 1U);
}

TEST(RecorderProgram, RefusesAFolderThatOthersCanRead) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  RecorderProgram program(folder);
  program.start();
  const int status = program.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "ledger.db"));
}

TEST(RecorderProgram, CommitsWhatItHasReadWhenItIsToldToStop) {
  const TemporaryFolder folder;
  RecorderProgram program(folder);
  program.start();
  boost::asio::io_context loop;
  RecorderLink link(loop, folder / "recorder.sock", writer_id(1));
  link.start();
  bool accepting = false;
  link.when_accepting([&] { accepting = true; });
  while (!accepting) loop.run_one();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(link.submit(record));
  const int status = program.kill(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  program.start();
  const std::uint64_t last = link.counts().submitted;
  while (!link.committed(last)) ASSERT_NE(loop.run_one(), 0U);
  EXPECT_EQ(written(folder / "ledger.db").size(), last);
}

}  // namespace
}  // namespace veilwire::recorder
