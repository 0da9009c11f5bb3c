#include "agent/recorder/retention.h"

#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "userspace/audit/parse.h"
#include "userspace/crypto/private_key.h"
#include "userspace/proof/checkpoint.h"
#include "userspace/proof/signed_note.h"

#include <chrono>
#include <optional>
#include <random>
#include <set>
#include <variant>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;

constexpr auto kDay = 24h;
constexpr const char* kSession = "aaaa000000000001";

Arrival of(std::uint64_t seq, audit::Body body, std::uint64_t exchange = 1,
           const std::string& session = kSession) {
  audit::Record record = audit::sample(std::move(body), exchange);
  record.context.session = session;
  return arrival(writer_id(1), seq, record);
}
Arrival closing(std::uint64_t seq, std::uint64_t exchange = 1,
                const std::string& session = kSession) {
  return of(seq,
            audit::ExchangeClose{
                .outcome = "complete", .request_bytes = 1, .response_bytes = 1, .masked = 0},
            exchange, session);
}

class RetentionTest : public testing::Test {
 protected:
  // Records are of the sample's time, and the ledger's clock so much later.
  LedgerOptions options(RetentionPolicy policy = {.keep = kDay, .delivered_to = {}}) {
    LedgerOptions out = options_for(path_);
    out.checkpoint_key = folder_ / "checkpoint.key";
    out.now = [this] {
      Now now = audit::sample(audit::Gap{}).time;
      now.wall.since_epoch += later_;
      return now;
    };
    out.retention = std::move(policy);
    return out;
  }
  Ledger& open(RetentionPolicy policy) {
    ledger_.reset();
    return ledger_.emplace(options(std::move(policy)));
  }
  void add(const std::vector<Arrival>& batch) { ASSERT_TRUE(ledger_->commit(batch)); }
  // Exchanges 1 to n of two records each, closed.
  void add_exchanges(std::uint64_t n) {
    std::vector<Arrival> batch;
    for (std::uint64_t i = 0; i < n; ++i) {
      ++exchanges_;
      batch.push_back(of(2 * exchanges_ - 1, audit::UpstreamError{.reason = "slow"}, exchanges_));
      batch.push_back(closing(2 * exchanges_, exchanges_));
    }
    add(batch);
  }
  // How many are deleted when all that may be is.
  std::uint64_t deleted() {
    for (int turns = 0; turns < 1000; ++turns) {
      const auto said = ledger_->retire();
      EXPECT_TRUE(said);
      if (!said || !*said) break;
      for (std::optional<bool> more = true; more && *more;) {
        const auto done = ledger_->sweep(std::chrono::nanoseconds(0));
        EXPECT_TRUE(done);
        more = done ? std::optional(*done) : std::nullopt;
      }
    }
    return ledger_->first() - 1;
  }
  void say(const std::string& sink,
           std::variant<protocol::Attach, protocol::Confirm, protocol::Rewind> what) {
    ASSERT_TRUE(
        ledger_->deliver(std::vector{Delivery{.asker = 1, .sink = sink, .what = std::move(what)}}));
  }
  std::vector<std::string> kinds() {
    std::vector<std::string> out;
    LedgerReader(path_).all_records(0, [&](const LedgerReader::StoredRecord& record) {
      out.push_back(std::to_string(record.id) + " " + record.kind);
      return true;
    });
    return out;
  }
  std::int64_t count(const std::string& table) {
    return Database(path_, Database::Mode::ReadOnly)
        .integer(("SELECT count(*) FROM " + table).c_str());
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  std::chrono::nanoseconds later_ = 2 * kDay;
  std::optional<Ledger> ledger_;
  std::uint64_t exchanges_ = 0;
};

TEST_F(RetentionTest, WithoutAPolicyNothingIsEverDeleted) {
  open({});
  add_exchanges(3);
  ASSERT_TRUE(ledger_->sign());
  later_ = 10'000 * kDay;
  EXPECT_EQ(deleted(), 0U);
  EXPECT_EQ(kinds().size(), 8U);
}

TEST_F(RetentionTest, WhatIsOldGoesBehindARecordThatSaysSo) {
  open({.keep = kDay, .delivered_to = {}});
  add_exchanges(3);
  ASSERT_TRUE(ledger_->sign());
  EXPECT_EQ(deleted(), 6U);
  EXPECT_EQ(kinds(), (std::vector<std::string>{"7 checkpoint.key", "8 checkpoint", "9 retention"}));
  const auto said = audit::parse_record(LedgerReader(path_).record(9)->bytes);
  ASSERT_TRUE(said);
  const auto& body = std::get<audit::Retention>(said->record.body);
  EXPECT_EQ(body.through, 6U);
  EXPECT_EQ(body.records, 6U);
  EXPECT_TRUE(LedgerReader(path_).list({}).empty());
  EXPECT_EQ(count("entry_terms"), 0);
  EXPECT_EQ(ledger_->records(), 9U);
}

TEST_F(RetentionTest, NothingThatIsYoungOrUnderNoCheckpointGoes) {
  open({.keep = kDay, .delivered_to = {}});
  add_exchanges(2);
  EXPECT_EQ(deleted(), 0U) << "no checkpoint";
  later_ = 1h;
  ASSERT_TRUE(ledger_->sign());
  EXPECT_EQ(deleted(), 0U) << "young";
  later_ = 2 * kDay;
  add_exchanges(2);
  EXPECT_EQ(deleted(), 5U) << "those that the checkpoint has before it, its key among them";
}

TEST_F(RetentionTest, EverySinkThatIsNamedMustHaveConfirmed) {
  open({.keep = kDay, .delivered_to = {"a", "b"}});
  add_exchanges(3);
  ASSERT_TRUE(ledger_->sign());
  EXPECT_EQ(deleted(), 0U) << "never attached";
  for (const char* sink : {"a", "b", "c"})
    say(sink, protocol::Attach{.sink = sink, .destination = ""});
  say("a", protocol::Confirm{.next = 9, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 0U);
  say("b", protocol::Confirm{.next = 3, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 2U);
  say("b", protocol::Confirm{.next = 6, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 5U);
  say("b", protocol::Confirm{.next = 9, .dead = {}, .cosigned = {}});
  say("b", protocol::Rewind{.sink = "b", .next = 6});
  EXPECT_EQ(deleted(), 5U) << "it is driven again";
}

proof::NoteSigner witness(const std::string& name) {
  return *proof::NoteSigner::make(name, proof::NoteKeyKind::Witness,
                                  crypto::PrivateKey::generate_ed25519());
}

TEST_F(RetentionTest, AWitnessMustHaveSignedWhereOneIsAskedFor) {
  const proof::NoteSigner known = witness("example/w"), unknown = witness("example/w");
  open({.keep = kDay, .delivered_to = {}, .witnesses = {known.verifier().to_string()}});
  add_exchanges(3);
  ASSERT_TRUE(ledger_->sign());  // the key is record 7, the checkpoint record 8
  const auto checkpoint = audit::parse_record(LedgerReader(path_).record(8)->bytes);
  ASSERT_TRUE(checkpoint);
  const auto note = proof::parse_note(std::get<audit::Checkpoint>(checkpoint->record.body).note);
  ASSERT_TRUE(note);
  const auto bring = [this](std::uint64_t size, const proof::NoteSignature& signature) {
    say("w", protocol::Confirm{
                 .next = 9,
                 .dead = {},
                 .cosigned = protocol::Cosigned{.size = size, .line = to_string(signature)}});
  };
  say("w", protocol::Attach{.sink = "w", .destination = ""});
  EXPECT_EQ(deleted(), 0U) << "nobody has signed";
  bring(7, unknown.sign(note->text, 1));
  EXPECT_EQ(deleted(), 0U) << "by nobody who is known";
  bring(6, known.sign(note->text, 1));
  EXPECT_EQ(deleted(), 0U) << "where no checkpoint stands";
  bring(7, known.sign("another text\n", 1));
  EXPECT_EQ(deleted(), 0U) << "under another text";
  bring(7, known.sign(note->text, 2));
  EXPECT_EQ(deleted(), 6U);
}

TEST_F(RetentionTest, AKeyThatIsNoWitnessSIsRefused) {
  EXPECT_THROW(open({.keep = kDay, .delivered_to = {}, .witnesses = {"w+00000000+AAAA"}}),
               SqliteError);
}

TEST_F(RetentionTest, NothingBehindTheBeginningOfAnOpenExchangeGoes) {
  open({.keep = kDay, .delivered_to = {}});
  add_exchanges(2);
  add({of(5, audit::UpstreamError{.reason = "slow"}, 77)});
  add({of(6, audit::UpstreamError{.reason = "slow"}, 78), closing(7, 78)});
  ASSERT_TRUE(ledger_->sign());
  EXPECT_EQ(deleted(), 4U);
  EXPECT_EQ(outcomes(path_), (std::vector<std::string>{"aaaa.77", "aaaa.78 complete"}));
  add({closing(8, 77)});
  later_ += 2 * kDay;
  EXPECT_EQ(deleted(), 8U) << "as far as the checkpoint";
  ASSERT_TRUE(ledger_->sign());
  EXPECT_EQ(deleted(), 11U) << "what says so is young";
}

TEST_F(RetentionTest, AnExchangeIsListedAsLongAsSomethingOfItIsThere) {
  open({.keep = kDay, .delivered_to = {"a"}});
  add_exchanges(1);
  ASSERT_TRUE(ledger_->sign());
  say("a", protocol::Attach{.sink = "a", .destination = ""});
  say("a", protocol::Confirm{.next = 2, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 1U);
  LedgerReader reader(path_);
  EXPECT_EQ(reader.list({}).size(), 1U);
  EXPECT_TRUE(reader.is_cut({.session = kSession, .number = 1}));
  say("a", protocol::Confirm{.next = 3, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 2U);
  EXPECT_TRUE(reader.list({}).empty());
}

TEST_F(RetentionTest, WhatADestinationHasRefusedIsKept) {
  open({.keep = kDay, .delivered_to = {"a"}});
  add_exchanges(3);
  ASSERT_TRUE(ledger_->sign());
  say("a", protocol::Attach{.sink = "a", .destination = ""});
  say("a", protocol::Confirm{.next = 7, .dead = {{.record = 3, .reason = "400"}}, .cosigned = {}});
  EXPECT_EQ(deleted(), 6U);
  EXPECT_EQ(kinds().front(), "3 " + std::string("upstream.error"));
  EXPECT_EQ(outcomes(path_), (std::vector<std::string>{"aaaa.2 complete"}));
}

TEST_F(RetentionTest, ATextGoesWithTheLastRecordThatHasIt) {
  open({.keep = kDay, .delivered_to = {"a"}});
  const std::string shared(5000, 'x'), own(5000, 'y');
  const auto body = [](std::string text) {
    return audit::RequestBody{.offset = 0, .content = std::move(text), .masks = {}};
  };
  const auto later = of(4, body(shared));
  add({of(1, body(shared)), of(2, body(own)), of(3, body(shared)), later, closing(5)});
  ASSERT_TRUE(ledger_->sign());
  const std::int64_t contents = count("contents");
  say("a", protocol::Attach{.sink = "a", .destination = ""});
  say("a", protocol::Confirm{.next = 4, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 3U);
  EXPECT_LT(count("contents"), contents);
  EXPECT_EQ(LedgerReader(path_).record(4)->bytes, later.bytes);
  say("a", protocol::Confirm{.next = 6, .dead = {}, .cosigned = {}});
  EXPECT_EQ(deleted(), 5U);
  EXPECT_EQ(count("contents"), 0);
  EXPECT_EQ(count("pieces"), 0);
}

TEST_F(RetentionTest, TheTablesRefuseToLoseAnythingElse) {
  open({.keep = kDay, .delivered_to = {"a"}});
  add_exchanges(4);
  ASSERT_TRUE(ledger_->sign());
  say("a", protocol::Attach{.sink = "a", .destination = ""});
  say("a", protocol::Confirm{.next = 7, .dead = {{.record = 3, .reason = "400"}}, .cosigned = {}});
  EXPECT_EQ(deleted(), 6U);
  Database other(path_, Database::Mode::Create);
  for (const char* sql :
       {"DELETE FROM records WHERE id = 7", "DELETE FROM records WHERE id = 3",
        "DELETE FROM records WHERE kind = 'checkpoint.key'", "DELETE FROM retention",
        "INSERT INTO retention VALUES(100, 0)", "UPDATE retention SET through = 5",
        "UPDATE retention SET swept = 5", "UPDATE retention SET swept = 7",
        "DELETE FROM tree WHERE level = 0 AND place = 6", "DELETE FROM dead_letters"})
    EXPECT_THROW(other.execute(sql), SqliteError) << sql;
}

TEST_F(RetentionTest, ASinkBehindTheBoundIsToldSo) {
  open({.keep = kDay, .delivered_to = {}});
  add_exchanges(3);
  say("late", protocol::Attach{.sink = "late", .destination = ""});
  ASSERT_TRUE(ledger_->sign());
  EXPECT_EQ(deleted(), 6U);
  const auto answers = ledger_->deliver(
      std::vector{Delivery{.asker = 1, .sink = "late", .what = protocol::Attach{"late", ""}},
                  Delivery{.asker = 1, .sink = "new", .what = protocol::Attach{"new", ""}},
                  Delivery{.asker = 1, .sink = "new", .what = protocol::Rewind{"new", 6}}});
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->at(0),
            protocol::DeliveryAnswer(protocol::Attached{.next = 1, .first = 7, .last = 9}));
  EXPECT_EQ(answers->at(1),
            protocol::DeliveryAnswer(protocol::Attached{.next = 7, .first = 7, .last = 9}));
  EXPECT_EQ(answers->at(2),
            protocol::DeliveryAnswer(protocol::Refused{protocol::DeliveryError::Deleted, ""}));
}

TEST_F(RetentionTest, AFullLedgerHasRoomAgain) {
  LedgerOptions small = options();
  small.max_bytes = 4 << 20;
  small.reserved_bytes = 1 << 19;
  small.checkpoint_pages = 20;
  ledger_.emplace(small);
  std::uint64_t seq = 0;
  const auto fill = [&] {
    while (ledger_->commit(std::vector{fragment(writer_id(1), seq + 1, 20'000)})) {
      if (++seq % 10 == 0 && !ledger_->sign()) break;
    }
  };
  fill();
  ASSERT_TRUE(ledger_->used_up());
  const auto size = std::filesystem::file_size(path_);
  later_ += 2 * kDay;
  EXPECT_GT(deleted(), 50U);
  EXPECT_TRUE(ledger_->has_space());
  for (int again = 0; again < 3; ++again) {
    fill();
    const std::uint64_t before = ledger_->first();
    later_ += 2 * kDay;
    EXPECT_GT(deleted(), before + 50);
  }
  EXPECT_LT(std::filesystem::file_size(path_), size + (std::uint64_t{1} << 20));
}

// Every proof that can still be asked for, in ledgers of every small size with every bound and a
// few records kept before it.
TEST_F(RetentionTest, TheTreeKeepsWhatLaterProofsNeed) {
  open({.keep = kDay, .delivered_to = {"a"}});
  say("a", protocol::Attach{.sink = "a", .destination = ""});
  ASSERT_TRUE(ledger_->sign());  // the key is record 1
  std::uint64_t seq = 0;
  std::set<std::uint64_t> kept = {1};
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<Arrival> batch;
    for (auto n = 1 + random() % 9; n > 0; --n) {
      ++seq;
      batch.push_back(closing(seq, seq));
    }
    add(batch);
    ASSERT_TRUE(ledger_->sign());
    const std::uint64_t next =
        ledger_->first() + 1 + random() % (ledger_->records() - ledger_->first());
    std::vector<protocol::DeadLetter> dead;
    if (random() % 4 == 0) {
      dead.push_back({.record = next - 1, .reason = "400"});
      kept.insert(next - 1);
    }
    say("a", protocol::Confirm{.next = next, .dead = dead, .cosigned = {}});
    later_ += 2 * kDay;
    const std::uint64_t bound = deleted(), size = ledger_->records();
    ASSERT_EQ(bound, next - 1);
    LedgerReader reader(path_);
    const auto from = [&](proof::SubtreeId id) { return reader.subtree(id); };
    const auto beginning = reader.beginning();
    ASSERT_TRUE(beginning);
    EXPECT_EQ(beginning->records, bound);
    EXPECT_EQ(std::set<std::uint64_t>(beginning->kept.begin(), beginning->kept.end()),
              std::set<std::uint64_t>(kept.begin(), kept.upper_bound(bound)));
    const auto whole = proof::Frontier::of(size, from);
    ASSERT_TRUE(whole);
    for (std::uint64_t record = 0; record < size; ++record) {
      if (record < bound && !kept.contains(record + 1)) continue;
      const auto stored = reader.record(static_cast<std::int64_t>(record) + 1);
      ASSERT_TRUE(stored);
      const proof::Hash leaf = proof::leaf_hash(stored->bytes);
      const auto proof = proof::inclusion_proof(record, size, from);
      ASSERT_TRUE(proof) << record + 1 << " of " << size << " behind " << bound;
      EXPECT_TRUE(proof::is_included(leaf, record, size, whole->root(), *proof));
      if (record >= bound) continue;
      const auto then = proof::inclusion_proof(record, bound, from);
      ASSERT_TRUE(then);
      EXPECT_TRUE(proof::is_included(leaf, record, bound, beginning->end.root(), *then));
    }
    for (std::uint64_t old = bound; old <= size; ++old)
      EXPECT_TRUE(proof::consistency_proof(old, size, from)) << old << " of " << size;
    EXPECT_LE(count("tree"),
              static_cast<std::int64_t>(2 * (size - bound) + 64 * (1 + kept.size())));
  }
  EXPECT_GT(kept.size(), 3U);
}

TEST_F(RetentionTest, AnInterruptedSweepGoesOn) {
  open({.keep = kDay, .delivered_to = {}});
  add_exchanges(20);
  ASSERT_TRUE(ledger_->sign());
  ASSERT_TRUE(*ledger_->retire());
  ASSERT_TRUE(*ledger_->sweep(std::chrono::nanoseconds(0)));
  EXPECT_EQ(ledger_->first(), 2U);
  open({.keep = kDay, .delivered_to = {}});
  EXPECT_EQ(ledger_->first(), 2U);
  EXPECT_EQ(deleted(), 40U);
  open({});
  EXPECT_EQ(ledger_->first(), 41U);
}

// The disk fails at each operation of a sweep in turn: what is left is a ledger with a whole tree.
class RetentionFaults : public RetentionTest,
                        public testing::WithParamInterface<FaultyDisk::Fault> {};

TEST_P(RetentionFaults, LeaveAWholeLedger) {
  for (std::uint64_t nth = 1;; ++nth) {
    FaultyDisk disk;
    for (const char* name : {"ledger.db", "ledger.db-wal", "ledger.db-shm"})
      std::filesystem::remove(folder_ / name);
    LedgerOptions faulty = options();
    faulty.vfs = FaultyDisk::kName;
    faulty.reserved_bytes = 0;
    faulty.checkpoint_pages = 8;
    exchanges_ = 0;
    ledger_.emplace(faulty);
    add_exchanges(6);
    ASSERT_TRUE(ledger_->sign());
    disk.arm(GetParam(), nth);
    for (int failures = 0; failures < 5;) {
      if (!ledger_) {
        try {
          ledger_.emplace(faulty);
        } catch (const SqliteError&) {
          ++failures;
          continue;
        }
      }
      const auto said = ledger_->retire();
      const auto more = said && *said ? ledger_->sweep(std::chrono::nanoseconds(0)) : said;
      if (more && !*more && ledger_->first() == 13) break;
      if (!more) ++failures;
      if (!more && more.error() == LedgerError::Broken) ledger_.reset();
      LedgerReader reader(path_);
      const auto beginning = reader.beginning();
      ASSERT_TRUE(beginning) << "operation " << nth;
      EXPECT_TRUE(reader.record(static_cast<std::int64_t>(beginning->records) + 1));
    }
    EXPECT_EQ(LedgerReader(path_).deleted(), 12U) << "operation " << nth;
    const bool fired = disk.fired();
    ledger_.reset();
    if (HasFailure() || !fired) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, RetentionFaults,
                         testing::Values(FaultyDisk::Fault::WriteError, FaultyDisk::Fault::DiskFull,
                                         FaultyDisk::Fault::SyncError));

}  // namespace
}  // namespace veilwire::recorder
