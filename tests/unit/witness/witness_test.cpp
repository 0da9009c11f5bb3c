#include "agent/witness/witness.h"

#include "tests/unit/evidence/made_log.h"
#include "tests/unit/witness/memory_store.h"

#include <algorithm>

#include <gmock/gmock.h>

namespace veilwire::witness {
namespace {

using evidence::kMadeOrigin;
using evidence::made_key;
using evidence::MadeLog;
using evidence::RecordBatch;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kNow = 1'700'000'000;

class WitnessTest : public testing::Test {
 protected:
  WitnessTest() {
    log_.state_key(key_);
    log_.say(3);
    log_.sign(key_, 60);
    log_.say(2);
    log_.sign(key_, 120);
    log_.say(1);
  }

  // The records with these numbers.
  Reply send(std::uint64_t first, std::uint64_t last, const char* client = "host-a") {
    RecordBatch batch{.origin = kMadeOrigin, .first = first, .records = {}};
    for (std::uint64_t i = first; i <= last; ++i)
      batch.records.push_back(log_.records[static_cast<std::size_t>(i - 1)]);
    return witness_.take(store_, client, batch);
  }
  const std::vector<std::string>& held() { return store_.logs[kMadeOrigin].records; }

  const proof::NoteSigner key_ = made_key();
  const proof::NoteSigner signer_ = *proof::NoteSigner::make(
      "witness.example/1", proof::NoteKeyKind::Witness, crypto::PrivateKey::generate_ed25519());
  MadeLog log_;
  MemoryStore store_;
  Rules rules_;
  Witness witness_{rules_, signer_, [] { return WallTime{std::chrono::seconds(kNow)}; }};
};

TEST_F(WitnessTest, CosignsTheLastCheckpointThatItHasVerified) {
  const Reply reply = send(1, 9);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.answer.size, 9U);
  EXPECT_EQ(held(), log_.records);
  ASSERT_TRUE(reply.answer.cosignature);
  EXPECT_EQ(reply.answer.cosignature->size, 7U);
  const auto lines = proof::parse_signatures(reply.answer.cosignature->line + "\n");
  ASSERT_TRUE(lines);
  const auto note = proof::parse_note(store_.logs[kMadeOrigin].kept.log.checkpoint->note);
  EXPECT_EQ(signer_.verifier().verify(note->text, lines->front()), std::uint64_t{kNow});
}

TEST_F(WitnessTest, IsTheSameForEveryWayOfSendingALog) {
  const std::uint64_t all = log_.records.size();
  (void)send(1, all);
  const std::string whole = evidence::frontier_bytes(store_.logs[kMadeOrigin].kept.log.end);
  for (std::uint64_t first = 1; first <= all; ++first) {
    for (std::uint64_t again = 1; again <= std::min(first + 1, all); ++again) {
      store_.logs.clear();
      EXPECT_EQ(send(1, first).status, 200);
      EXPECT_EQ(send(again, all).status, 200);
      EXPECT_EQ(held(), log_.records);
      EXPECT_EQ(evidence::frontier_bytes(store_.logs[kMadeOrigin].kept.log.end), whole);
    }
  }
}

TEST_F(WitnessTest, SaysWhereItStandsToWhoIsAhead) {
  EXPECT_EQ(send(2, 3).status, 409);
  EXPECT_EQ(send(2, 3).answer.size, 0U);
  (void)send(1, 6);
  const Reply reply = send(8, 9);
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.answer.size, 6U);
  EXPECT_EQ(reply.answer.cosignature->size, 4U);
  EXPECT_THAT(held(), SizeIs(6));
}

TEST_F(WitnessTest, AnswersTheSameRecordsAgainWithWhatItHas) {
  const std::string line = send(1, 9).answer.cosignature->line;
  const Reply again = send(3, 5);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.answer.size, 9U);
  EXPECT_EQ(again.answer.cosignature->line, line);
  EXPECT_THAT(held(), SizeIs(9));
}

TEST_F(WitnessTest, KeepsWhatContradictsARecordThatItHolds) {
  (void)send(1, 6);
  std::swap(log_.records[5], log_.records[2]);
  const Reply reply = send(5, 9);
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.answer.record, 6U);
  EXPECT_THAT(reply.alarm,
              HasSubstr("tampering: record 6 of veilwire/3f6c1d0e/00000001 from host-a"));
  ASSERT_THAT(store_.noted, SizeIs(1));
  EXPECT_EQ(store_.noted[0].given, log_.records[5]);
  EXPECT_TRUE(store_.noted[0].has_held);
  EXPECT_THAT(held(), SizeIs(6));
}

TEST_F(WitnessTest, KeepsACheckpointThatDoesNotHoldAndNothingElseOfItsBatch) {
  (void)send(1, 5);
  std::swap(log_.records[5], log_.records[6]);
  const Reply reply = send(6, 9);
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.answer.size, 5U);
  ASSERT_THAT(store_.noted, SizeIs(1));
  EXPECT_EQ(store_.noted[0].record, 8U);
  EXPECT_EQ(store_.noted[0].given, log_.records[7]);
  EXPECT_FALSE(store_.noted[0].has_held);
  EXPECT_THAT(held(), SizeIs(5));
}

TEST_F(WitnessTest, TakesALogFromWhoHasBegunIt) {
  EXPECT_EQ(send(1, 3).status, 200);
  EXPECT_EQ(send(4, 5, "host-b").status, 403);
  EXPECT_FALSE(send(4, 5, "host-b").answer.size);
  EXPECT_EQ(send(4, 5).status, 200);
}

TEST_F(WitnessTest, TakesAListedLogFromItsClientsAlone) {
  rules_.listed[kMadeOrigin].clients = {"host-b", "host-c"};
  EXPECT_EQ(send(1, 3).status, 403);
  EXPECT_EQ(send(1, 3, "host-b").status, 200);
  EXPECT_EQ(send(4, 5, "host-c").status, 200);
}

TEST_F(WitnessTest, TakesNothingMoreOfARetiredLog) {
  (void)send(1, 3);
  rules_.listed[kMadeOrigin].retired = true;
  EXPECT_EQ(send(4, 5).status, 403);
  EXPECT_THAT(held(), SizeIs(3));
}

TEST_F(WitnessTest, TakesNoLogThatIsNotListedWhereItIsToldSo) {
  rules_.only_listed = true;
  EXPECT_EQ(send(1, 3).status, 403);
  rules_.listed[kMadeOrigin].keys.push_back(made_key().verifier());
  EXPECT_EQ(send(1, 3).status, 422);
  rules_.listed[kMadeOrigin].keys.push_back(key_.verifier());
  EXPECT_EQ(send(1, 3).status, 200);
  EXPECT_TRUE(store_.logs[kMadeOrigin].kept.log.is_trusted);
}

TEST_F(WitnessTest, BeginsAnewWhenTheLogHasGrownUnderIt) {
  store_.before_add = [this] { (void)send(1, 4); };
  const Reply reply = send(1, 9);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(held(), log_.records);
}

TEST_F(WitnessTest, AnswersNothingThatTheStoreDoesNotHold) {
  (void)send(1, 3);
  store_.before_add = [this] { store_.away = true; };
  const Reply reply = send(4, 9);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.retry_after, std::chrono::seconds(5));
  EXPECT_FALSE(reply.answer.cosignature);
  EXPECT_FALSE(reply.answer.size);
  // Not even that it has been contradicted.
  std::swap(log_.records[0], log_.records[1]);
  EXPECT_EQ(send(1, 9).status, 503);
}

}  // namespace
}  // namespace veilwire::witness
