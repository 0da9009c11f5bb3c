#include "agent/forwarder/kafka_sink.h"

#include "tests/unit/forwarder/certificates.h"
#include "tests/unit/forwarder/mock_kafka.h"
#include "tests/unit/forwarder/receiver.h"
#include "tests/unit/forwarder/told_samples.h"
#include "userspace/audit/parse.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

namespace veilwire::forwarder {
namespace {

using namespace testing;
using outbound::KafkaMessage;
using outbound::KafkaProducer;
using projection::Level;

KafkaSinkSettings settings_for(const MockKafka& kafka) {
  KafkaSinkSettings settings;
  settings.brokers = {kafka.brokers()};
  settings.topic = MockKafka::kTopic;
  settings.tls = false;
  settings.timeout = std::chrono::seconds(20);  // only a broken sink takes this long
  return settings;
}

class KafkaSinkTest : public ::testing::Test {
 protected:
  Sent send(std::span<const Told> told) { return send_all(io, sink(), told); }
  KafkaSink& sink() {
    if (!sink_) sink_.emplace(io, settings, level, kSource);
    return *sink_;
  }
  // As the delivery does: again, from where the sink stands.
  std::vector<std::uint64_t> send_until_done(std::span<const Told> told) {
    std::vector<std::uint64_t> refused;
    for (int tries = 0; !told.empty(); ++tries) {
      if (tries == 50) throw std::runtime_error("it gets nowhere");
      const Sent sent = send(told);
      for (const Refusal& refusal : sent.refused) refused.push_back(refusal.record);
      told = told.subspan(sent.done);
    }
    return refused;
  }
  // Each number once at least, with one uid for equal content, in order within its repetitions.
  void expect_all(std::uint64_t from, std::uint64_t to) {
    std::map<std::string, std::set<std::string>> uids;
    std::set<int> partitions;
    for (const Consumed& each : kafka.consume()) {
      EXPECT_EQ(each.key, kSource.host_id);
      uids[each.uid].insert(each.value);
      partitions.insert(each.partition);
    }
    EXPECT_EQ(partitions.size(), 1U);
    EXPECT_EQ(uids.size(), to - from + 1);
    for (std::uint64_t number = from; number <= to; ++number) {
      ASSERT_TRUE(uids.contains(key_of(number))) << number;
      EXPECT_EQ(uids[key_of(number)].size(), 1U) << number;
    }
  }

  MockKafka kafka;
  boost::asio::io_context io;
  KafkaSinkSettings settings = settings_for(kafka);
  Level level = Level::Masked;

