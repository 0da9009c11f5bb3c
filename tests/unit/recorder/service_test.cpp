#include "agent/recorder/service.h"

#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/protocol/recorder.h"
#include "tests/unit/recorder/running_service.h"

#include <optional>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;
using host::UniqueFd;
using protocol::RecorderStatus;

class ServiceTest : public testing::Test {
 protected:
  UniqueFd connect() {
    auto fd = host::connect_local(socket_, /*blocking=*/true);
    EXPECT_TRUE(fd);
    return std::move(*fd);
  }
  UniqueFd greet(const WriterId& writer) {
    UniqueFd fd = connect();
    EXPECT_TRUE(host::send_message(fd.get(), encode(protocol::RecorderHello{writer})));
    return fd;
  }
  // nullopt: the service has closed.
  static std::optional<protocol::RecorderAck> answer(const UniqueFd& fd) {
    const auto message = host::receive_message(fd.get());
    return message ? protocol::decode_ack(message->bytes) : std::nullopt;
  }
  static void send(const UniqueFd& fd, const Arrival& a, std::size_t piece = 48 * 1024) {
    std::string buffer;
    for (std::size_t at = 0; at < a.bytes.size(); at += piece) {
      protocol::encode({.seq = a.seq,
                        .total = static_cast<std::uint32_t>(a.bytes.size()),
                        .offset = static_cast<std::uint32_t>(at),
                        .piece = std::string_view(a.bytes).substr(at, piece)},
                       buffer);
      ASSERT_TRUE(host::send_message(fd.get(), buffer));
    }
  }
  static void wait_for(const UniqueFd& fd, std::uint64_t committed) {
    for (;;) {
      const auto ack = answer(fd);
      ASSERT_TRUE(ack);
      ASSERT_LE(ack->committed, committed);
      if (ack->committed == committed) return;
    }
  }

  // Returns once the ledger says this, after any number of looks.
  void wait_for_outcomes(const std::vector<std::string>& expected) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (outcomes(path_) != expected && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(outcomes(path_), expected);
  }

  static constexpr std::chrono::seconds kShort{1};
  TemporaryFolder folder_;
  const std::string socket_ = folder_ / "recorder.sock", path_ = folder_ / "ledger.db";
};

TEST_F(ServiceTest, AcknowledgesWhatIsCommitted) {
  const RunningService service(socket_, options_for(path_));
  const UniqueFd a = greet(writer_id(1)), b = greet(writer_id(2));
  EXPECT_EQ(answer(a)->committed, 0U);
  EXPECT_EQ(answer(b)->committed, 0U);
  for (std::uint64_t seq = 1; seq <= 200; ++seq) {
    send(a, fragment(writer_id(1), seq));
    send(b, fragment(writer_id(2), seq));
  }
  wait_for(a, 200);
  wait_for(b, 200);
  EXPECT_EQ(all_bytes(path_).size(), 400U);
  const UniqueFd again = greet(writer_id(1));
  EXPECT_EQ(answer(again)->committed, 200U);
}

