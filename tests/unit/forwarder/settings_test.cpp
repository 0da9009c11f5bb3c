#include "agent/forwarder/settings.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOtlp = "name = \"a\"\nkind = \"otlp\"\nendpoint = \"https://c.example\"\n";

Settings read(const std::string& toml) {
  return read_settings(host::Config::parse(toml, "agent.toml").section("forwarder"), "1.2.3");
}
Settings read_sinks(const std::string& tables) { return read("[[forwarder.sink]]\n" + tables); }

// What is said of a configuration that does not hold.
std::string complaint(const std::string& toml) {
  try {
    (void)read(toml);
  } catch (const host::ConfigError& e) {
    return e.what();
  }
  return "";
}
std::string complaint_of_sink(const std::string& table) {
  return complaint("[[forwarder.sink]]\n" + table);
}

TEST(ForwarderSettings, AnEmptyTableIsTheDefaults) {
  const Settings settings = read("");
  EXPECT_EQ(settings.daemon.user, "veilwire-forwarder");
  EXPECT_EQ(settings.daemon.socket, "");
  EXPECT_EQ(settings.daemon.status_socket, "/run/veilwire-forwarder/forwarder-status.sock");
  EXPECT_EQ(settings.recorder_socket, "/run/veilwire-recorder/delivery.sock");
  EXPECT_TRUE(settings.sinks.empty());
}

TEST(ForwarderSettings, ASinkHasWhatItsKindIsFor) {
  const Settings settings = read_sinks(kOtlp);
  ASSERT_EQ(settings.sinks.size(), 1U);
  const DeliverySettings& delivery = settings.sinks[0].delivery;
  EXPECT_EQ(delivery.name, "a");
  EXPECT_EQ(delivery.destination, "https://c.example");
  EXPECT_EQ(delivery.tell, Tell::Exchanges);
  EXPECT_EQ(delivery.batch_bytes, 1024U * 1024U);
  EXPECT_EQ(delivery.backoff.first, std::chrono::seconds(1));
  EXPECT_EQ(delivery.backoff.longest, std::chrono::minutes(1));
  const Settings kafka = read_sinks(
      "name = \"k\"\nkind = \"kafka\"\nbrokers = [\"127.0.0.1:9092\", \"127.0.0.1:9093\"]\n"
      "topic = \"evidence\"\nsecurity_protocol = \"plaintext\"\n");
  EXPECT_EQ(kafka.sinks.at(0).delivery.tell, Tell::Records);
  EXPECT_EQ(kafka.sinks[0].delivery.destination, "kafka evidence at 127.0.0.1:9092 127.0.0.1:9093");
}

TEST(ForwarderSettings, EveryKindCanBeMade) {
  const Settings settings = read_sinks(
      std::string(kOtlp) +
      "[[forwarder.sink]]\nname = \"s\"\nkind = \"syslog\"\naddress = \"127.0.0.1:514\"\n"
      "tls = false\n"
      "[[forwarder.sink]]\nname = \"r\"\nkind = \"relp\"\naddress = \"logs.example:6514\"\n");
  ASSERT_EQ(settings.sinks.size(), 3U);
  EXPECT_EQ(settings.sinks[1].delivery.destination, "syslog://127.0.0.1:514");
  EXPECT_EQ(settings.sinks[2].delivery.destination, "relp://logs.example:6514");
  boost::asio::io_context io;
  for (const ConfiguredSink& sink : settings.sinks) EXPECT_NE(sink.make(io), nullptr);
}

TEST(ForwarderSettings, WhatIsSaidIsTaken) {
  const Settings settings = read_sinks(std::string(kOtlp) +
                                       "tell = \"records\"\nlevel = \"findings\"\nbatch_kib = 64\n"
                                       "retry_first_ms = 5\nretry_longest_seconds = 7\n");
  const DeliverySettings& delivery = settings.sinks.at(0).delivery;
  EXPECT_EQ(delivery.tell, Tell::Records);
  EXPECT_EQ(delivery.batch_bytes, 64U * 1024U);
  EXPECT_EQ(delivery.backoff.first, std::chrono::milliseconds(5));
  EXPECT_EQ(delivery.backoff.longest, std::chrono::seconds(7));
}

TEST(ForwarderSettings, WhatMakesNoSenseIsRefusedByName) {
  EXPECT_THAT(complaint("[forwarder]\nsocket = \"/run/x\"\n"), HasSubstr("socket"));
  EXPECT_THAT(complaint_of_sink("name = \"A b\"\nkind = \"otlp\"\n"), HasSubstr("name"));
  EXPECT_THAT(complaint_of_sink("kind = \"otlp\"\n"), HasSubstr("name"));
  EXPECT_THAT(complaint_of_sink("name = \"a\"\nkind = \"pigeon\"\n"), HasSubstr("\"otlp\""));
  for (const char* more : {"tell = \"all\"\n", "level = \"none\"\n", "batch_kib = 1\n",
                           "retry_first_ms = 9000\nretry_longest_seconds = 5\n", "endpiont = 1\n"})
    EXPECT_NE(complaint_of_sink(std::string(kOtlp) + more), "") << more;
  EXPECT_THAT(complaint_of_sink(std::string(kOtlp) + "[[forwarder.sink]]\n" + kOtlp),
              HasSubstr("another sink has it already"));
}

TEST(ForwarderSettings, AWitnessIsSentEverythingAndTakesNoLevel) {
  const std::string witness =
      "name = \"w\"\nkind = \"witness\"\nendpoint = \"https://w.example\"\n"
      "witness_key = \"w+00000000+x\"\n";
  EXPECT_THAT(complaint_of_sink(witness + "level = \"metadata\"\n"), HasSubstr("level"));
  EXPECT_THAT(complaint_of_sink(witness + "tell = \"exchanges\"\n"), HasSubstr("tell"));
}

}  // namespace
}  // namespace veilwire::forwarder
