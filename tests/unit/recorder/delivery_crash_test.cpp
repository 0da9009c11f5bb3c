// The real program is killed again and again while a sink reads and confirms: what was confirmed
// stays confirmed, and what a sink has read under a number is what stands there for good.
#include "tests/unit/recorder/delivery_client.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "tests/unit/recorder/recorder_program.h"

#include <chrono>
#include <csignal>
#include <map>
#include <random>
#include <thread>
#include <variant>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;

// A writer that sends as long as somebody takes it.
void write_records(const std::string& socket, std::uint64_t& seq, std::size_t count) {
  const auto fd = host::connect_local(socket, /*blocking=*/true);
  if (!fd ||
      !host::send_message(fd->get(), encode(protocol::RecorderHello{.writer = writer_id(1)})))
    return;
  const auto hello = host::receive_message(fd->get());
  const auto ack = hello ? protocol::decode_ack(hello->bytes) : std::nullopt;
  if (!ack) return;
  seq = ack->committed;
  std::string buffer;
  for (; count > 0; --count) {
    const Arrival next = fragment(writer_id(1), seq + 1);
    protocol::encode({.seq = next.seq,
                      .total = static_cast<std::uint32_t>(next.bytes.size()),
                      .offset = 0,
                      .piece = next.bytes},
                     buffer);
    if (!host::send_message(fd->get(), buffer)) return;
    ++seq;
  }
}

TEST(DeliveryProgram, KilledAtRandomLosesNoPositionThatWasConfirmed) {
  const TemporaryFolder folder;
  RecorderProgram program(folder);
  std::mt19937 random(11);
  std::uint64_t seq = 0, confirmed = 1, asked = 1;
  std::map<std::uint64_t, std::string> read;
  for (int kills = 0; kills < 25; ++kills) {
    program.start();
    while (!DeliveryClient(folder / "delivery.sock").connected())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::thread writer([&] { write_records(folder / "recorder.sock", seq, 400); });
    std::thread killer([&, wait = std::chrono::microseconds(random() % 60'000)] {
      std::this_thread::sleep_for(wait);
      program.kill(SIGKILL);
    });
    DeliveryClient client(folder / "delivery.sock");
    const auto answer = client.ask(protocol::Attach{.sink = "otlp", .destination = ""});
    if (answer) {
      const auto* stands = std::get_if<protocol::Attached>(&*answer);
      ASSERT_TRUE(stands);
      EXPECT_TRUE(stands->next == confirmed || stands->next == asked)
          << stands->next << ", not " << confirmed << " or " << asked;
      confirmed = asked = stands->next;
      while (true) {
        const auto got = client.read(confirmed, static_cast<std::uint32_t>(1 + random() % 20'000));
        if (!got) break;
        for (std::size_t i = 0; i < got->records.size(); ++i)
          EXPECT_EQ(read.try_emplace(confirmed + i, got->records[i]).first->second,
                    got->records[i]);
        asked = got->end.next;
        protocol::Confirm confirm{.next = asked, .dead = {}, .cosigned = {}};
        confirm.dead.push_back({.record = confirmed, .reason = "400"});
        const auto done = client.ask(confirm);
        if (!done) break;
        EXPECT_TRUE(std::holds_alternative<protocol::Attached>(*done));
        confirmed = asked;
      }
    }
    killer.join();
    writer.join();
    // Killed earlier, it may not even have made the ledger.
    if (confirmed > 1) {
      const auto sinks = LedgerReader(folder / "ledger.db").sinks();
      ASSERT_EQ(sinks.size(), 1U);
      EXPECT_TRUE(sinks[0].next == confirmed || sinks[0].next == asked);
    }
  }
  EXPECT_GT(confirmed, 100U);
  const auto all = all_bytes(folder / "ledger.db");
  for (const auto& [record, bytes] : read) EXPECT_EQ(bytes, all.at(record - 1));
}

}  // namespace
}  // namespace veilwire::recorder
