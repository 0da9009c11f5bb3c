// Against receivers that behave as told; rsyslog_test.cpp has a real one.
#include "agent/forwarder/syslog_sink.h"

#include "agent/host/clock.h"
#include "tests/unit/forwarder/certificates.h"
#include "tests/unit/forwarder/receiver.h"
#include "tests/unit/forwarder/told_samples.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <thread>

namespace veilwire::forwarder {
namespace {

using namespace testing;
using projection::Level;

SyslogSettings settings_for(std::uint16_t port) {
  SyslogSettings settings;
  settings.host = "127.0.0.1";
  settings.port = port;
  settings.tls = false;
  settings.timeout = std::chrono::seconds(20);
  settings.settle = std::chrono::milliseconds(20);
  return settings;
}

Sent send(const SyslogSettings& settings, std::span<const Told> told, Level level = Level::Masked) {
  boost::asio::io_context io;
  SyslogSink sink(io, settings, level, kSource, [] { return host::now().wall; });
  return send_all(io, sink, told);
}

// RFC 5425, 4.3: MSG-LEN SP SYSLOG-MSG.
std::vector<std::string> messages_of(std::string_view bytes) {
  std::vector<std::string> messages;
  while (!bytes.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), length);
    bytes.remove_prefix(static_cast<std::size_t>(end - bytes.data()));
    if (error != std::errc() || !bytes.starts_with(' ') || bytes.size() <= length)
      throw std::runtime_error("no octet counting");
    messages.emplace_back(bytes.substr(1, length));
    bytes.remove_prefix(1 + length);
  }
  return messages;
}

struct Everything {
  std::mutex mutex;
  std::string bytes;
  void read(Stream& stream) {
    const std::lock_guard lock(mutex);
    while (stream.read(bytes)) {
    }
  }
};

TEST(SyslogSink, CountsTheOctetsOfEachMessage) {
  Everything everything;
  Receiver receiver([&](Stream& stream) { everything.read(stream); });
  const Sent sent = send(settings_for(receiver.port()), told_records(500));
  EXPECT_EQ(sent.done, 500U) << sent.problem;
  const std::lock_guard lock(everything.mutex);
  const auto messages = messages_of(everything.bytes);
  ASSERT_EQ(messages.size(), 500U);
  for (std::size_t at = 0; at < messages.size(); ++at)
    EXPECT_NE(messages[at].find(" seq=\"" + std::to_string(at + 1) + "\""), std::string::npos);
}

TEST(SyslogSink, NoMessageIsLongerThanReceiversTake) {
  Everything everything;
  Receiver receiver([&](Stream& stream) { everything.read(stream); });
  SyslogSettings settings = settings_for(receiver.port());
  settings.message_bytes = 2048;
  EXPECT_EQ(send(settings, told_records(5, 1, 100'000)).done, 5U);
  const std::lock_guard lock(everything.mutex);
  const auto messages = messages_of(everything.bytes);
  ASSERT_EQ(messages.size(), 5U);
  for (const std::string& message : messages) {
    EXPECT_LE(message.size(), 2048U);
    EXPECT_NE(message.find("\"cut\":true"), std::string::npos);
  }
}

TEST(SyslogSink, WhatALevelHasNothingToSayOfNeedsNoConnection) {
  EXPECT_EQ(send(settings_for(1), told_records(5), Level::Findings).done, 5U);
}

TEST(SyslogSink, ARecordThatNobodyCanReadIsRefusedAndTheOthersGo) {
  Everything everything;
  Receiver receiver([&](Stream& stream) { everything.read(stream); });
  std::vector<Told> told = told_records(3);
  told[0].parsed.reset();
  const Sent sent = send(settings_for(receiver.port()), told);
  EXPECT_EQ(sent.done, 3U);
  ASSERT_EQ(sent.refused.size(), 1U);
  EXPECT_EQ(sent.refused.front().record, 1U);
}

TEST(SyslogSink, AReceiverThatEndsFirstHasPerhapsNotStoredIt) {
  const Receiver::Serve ends[] = {
      // At once; when it has read something; and in the way of one that was killed.
      [](Stream&) {},
      [](Stream& stream) {
        std::string bytes;
        stream.read(bytes);
      },
      [](Stream& stream) {
        std::string bytes;
        stream.read(bytes);
        stream.reset();
      },
  };
  for (const auto& end : ends) {
    Receiver receiver(end);
    SyslogSettings settings = settings_for(receiver.port());
    settings.settle = std::chrono::seconds(20);  // it need not be waited for
    const Sent sent = send(settings, told_records(3));
    EXPECT_EQ(sent.done, 0U);
    EXPECT_TRUE(sent.refused.empty());
    EXPECT_NE(sent.problem, "");
  }
}

// Its kernel has taken the bytes, and it has not.
TEST(SyslogSink, AReceiverThatDoesNotReadToTheEndHasNotGotIt) {
  Receiver receiver([](Stream& stream) {
    std::string bytes;
    stream.read(bytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  });
  EXPECT_EQ(send(settings_for(receiver.port()), told_records(500)).done, 0U);
}

TEST(SyslogSink, GivesUpOnAReceiverThatDoesNotEnd) {
  Receiver receiver([](Stream& stream) {
    std::string bytes;
    while (stream.read(bytes)) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  });
  SyslogSettings settings = settings_for(receiver.port());
  settings.timeout = std::chrono::milliseconds(50);
  const Sent sent = send(settings, told_records(3));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_EQ(sent.problem, "no answer in time");
}

// As one that syncs its disk for every message.
TEST(SyslogSink, AReceiverThatIsSlowIsSentAsMuchAsItCanRead) {
  std::size_t most = 0;
  Receiver receiver([&](Stream& stream) {
    std::string bytes;
    while (stream.read(bytes)) {
    }
    // 200 bytes in a millisecond.
    std::this_thread::sleep_for(std::chrono::milliseconds(bytes.size() / 200));
    most = std::max(most, bytes.size());
  });
  SyslogSettings settings = settings_for(receiver.port());
  settings.timeout = std::chrono::milliseconds(500);
  boost::asio::io_context io;
  SyslogSink sink(io, settings, Level::Masked, kSource, [] { return host::now().wall; });
  const std::vector<Told> told = told_records(400);
  std::size_t done = 0;
  int tries = 0;
  for (; done < told.size() && tries < 20; ++tries)
    done += send_all(io, sink, std::span(told).subspan(done)).done;
  EXPECT_EQ(done, told.size());
  EXPECT_GT(tries, 1);  // it was too much at first
  EXPECT_GT(most, 200U * 500U);
}

TEST(SyslogSink, OverTlsTheEndStandsUnderTheKey) {
  for (const bool goodbye : {true, false}) {
    for (const bool needed : {true, false}) {
      Receiver receiver(
          [&](Stream& stream) {
            std::string bytes;
            while (stream.read(bytes)) {
            }
            if (goodbye) stream.say_goodbye();
          },
          Receiver::Tls{.certificate = authority().certificate("localhost"),
                        .key = authority().key("localhost"),
                        .clients = authority().ca()});
      SyslogSettings settings = settings_for(receiver.port());
      settings.host = "localhost";
      settings.tls = true;
      settings.close_notify = needed;
      settings.tls_files = {.roots = authority().ca(),
                            .never_trust = "",
                            .certificate = authority().certificate("host-7"),
                            .key = authority().key("host-7")};
      const Sent sent = send(settings, told_records(50));
      EXPECT_EQ(sent.done, goodbye || !needed ? 50U : 0U) << sent.problem;
    }
  }
}

}  // namespace
}  // namespace veilwire::forwarder
