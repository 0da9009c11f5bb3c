#include "agent/host/recorder_link.h"
#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/running_service.h"

#include <atomic>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>

namespace veilwire::recorder {
namespace {

using host::RecorderLink;
namespace protocol = host::protocol;

RecorderLink::Build build(std::size_t padding = 0) {
  return [padding](std::string_view writer, std::uint64_t seq) {
    return audit::canonical(audit::sample(audit::ResponseFragment{
                                .offset = seq, .content = std::string(padding, '.'), .masks = {}}),
                            writer, seq);
  };
}

class LinkTest : public testing::Test {
 protected:
  // Runs the loop until the condition holds; false when there is nothing left to wait for.
  bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (loop_.stopped()) loop_.restart();
      if (loop_.run_one_until(deadline) == 0) return condition();
    }
    return true;
  }
  bool run_until_committed(std::uint64_t seq) {
    bool done = false;
    link_.on_committed(seq, [&] { done = true; });
    return run_until([&] { return done; });
  }

  TemporaryFolder folder_;
  const std::string socket_ = folder_ / "recorder.sock", path_ = folder_ / "ledger.db";
  boost::asio::io_context loop_;
  RecorderLink link_{loop_, socket_, writer_id(1)};
};

TEST_F(LinkTest, GivesNumbersAndSaysWhenARecordIsSafe) {
  const RunningService service(socket_, options_for(path_));
  EXPECT_FALSE(link_.accepting());
  link_.start();
  EXPECT_TRUE(run_until([&] { return link_.accepting(); }));
  EXPECT_EQ(*link_.submit(build()), 1U);
  EXPECT_EQ(*link_.submit(build()), 2U);
  EXPECT_TRUE(link_.handed(2));  // at once: there is room in the socket
  EXPECT_FALSE(link_.committed(1));
  EXPECT_TRUE(run_until_committed(2));
  EXPECT_TRUE(link_.committed(1));
  EXPECT_FALSE(link_.committed(3));
  EXPECT_EQ(link_.counts().backlog_bytes, 0U);
  EXPECT_EQ(all_bytes(path_).size(), 2U);
}

