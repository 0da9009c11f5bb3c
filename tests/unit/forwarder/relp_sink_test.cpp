// Against receivers that answer as told; rsyslog_test.cpp has a real one.
#include "agent/forwarder/relp_sink.h"

#include "agent/forwarder/relp_frames.h"
#include "agent/host/clock.h"
#include "tests/unit/forwarder/receiver.h"
#include "tests/unit/forwarder/told_samples.h"

#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace veilwire::forwarder {
namespace {

using namespace testing;
using projection::Level;

// What a server of RELP answers to a command: nothing where it is to end the connection.
using Answer = std::function<std::optional<std::string>(const RelpFrame&)>;

std::string rsp(const RelpFrame& to, const std::string& data) {
  return relp_frame(to.transaction, "rsp", data);
}
std::string ok(const RelpFrame& frame) {
  if (frame.command == "open") return rsp(frame, "200 OK\nrelp_version=0\ncommands=syslog");
  return rsp(frame, frame.command == "close" ? "" : "200 OK");
}
bool is_message(const RelpFrame& frame, std::uint64_t seq) {
  return frame.data.find(" seq=\"" + std::to_string(seq) + "\"") != std::string::npos;
}

class Server {
 public:
  explicit Server(Answer answer)
      : answer_(std::move(answer)), receiver_([this](Stream& stream) { serve(stream); }) {}
  std::uint16_t port() const { return receiver_.port(); }
  std::vector<RelpFrame> frames() const {
    const std::lock_guard lock(mutex_);
    return frames_;
  }