 private:
  std::optional<KafkaSink> sink_;
};

TEST_F(KafkaSinkTest, DeliversRecordsAsTheirCanonicalBytes) {
  const std::vector<Told> told = told_records(300);
  const Sent sent = send(told);
  EXPECT_EQ(sent.done, 300U);
  EXPECT_EQ(sent.problem, "");
  const std::vector<Consumed> consumed = kafka.consume();
  ASSERT_EQ(consumed.size(), 300U);
  for (std::size_t at = 0; at < consumed.size(); ++at) {
    EXPECT_EQ(consumed[at].value, told[at].canonical);
    EXPECT_EQ(consumed[at].uid, key_of(at + 1));
  }
  expect_all(1, 300);
}

TEST_F(KafkaSinkTest, DeliversExchangesAsOcsfUnderTheirOwnUids) {
  settings.format = KafkaSinkSettings::Format::Ocsf;
  const std::vector<Told> told = {told_exchange(7)};
  EXPECT_EQ(send(told).done, 1U);
  const std::vector<Consumed> consumed = kafka.consume();
  EXPECT_GT(consumed.size(), 1U);
  for (const Consumed& each : consumed)
    EXPECT_EQ(nlohmann::json::parse(each.value)["metadata"]["uid"], each.uid);
}

TEST_F(KafkaSinkTest, DeliversEventsOfOpenTelemetry) {
  settings.format = KafkaSinkSettings::Format::Otlp;
  EXPECT_EQ(send(told_records(3)).done, 3U);
  const std::vector<Consumed> consumed = kafka.consume();
  ASSERT_EQ(consumed.size(), 3U);
  EXPECT_NE(consumed[1].value.find(key_of(2)), std::string::npos);
}

TEST_F(KafkaSinkTest, WhatALevelHasNothingToSayOfIsDone) {
  level = Level::Findings;
  EXPECT_EQ(send(told_records(5)).done, 5U);
  EXPECT_TRUE(kafka.consume().empty());
}

TEST_F(KafkaSinkTest, ARecordThatNobodyCanReadIsRefusedAndTheOthersGo) {
  std::vector<Told> told = told_records(3);
  told[1].parsed.reset();
  const Sent sent = send(told);
  EXPECT_EQ(sent.done, 3U);
  ASSERT_EQ(sent.refused.size(), 1U);
  EXPECT_EQ(sent.refused.front().record, 2U);
  EXPECT_EQ(kafka.consume().size(), 2U);
}

TEST_F(KafkaSinkTest, ErrorsThatPassAreNoticedByNobody) {
  kafka.fail({RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
              RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
              RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR__TRANSPORT});
  EXPECT_TRUE(send_until_done(told_records(100)).empty());
  expect_all(1, 100);
}

TEST_F(KafkaSinkTest, AMessageThatIsTooLargeGoesAsMetadata) {
  settings.message_bytes = 16 * 1024;
  std::vector<Told> told = told_records(10);
  told[4] = told_records(1, 5, 100'000).front();
  const Sent sent = send(told);
  EXPECT_EQ(sent.done, 10U) << sent.problem;
  EXPECT_TRUE(sent.refused.empty());
  expect_all(1, 10);
}

TEST_F(KafkaSinkTest, ABatchThatABrokerRefusesGoesMessageByMessage) {
  for (const auto error :
       {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD}) {
    kafka.fail({error});
    EXPECT_TRUE(send_until_done(told_records(20)).empty());
  }
  expect_all(1, 20);
}

TEST_F(KafkaSinkTest, WhatABrokerRefusesAloneAndAsMetadataIsADeadLetter) {
  const auto large = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
  kafka.fail({large, large, large});
  const std::vector<std::uint64_t> refused = send_until_done(told_records(1, 1));
  EXPECT_EQ(refused, std::vector<std::uint64_t>{1});
  EXPECT_TRUE(send_until_done(told_records(4, 2)).empty());
  expect_all(2, 5);
}

TEST_F(KafkaSinkTest, WhatAnOperatorMustMendLosesNothing) {
  for (const auto error : {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                           RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED}) {
    kafka.fail({error});
    const Sent sent = send(told_records(10));
    EXPECT_EQ(sent.done, 0U);
    EXPECT_TRUE(sent.refused.empty());
    EXPECT_NE(sent.problem, "");
    kafka.forgive();
    EXPECT_TRUE(send_until_done(told_records(10)).empty());
  }
  expect_all(1, 10);
}

TEST_F(KafkaSinkTest, AMessageThatIsNotEvenTakenHasFailed) {
  auto producer = KafkaProducer::make(io, settings);
  ASSERT_TRUE(producer);
  kafka.fail({RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  for (int turn = 0; turn < 3; ++turn) {
    std::vector<KafkaMessage> messages(5, KafkaMessage{.uid = "uid", .payload = "payload"});
    boost::asio::co_spawn(io, (*producer)->produce("key", messages), boost::asio::detached);
    io.restart();
    io.run();
    for (const KafkaMessage& message : messages)
      EXPECT_EQ(message.state, KafkaMessage::State::Failed);
  }
}

TEST_F(KafkaSinkTest, AProducerBeyondRepairIsReplaced) {
  EXPECT_TRUE(send_until_done(told_records(10)).empty());
  kafka.fail({RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
              RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  EXPECT_TRUE(send_until_done(told_records(10, 11)).empty());
  kafka.fail({RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH});
  EXPECT_TRUE(send_until_done(told_records(10, 21)).empty());
  expect_all(1, 30);
}

TEST_F(KafkaSinkTest, SaysWhenNoBrokerAnswersAndGoesOnWhenOneDoes) {
  settings.timeout = std::chrono::milliseconds(1'500);
  EXPECT_EQ(send(told_records(10)).done, 10U);
  for (int broker = 1; broker <= 3; ++broker) rd_kafka_mock_broker_set_down(kafka.get(), broker);
  const Sent sent = send(told_records(10, 11));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_TRUE(sent.refused.empty());
  EXPECT_NE(sent.problem, "");
  for (int broker = 1; broker <= 3; ++broker) rd_kafka_mock_broker_set_up(kafka.get(), broker);
  EXPECT_TRUE(send_until_done(told_records(10, 11)).empty());
  expect_all(1, 20);
}

TEST_F(KafkaSinkTest, NothingIsMissingWhileLeadersMoveAndBrokersComeAndGo) {
  settings.timeout = std::chrono::milliseconds(3'000);
  const auto error = RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
  for (int round = 0; round < 12; ++round) {
    for (int partition = 0; partition < 4; ++partition)
      rd_kafka_mock_partition_set_leader(kafka.get(), MockKafka::kTopic, partition, 1 + round % 3);
    const int broker = 1 + (round + 1) % 3;
    if (round % 2 == 0) rd_kafka_mock_broker_set_down(kafka.get(), broker);
    if (round % 3 == 0) kafka.fail({error, error});
    EXPECT_TRUE(
        send_until_done(told_records(50, 1 + 50 * static_cast<std::uint64_t>(round))).empty());
    rd_kafka_mock_broker_set_up(kafka.get(), broker);
  }
  kafka.forgive();
  expect_all(1, 600);
}

TEST_F(KafkaSinkTest, WithoutTlsOnlyLoopbackIsSpokenTo) {
  settings.brokers = {"192.0.2.1:9092"};
  settings.timeout = std::chrono::milliseconds(500);
  const Sent sent = send(told_records(1));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_NE(sent.problem.find("Permission denied"), std::string::npos) << sent.problem;
}

TEST_F(KafkaSinkTest, SaysWhichFileIsMissing) {
  settings.tls = true;
  settings.roots = "/nonexistent/ca.pem";
  EXPECT_TRUE(send(told_records(1)).problem.starts_with("/nonexistent/ca.pem: "));
}

// The mock cluster has no TLS: what comes to a broker that has is seen here.
TEST_F(KafkaSinkTest, ShowsItsCertificateToABrokerThatItTrusts) {
  std::atomic<int> handshakes = 0, requests = 0;
  Receiver broker(
      [&](Stream& stream) {
        ++handshakes;
        std::string bytes;
        if (stream.read(bytes)) ++requests;
      },
      Receiver::Tls{.certificate = authority().certificate("localhost"),
                    .key = authority().key("localhost"),
                    .clients = authority().ca()});
  settings.brokers = {"localhost:" + std::to_string(broker.port())};
  settings.tls = true;
  settings.timeout = std::chrono::milliseconds(700);
  const Authority other;
  for (const std::string& roots : {other.ca(), authority().ca()}) {
    settings.roots = roots;
    settings.certificate = authority().certificate("host-7");
    settings.key = authority().key("host-7");
    KafkaSink sink(io, settings, level, kSource);
    EXPECT_EQ(send_all(io, sink, told_records(1)).done, 0U);  // it is no broker
    EXPECT_EQ(handshakes > 0, roots == authority().ca());
  }
  EXPECT_GE(requests, 1);
}

TEST_F(KafkaSinkTest, APasswordIsReadFromItsFile) {
  const Folder folder;
  settings.tls = true;
  settings.roots = authority().ca();
  settings.timeout = std::chrono::milliseconds(300);
  settings.sasl_username = "veilwire";
  settings.sasl_password_file = folder.write("password", "hunter2\n", 0644);
  for (const char* mechanism : {"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"}) {
    settings.sasl_mechanism = mechanism;
    KafkaSink sink(io, settings, level, kSource);
    const std::string open = send_all(io, sink, told_records(1)).problem;
    EXPECT_TRUE(open.starts_with(settings.sasl_password_file + ": ")) << open;
    folder.write("password", "hunter2\n");
    const std::string closed = send_all(io, sink, told_records(1)).problem;
    EXPECT_FALSE(closed.starts_with("/")) << closed;  // the brokers are what is wrong now
    EXPECT_EQ(closed.find("hunter2"), std::string::npos);
    folder.write("password", "hunter2\n", 0644);
  }
}

}  // namespace
}  // namespace veilwire::forwarder