TEST_F(LinkTest, RunsCallbacksFromTheLoopInOrder) {
  const RunningService service(socket_, options_for(path_));
  link_.start();
  std::vector<int> order;
  link_.on_committed(2, [&] { order.push_back(3); });
  link_.on_handed(2, [&] { order.push_back(2); });
  link_.on_handed(1, [&] { order.push_back(1); });
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(link_.submit(build()));
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(run_until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  // What holds already is told as well, still not from inside the call.
  link_.on_committed(1, [&] { order.push_back(4); });
  EXPECT_EQ(order.size(), 3U);
  EXPECT_TRUE(run_until([&] { return order.size() == 4; }));
}

TEST_F(LinkTest, WaitsForARecorderThatIsNotThereYet) {
  link_.start();
  EXPECT_EQ(link_.obstacle(), "recorder not reachable");
  EXPECT_EQ(*link_.submit(build()), 1U);
  EXPECT_FALSE(link_.handed(1));
  EXPECT_TRUE(run_until([&] { return link_.counts().reconnects >= 3; }));
  bool told = false;
  link_.when_accepting([&] { told = true; });
  const RunningService service(socket_, options_for(path_));
  EXPECT_TRUE(run_until_committed(1));
  EXPECT_TRUE(run_until([&] { return told; }));
  EXPECT_EQ(all_bytes(path_).size(), 1U);
}

TEST_F(LinkTest, SendsAgainToARecorderThatWasRestarted) {
  std::uint64_t seq = 0;
  {
    const RunningService service(socket_, options_for(path_));
    link_.start();
    EXPECT_TRUE(run_until([&] { return link_.accepting(); }));
    for (; seq < 100; ++seq) ASSERT_TRUE(link_.submit(build(500)));
    EXPECT_TRUE(run_until_committed(10));
    for (; seq < 200; ++seq) ASSERT_TRUE(link_.submit(build(500)));
  }
  for (; seq < 300; ++seq) ASSERT_TRUE(link_.submit(build(500)));
  const RunningService service(socket_, options_for(path_));
  EXPECT_TRUE(run_until_committed(300));
  std::vector<std::string> expected;
  const std::string writer = protocol::to_hex(writer_id(1));
  for (seq = 1; seq <= 300; ++seq) expected.push_back(build(500)(writer, seq));
  EXPECT_EQ(all_bytes(path_), expected);
}

TEST_F(LinkTest, CarriesRecordsOfAnySizeAndRefusesLarger) {
  const RunningService service(socket_, options_for(path_));
  link_.start();
  std::vector<std::string> expected;
  for (const std::size_t size : {0U, 40'000U, 49'000U, 100'000U, 1'000'000U}) {
    const auto seq = link_.submit(build(size));
    ASSERT_TRUE(seq);
    expected.push_back(build(size)(protocol::to_hex(writer_id(1)), *seq));
  }
  const auto large = link_.submit(build(2'000'000));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error(), RecorderLink::SubmitError::TooLarge);
  const auto empty = link_.submit([](auto, auto) { return std::string(); });
  ASSERT_FALSE(empty);
  EXPECT_EQ(*link_.submit(build()), 6U);  // a refused record has no number
  EXPECT_TRUE(run_until_committed(6));
  expected.push_back(build()(protocol::to_hex(writer_id(1)), 6));
  EXPECT_EQ(all_bytes(path_), expected);
}

TEST_F(LinkTest, BoundsWhatItKeeps) {
  link_.start();
  std::optional<RecorderLink::SubmitError> error;
  std::uint64_t last = 0;
  while (!error) {
    const auto seq = link_.submit(build(500'000));
    if (!seq) {
      error = seq.error();
    } else {
      last = *seq;
    }
    ASSERT_LT(last, 1000U);
  }
  EXPECT_EQ(*error, RecorderLink::SubmitError::Full);
  EXPECT_LT(link_.counts().backlog_bytes, RecorderLink::kBacklogMost + 600'000);
  const RunningService service(socket_, options_for(path_));
  EXPECT_FALSE(link_.accepting());
  bool told = false;
  link_.when_accepting([&] {
    told = true;
    EXPECT_LE(link_.counts().backlog_bytes, RecorderLink::kBacklog);
  });
  EXPECT_TRUE(run_until_committed(last));
  EXPECT_TRUE(told);
  EXPECT_EQ(all_bytes(path_).size(), last);
}

TEST_F(LinkTest, DoesNotAcceptWhenTheRecorderIsFull) {
  LedgerOptions options = options_for(path_);
  options.max_bytes = 2 << 20;
  options.reserved_bytes = 1 << 20;
  const RunningService service(socket_, options);
  link_.start();
  EXPECT_TRUE(run_until([&] { return link_.accepting(); }));
  std::uint64_t seq = 0;
  while (link_.accepting()) {
    ASSERT_TRUE(link_.submit(build(10'000)));
    ASSERT_TRUE(run_until_committed(++seq));
  }
  EXPECT_EQ(link_.obstacle(), "recorder full");
  EXPECT_TRUE(link_.submit(build()));
  EXPECT_TRUE(run_until_committed(++seq));  // what has begun is still taken
  // The first record beyond the reserve is on its way before anybody knows; then nothing is.
  while (link_.obstacle() == "recorder full") {
    ASSERT_LT(seq, 2000U);
    ASSERT_TRUE(link_.submit(build(10'000)));
    ++seq;
    ASSERT_TRUE(
        run_until([&] { return link_.committed(seq) || link_.obstacle() != "recorder full"; }));
  }
  EXPECT_EQ(link_.obstacle(), "recorder full, reserve and all");
  ASSERT_TRUE(link_.submit(build()));
  EXPECT_FALSE(link_.handed(++seq));
}

TEST_F(LinkTest, HandsNothingToARecorderThatCannotWrite) {
  FaultyDisk disk;
  std::atomic<bool> broken = true;
  const auto open = [&, first = true]() mutable {
    if (!std::exchange(first, false) && broken) throw SqliteError(0, "still broken");
    LedgerOptions options = options_for(path_);
    options.vfs = FaultyDisk::kName;
    Ledger ledger(options);
    if (broken) disk.arm(FaultyDisk::Fault::SyncError, 1);
    return ledger;
  };
  const RunningService service(socket_, open);
  link_.start();
  EXPECT_TRUE(run_until([&] { return link_.accepting(); }));
  ASSERT_TRUE(link_.submit(build()));
  EXPECT_TRUE(run_until([&] { return link_.obstacle() == "recorder cannot write"; }));
  ASSERT_TRUE(link_.submit(build()));
  EXPECT_FALSE(link_.handed(2));
  // Nor does a link that comes to it now.
  RecorderLink other(loop_, socket_, writer_id(2));
  ASSERT_TRUE(other.submit(build()));
  other.start();
  EXPECT_TRUE(run_until([&] { return other.obstacle() == "recorder cannot write"; }));
  EXPECT_FALSE(other.handed(1));

  broken = false;
  EXPECT_TRUE(run_until_committed(2));
  EXPECT_TRUE(run_until([&] { return other.committed(1); }));
  EXPECT_EQ(all_bytes(path_).size(), 3U);
}

TEST_F(LinkTest, StopsWithoutRunningCallbacks) {
  {
    const RunningService service(socket_, options_for(path_));
    link_.start();
    EXPECT_TRUE(run_until([&] { return link_.accepting(); }));
    bool called = false;
    ASSERT_TRUE(link_.submit(build()));
    link_.on_handed(1, [&] { called = true; });
    link_.stop();
    loop_.run();  // returns: nothing of the link keeps it running
    EXPECT_FALSE(called);
  }
}

// Whoever else may listen there: numbers that were never given end the connection, and nothing is
// forgotten because of them.
TEST_F(LinkTest, DoesNotBelieveARecorderThatAcknowledgesTheFuture) {
  const host::UniqueFd listener = host::listen_local(socket_, 0600);
  link_.start();
  ASSERT_TRUE(link_.submit(build()));
  for (const std::string& lie : {encode(protocol::RecorderAck{2, protocol::RecorderStatus::Ok}),
                                 std::string("x"), encode(protocol::RecorderHello{})}) {
    const std::uint64_t before = link_.counts().reconnects;
    std::optional<host::Accepted> accepted;
    EXPECT_TRUE(run_until([&] {
      if (auto peer = host::accept_local(listener.get())) accepted = std::move(*peer);
      return accepted.has_value();
    }));
    ASSERT_TRUE(accepted);
    ASSERT_TRUE(host::send_message(accepted->fd.get(), lie));
    EXPECT_TRUE(run_until([&] { return link_.counts().reconnects > before; }));
    EXPECT_FALSE(link_.handed(1));
  }
}

}  // namespace
}  // namespace veilwire::recorder