 private:
  void serve(Stream& stream) {
    std::string bytes;
    while (true) {
      auto frame = take_relp_frame(bytes);
      if (!frame) return;
      if (!*frame) {
        if (!stream.read(bytes)) return;
        continue;
      }
      const std::lock_guard lock(mutex_);
      frames_.push_back(**frame);
      const auto answer = answer_(**frame);
      if (!answer) return;
      stream.write(*answer);
    }
  }

  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<RelpFrame> frames_;
  Receiver receiver_;
};

Sent send(std::uint16_t port, std::span<const Told> told, Level level = Level::Masked,
          std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  SyslogSettings settings;
  settings.host = "127.0.0.1";
  settings.port = port;
  settings.tls = false;
  settings.timeout = timeout;
  boost::asio::io_context io;
  RelpSink sink(io, settings, level, kSource, [] { return host::now().wall; });
  return send_all(io, sink, told);
}

TEST(RelpSink, OpensSendsAndCloses) {
  Server server(ok);
  const Sent sent = send(server.port(), told_records(600));
  EXPECT_EQ(sent.done, 600U) << sent.problem;
  const auto frames = server.frames();
  ASSERT_EQ(frames.size(), 602U);
  EXPECT_EQ(frames.front().command, "open");
  EXPECT_EQ(frames.front().data, "relp_version=0\nrelp_software=veilwire\ncommands=syslog");
  for (std::size_t at = 0; at < frames.size(); ++at) EXPECT_EQ(frames[at].transaction, at + 1);
  EXPECT_TRUE(is_message(frames[1], 1));
  EXPECT_TRUE(is_message(frames[600], 600));
  EXPECT_EQ(frames.back().command, "close");
}

TEST(RelpSink, WhatALevelHasNothingToSayOfNeedsNoConnection) {
  EXPECT_EQ(send(1, told_records(5), Level::Findings).done, 5U);
}

TEST(RelpSink, WhatIsAcknowledgedFromTheFirstOnIsDone) {
  Server server([](const RelpFrame& frame) -> std::optional<std::string> {
    if (is_message(frame, 300)) return std::nullopt;
    return ok(frame);
  });
  const Sent sent = send(server.port(), told_records(600));
  // The end may overtake its last answers.
  EXPECT_GE(sent.done, 256U);
  EXPECT_LE(sent.done, 299U);
  EXPECT_TRUE(sent.refused.empty());
  EXPECT_NE(sent.problem, "");
}

TEST(RelpSink, AnswersMayComeInAnyOrder) {
  std::string held;
  Server server([&](const RelpFrame& frame) -> std::optional<std::string> {
    if (frame.command != "syslog") return ok(frame);
    held = ok(frame) + held;
    return is_message(frame, 5) ? held : "";
  });
  EXPECT_EQ(send(server.port(), told_records(5)).done, 5U);
}

TEST(RelpSink, AGapInTheAnswersIsNotPassedOver) {
  Server server([](const RelpFrame& frame) -> std::optional<std::string> {
    if (is_message(frame, 5)) return std::nullopt;
    return is_message(frame, 3) ? "" : ok(frame);
  });
  EXPECT_EQ(send(server.port(), told_records(5)).done, 2U);
}

TEST(RelpSink, AMessageThatIsRefusedIsADeadLetterWhereOthersAreTaken) {
  Server server([](const RelpFrame& frame) -> std::optional<std::string> {
    return is_message(frame, 3) ? rsp(frame, "500 what it says is not repeated") : ok(frame);
  });
  const Sent sent = send(server.port(), told_records(5));
  EXPECT_EQ(sent.done, 5U);
  ASSERT_EQ(sent.refused.size(), 1U);
  EXPECT_EQ(sent.refused.front().record, 3U);
  EXPECT_EQ(sent.refused.front().reason, "refused by the receiver");
}

TEST(RelpSink, NothingIsRefusedForAReceiverThatRefusesEverything) {
  Server server([](const RelpFrame& frame) -> std::optional<std::string> {
    return frame.command == "syslog" ? rsp(frame, "500 no") : ok(frame);
  });
  const Sent sent = send(server.port(), told_records(5));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_TRUE(sent.refused.empty());
  EXPECT_EQ(sent.problem, "it refuses every message");
}

TEST(RelpSink, ARecordThatNobodyCanReadIsRefusedAndTheOthersGo) {
  Server server(ok);
  std::vector<Told> told = told_records(3);
  told[2].parsed.reset();
  const Sent sent = send(server.port(), told);
  EXPECT_EQ(sent.done, 3U);
  ASSERT_EQ(sent.refused.size(), 1U);
  EXPECT_EQ(sent.refused.front().record, 3U);
}

TEST(RelpSink, AnAnswerThatIsNoneLosesNothing) {
  const Answer answers[] = {
      [](const RelpFrame&) { return std::nullopt; },
      [](const RelpFrame&) { return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"; },
      [](const RelpFrame& frame) { return rsp(frame, "500 no"); },
      [](const RelpFrame& frame) { return rsp(frame, "200 OK\ncommands=other"); },
      [](const RelpFrame& frame) {
        return frame.command == "open" ? ok(frame) : "0 serverclose 0\n";
      },
      [](const RelpFrame& frame) { return frame.command == "open" ? ok(frame) : rsp(frame, "OK"); },
      [](const RelpFrame& frame) {
        return frame.command == "open" ? ok(frame) : relp_frame(77, "rsp", "200 OK");
      },
      [](const RelpFrame& frame) {
        return frame.command == "open" ? ok(frame) : relp_frame(1, "rsp", "200 OK");
      },
  };
  for (const Answer& answer : answers) {
    Server server(answer);
    const Sent sent = send(server.port(), told_records(3));
    EXPECT_EQ(sent.done, 0U);
    EXPECT_TRUE(sent.refused.empty());
    EXPECT_NE(sent.problem, "");
  }
}

TEST(RelpSink, AReceiverThatIsSlowIsNotGone) {
  Server server([](const RelpFrame& frame) -> std::optional<std::string> {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return ok(frame);
  });
  EXPECT_EQ(
      send(server.port(), told_records(50), Level::Masked, std::chrono::milliseconds(500)).done,
      50U);
}

TEST(RelpSink, GivesUpOnAReceiverThatDoesNotAnswer) {
  Server server([](const RelpFrame& frame) -> std::optional<std::string> {
    return is_message(frame, 2) ? "" : ok(frame);
  });
  const Sent sent =
      send(server.port(), told_records(3), Level::Masked, std::chrono::milliseconds(50));
  EXPECT_EQ(sent.done, 1U);
  EXPECT_EQ(sent.problem, "no answer in time");
}

}  // namespace
}  // namespace veilwire::forwarder