TEST_F(ServiceTest, PutsALargeRecordTogether) {
  const RunningService service(socket_, options_for(path_));
  const UniqueFd fd = greet(writer_id(1));
  EXPECT_TRUE(answer(fd));
  const Arrival large = fragment(writer_id(1), 1, 900'000);
  send(fd, large);
  send(fd, fragment(writer_id(1), 2), 7);
  wait_for(fd, 2);
  EXPECT_EQ(all_bytes(path_),
            (std::vector<std::string>{large.bytes, fragment(writer_id(1), 2).bytes}));
}

TEST_F(ServiceTest, LetsAWriterAbandonAnUnfinishedRecord) {
  const RunningService service(socket_, options_for(path_));
  const UniqueFd fd = greet(writer_id(1));
  EXPECT_TRUE(answer(fd));
  send(fd, fragment(writer_id(1), 1));
  wait_for(fd, 1);
  std::string buffer;
  protocol::encode({.seq = 1, .total = 100, .offset = 0, .piece = "abc"}, buffer);
  ASSERT_TRUE(host::send_message(fd.get(), buffer));
  send(fd, fragment(writer_id(1), 2));
  wait_for(fd, 2);
  EXPECT_EQ(all_bytes(path_).size(), 2U);
}

TEST_F(ServiceTest, RefusesAUserThatIsNotAllowed) {
  const RunningService service(socket_, options_for(path_), {::geteuid() + 1});
  EXPECT_FALSE(answer(connect()));
}

TEST_F(ServiceTest, StrangersWithoutEndAreOneLineOfTheLog) {
  host::log::start("recorder", "info");
  ::testing::internal::CaptureStderr();
  {
    const RunningService service(socket_, options_for(path_), {::geteuid() + 1});
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(answer(connect()));
  }
  const std::string said = ::testing::internal::GetCapturedStderr();
  const auto first = said.find("refused a writer");
  ASSERT_NE(first, said.npos) << said;
  EXPECT_EQ(said.find("refused a writer", first + 1), said.npos) << said;
}

TEST_F(ServiceTest, ClosesOnAnythingThatIsNotTheProtocol) {
  const RunningService service(socket_, options_for(path_));
  std::string append, second;
  protocol::encode({.seq = 1, .total = 10, .offset = 0, .piece = "abc"}, append);
  protocol::encode({.seq = 1, .total = 10, .offset = 4, .piece = "abc"}, second);
  for (const std::string& first :
       {std::string("x"), append, encode(protocol::RecorderAck{}), std::string(100'000, '\0')}) {
    const UniqueFd fd = connect();
    ASSERT_TRUE(host::send_message(fd.get(), first));
    EXPECT_FALSE(answer(fd));
  }
  for (const std::string& later :
       {encode(protocol::RecorderHello{writer_id(1)}), second, std::string("x")}) {
    const UniqueFd fd = greet(writer_id(1));
    EXPECT_TRUE(answer(fd));
    ASSERT_TRUE(host::send_message(fd.get(), append));
    ASSERT_TRUE(host::send_message(fd.get(), later));
    EXPECT_FALSE(answer(fd));
  }
  EXPECT_TRUE(all_bytes(path_).empty());
  const UniqueFd fd = greet(writer_id(1));
  EXPECT_TRUE(answer(fd));
}

TEST_F(ServiceTest, LetsTheNewerConnectionOfAWriterReplaceTheOlder) {
  const RunningService service(socket_, options_for(path_));
  const UniqueFd older = greet(writer_id(1));
  EXPECT_TRUE(answer(older));
  const UniqueFd newer = greet(writer_id(1));
  EXPECT_TRUE(answer(newer));
  EXPECT_FALSE(answer(older));
}

TEST_F(ServiceTest, ReadsWhatAWriterSentBeforeItDied) {
  const RunningService service(socket_, options_for(path_));
  {
    const UniqueFd fd = greet(writer_id(1));
    // Not a single answer is read: the kernel reports that as a reset.
    for (std::uint64_t seq = 1; seq <= 40; ++seq) send(fd, fragment(writer_id(1), seq));
  }
  const UniqueFd fd = greet(writer_id(2));
  send(fd, fragment(writer_id(2), 1));
  wait_for(fd, 1);
  EXPECT_EQ(all_bytes(path_).size(), 41U);
}

TEST_F(ServiceTest, ClosesWhatAWriterThatHasGoneLeftOpen) {
  const std::string gone = "aaaa000000000001", still = "bbbb000000000002";
  const RunningService service(socket_, options_for(path_), {::geteuid()}, kShort);
  const UniqueFd b = greet(writer_id(2));
  send(b, opening(writer_id(2), 1, still, 1));
  wait_for(b, 1);
  {
    const UniqueFd a = greet(writer_id(1));
    send(a, opening(writer_id(1), 1, gone, 1));
    wait_for(a, 1);
  }
  wait_for_outcomes({"aaaa.1 proxy gone", "bbbb.1"});
}

TEST_F(ServiceTest, ClosesWhatWritersOfAnEarlierRecorderLeftOpen) {
  {
    Ledger ledger(options_for(path_));
    ASSERT_TRUE(ledger.commit(std::vector{opening(writer_id(1), 1, "aaaa000000000001", 1)}));
  }
  const RunningService service(socket_, options_for(path_), {::geteuid()}, kShort);
  wait_for_outcomes({"aaaa.1 proxy gone"});
}

TEST_F(ServiceTest, WaitsForAWriterThatComesBack) {
  const RunningService service(socket_, options_for(path_), {::geteuid()}, kShort);
  const auto begin = [&](std::uint8_t writer, const char* session) {
    UniqueFd fd = greet(writer_id(writer));
    send(fd, opening(writer_id(writer), 1, session, 1));
    wait_for(fd, 1);
    return fd;
  };
  begin(1, "aaaa000000000001").reset();
  const UniqueFd back = greet(writer_id(1));
  EXPECT_EQ(answer(back)->committed, 1U);
  begin(2, "bbbb000000000002").reset();  // goes later and stays away
  wait_for_outcomes({"aaaa.1", "bbbb.1 proxy gone"});
}

TEST_F(ServiceTest, HoldsOffTooManyWriters) {
  const RunningService service(socket_, options_for(path_));
  std::vector<UniqueFd> writers;
  for (std::size_t i = 0; i < Service::kMostWriters; ++i) {
    WriterId id = writer_id(9);
    id.bytes[0] = static_cast<std::uint8_t>(i);
    writers.push_back(greet(id));
    EXPECT_TRUE(answer(writers.back()));
  }
  EXPECT_FALSE(answer(connect()));
  writers.pop_back();
  // The place is free once the service has noticed; until then it says no, maybe before we greet.
  std::optional<protocol::RecorderAck> ack;
  while (!ack) {
    const UniqueFd fd = connect();
    if (host::send_message(fd.get(), encode(protocol::RecorderHello{writer_id(1)})))
      ack = answer(fd);
  }
}

TEST_F(ServiceTest, SaysHowItIs) {
  const RunningService service(socket_, options_for(path_));
  const UniqueFd fd = greet(writer_id(1));
  EXPECT_TRUE(answer(fd));
  send(fd, fragment(writer_id(1), 1));
  wait_for(fd, 1);
  const auto status = protocol::ask_status(socket_ + ".status", 10'000);
  ASSERT_TRUE(status);
  for (const char* member :
       {R"("program":"veilwire-recorder")", R"("healthy":true)", R"("ledger":"ok")",
        R"("records":1,)", R"("transactions":1,)", R"("writers":1,)", R"("failures":0,)",
        R"("deleted_records":0,)", R"("sinks":[],)", R"("waiting_bytes":0,)",
        R"("batch_records":{"bounds":[1,2,5,10,50,100,500,2000],"buckets":[1,0,)",
        R"("free_bytes":)", R"("most_bytes":268435456,)"}) {
    EXPECT_NE(status->find(member), std::string::npos) << member << " in " << *status;
  }
}

TEST_F(ServiceTest, SaysFullWhileItGoesOn) {
  LedgerOptions options = options_for(path_);
  options.max_bytes = 3 << 20;
  options.reserved_bytes = 1 << 20;
  const RunningService service(socket_, options);
  const UniqueFd fd = greet(writer_id(1));
  EXPECT_EQ(answer(fd)->status, RecorderStatus::Ok);
  std::uint64_t seq = 0, committed = 0;
  RecorderStatus status = RecorderStatus::Ok;
  while (status == RecorderStatus::Ok) {
    send(fd, fragment(writer_id(1), ++seq, 10'000));
    const auto ack = answer(fd);
    ASSERT_TRUE(ack);
    status = ack->status;
    committed = ack->committed;
  }
  EXPECT_EQ(status, RecorderStatus::Full);
  send(fd, fragment(writer_id(1), ++seq));
  while (committed < seq) {
    const auto ack = answer(fd);
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->status, RecorderStatus::Full);
    committed = ack->committed;
  }
  const auto document = protocol::ask_status(socket_ + ".status", 10'000);
  ASSERT_TRUE(document);
  EXPECT_NE(document->find(R"("healthy":false)"), std::string::npos) << *document;
  EXPECT_NE(document->find(R"("reason":"what is left)"), std::string::npos) << *document;
}

}  // namespace
}  // namespace veilwire::recorder
