#include "agent/witness/kafka_store.h"

#include "agent/witness/witness.h"
#include "tests/unit/evidence/made_log.h"
#include "tests/unit/forwarder/mock_kafka.h"
#include "tests/unit/witness/memory_store.h"

#include <map>
#include <set>

#include <gmock/gmock.h>

namespace veilwire::witness {
namespace {

using evidence::kMadeOrigin;
using forwarder::testing::Consumed;
using forwarder::testing::MockKafka;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KafkaStoreTest : public ::testing::Test {
 protected:
  KafkaStoreTest() {
    settings_.brokers = {kafka_.brokers()};
    settings_.topic = MockKafka::kTopic;
    settings_.tls = false;
    settings_.timeout = std::chrono::seconds(20);  // only a broken store takes this long
    log_.state_key(key_);
    log_.say(3);
    log_.sign(key_, 60);
    log_.say(4);
  }

  Reply send(std::uint64_t first, std::uint64_t last) {
    evidence::RecordBatch batch{.origin = kMadeOrigin, .first = first, .records = {}};
    for (std::uint64_t i = first; i <= last; ++i)
      batch.records.push_back(log_.records[static_cast<std::size_t>(i - 1)]);
    return witness_.take(store_, "host-a", batch);
  }
  const std::vector<std::string>& held() { return inner_.logs[kMadeOrigin].records; }
  static std::string uid(std::size_t number) {
    return std::string(kMadeOrigin) + '/' + std::to_string(number);
  }
  // Each record once at least, in its order, and nothing else under its uid.
  void expect_all(std::size_t last) const {
    std::map<std::string, std::set<std::string>> values;
    std::set<int> partitions;
    std::size_t next = 1;
    for (const Consumed& each : kafka_.consume()) {
      EXPECT_EQ(each.key, kMadeOrigin);
      EXPECT_EQ(each.origin + '/' + each.number, each.uid);
      if (each.uid == uid(next)) ++next;
      values[each.uid].insert(each.value);
      partitions.insert(each.partition);
    }
    EXPECT_EQ(next, last + 1);
    EXPECT_THAT(partitions, SizeIs(1));
    EXPECT_THAT(values, SizeIs(last));
    for (std::size_t number = 1; number <= last; ++number)
      EXPECT_EQ(values[uid(number)], std::set{log_.records[number - 1]}) << number;
  }

  MockKafka kafka_;
  outbound::KafkaSettings settings_;
  const proof::NoteSigner key_ = evidence::made_key();
  const proof::NoteSigner signer_ = *proof::NoteSigner::make(
      "witness.example/1", proof::NoteKeyKind::Witness, crypto::PrivateKey::generate_ed25519());
  evidence::MadeLog log_;
  MemoryStore inner_;
  KafkaStore store_{inner_, settings_};
  Rules rules_;
  Witness witness_{rules_, signer_, [] { return WallTime{std::chrono::seconds(1)}; }};
};

TEST_F(KafkaStoreTest, ProducesRecordsBeforeItAddsThem) {
  std::size_t produced = 0;
  inner_.before_add = [&] { produced = kafka_.consume().size(); };
  const Reply reply = send(1, 6);
  EXPECT_EQ(reply.status, 200) << reply.alarm;
  EXPECT_TRUE(reply.answer.cosignature);
  EXPECT_EQ(produced, 6U);
  EXPECT_EQ(send(4, 9).status, 200);
  EXPECT_EQ(held(), log_.records);
  EXPECT_THAT(kafka_.consume(), SizeIs(9));
  expect_all(9);
}

TEST_F(KafkaStoreTest, AddsNothingWhileNoBrokerAnswers) {
  settings_.timeout = std::chrono::milliseconds(1'500);
  EXPECT_EQ(send(1, 2).status, 200);
  for (int broker = 1; broker <= 3; ++broker) rd_kafka_mock_broker_set_down(kafka_.get(), broker);
  const Reply reply = send(3, 9);
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.retry_after);
  EXPECT_FALSE(reply.answer.cosignature);
  EXPECT_THAT(reply.alarm, HasSubstr("Kafka: record " + uid(3) + " does not get to the topic"));
  EXPECT_THAT(held(), SizeIs(2));
  for (int broker = 1; broker <= 3; ++broker) rd_kafka_mock_broker_set_up(kafka_.get(), broker);
  Reply again = send(3, 9);
  for (int tries = 0; again.status == 503 && tries < 10; ++tries) again = send(3, 9);
  EXPECT_EQ(again.status, 200) << again.alarm;
  EXPECT_EQ(held(), log_.records);
  expect_all(9);
}

TEST_F(KafkaStoreTest, LeavesDuplicatesAndNoHoleWhereTheLogHasMoved) {
  inner_.before_add = [this] { (void)send(1, 4); };
  EXPECT_EQ(send(1, 9).status, 200);
  EXPECT_EQ(held(), log_.records);
  EXPECT_GT(kafka_.consume().size(), 9U);
  expect_all(9);
}

TEST_F(KafkaStoreTest, LeavesDuplicatesAndNoHoleWhereTheOtherStoreFails) {
  inner_.before_add = [this] { inner_.away = true; };
  EXPECT_EQ(send(1, 9).status, 503);
  EXPECT_THAT(inner_.logs, IsEmpty());
  inner_.away = false;
  EXPECT_EQ(send(1, 9).status, 200);
  EXPECT_THAT(kafka_.consume(), SizeIs(18));
  expect_all(9);
}

TEST_F(KafkaStoreTest, SaysWhichRecordIsTooLargeAndAddsNothing) {
  settings_.message_bytes = 16 * 1024;
  log_.put_bytes(std::string(20'000, 'x'));
  const Reply reply = send(1, 10);
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.alarm, HasSubstr("record " + uid(10) + " is refused by the topic veilwire"));
  EXPECT_THAT(reply.alarm, HasSubstr("max.message.bytes"));
  EXPECT_THAT(inner_.logs, IsEmpty());
  EXPECT_EQ(send(1, 9).status, 200);
  expect_all(9);
}

TEST_F(KafkaStoreTest, TakesTheLargestRecord) {
  settings_.message_bytes = 2 * 1024 * 1024;
  log_.put_bytes(std::string(audit::kRecordBytes, 'x'));
  const Reply reply = send(1, 10);
  EXPECT_EQ(reply.status, 200) << reply.alarm;
  expect_all(10);
}

}  // namespace
}  // namespace veilwire::witness
