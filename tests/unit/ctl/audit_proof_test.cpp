#include "agent/ctl/audit_proof.h"

#include "agent/ctl/audit_ledger.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "userspace/audit/parse.h"

#include <chrono>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using recorder::LedgerReader;
using ::testing::HasSubstr;

class AuditProof : public ::testing::Test {
 protected:
  AuditProof() {
    ledger_.emplace(options());
    EXPECT_TRUE(ledger_->sign());
    commit("aaaaaaaaaaaaaaaa", 3);
    commit("bbbbbbbbbbbbbbbb", 4);
    EXPECT_TRUE(ledger_->sign());
  }
  recorder::LedgerOptions options() const {
    recorder::LedgerOptions options = recorder::options_for(path_);
    options.checkpoint_key = folder_ / "checkpoint.key";
    return options;
  }
  void commit(const std::string& session, int records) {
    for (int i = 0; i < records; ++i) {
      ASSERT_TRUE(ledger_->commit(
          std::vector{recorder::opening(recorder::writer_id(1), ++seq_, session, 1)}));
    }
  }
  int verify(const VerifyOptions& options = {}) {
    LedgerReader reader(path_);
    out_.str("");
    return audit_verify(reader, options, screen_);
  }
  int verify_bundle(const std::string& path, const VerifyOptions& options = {}) {
    out_.str("");
    err_.str("");
    return audit_verify_bundle(path, options, screen_);
  }
  int write(ExportOptions options) {
    LedgerReader reader(path_);
    err_.str("");
    return audit_export(reader, options, screen_);
  }
  // As a witness and the forwarder do, of the checkpoint of so many records.
  void cosign(const proof::NoteSigner& witness, std::uint64_t size) {
    const auto stored = LedgerReader(path_).record(static_cast<std::int64_t>(size) + 1);
    const auto parsed = audit::parse_record(stored->bytes);
    const auto note = proof::parse_note(std::get<audit::Checkpoint>(parsed->record.body).note);
    const std::string line = to_string(witness.sign(note->text, 1'700'000'000));
    namespace protocol = host::protocol;
    const auto done = ledger_->deliver(std::vector{
        recorder::Delivery{.asker = 1, .sink = "w", .what = protocol::Attach{"w", ""}},
        recorder::Delivery{
            .asker = 1,
            .sink = "w",
            .what = protocol::Confirm{
                .next = size + 2, .dead = {}, .cosigned = protocol::Cosigned{size, line}}}});
    ASSERT_TRUE(done);
    ASSERT_TRUE(std::holds_alternative<protocol::Attached>(done->at(1)));
  }
  void tamper(const char* sql) {
    recorder::Database(path_, recorder::Database::Mode::Create).execute(sql);
  }
  std::string key() const {
    LedgerReader reader(path_);
    return std::get<audit::CheckpointKey>(
               audit::parse_record(reader.checkpoint_keys().at(0).bytes)->record.body)
        .verifier;
  }

  const recorder::TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  std::optional<recorder::Ledger> ledger_;
  std::uint64_t seq_ = 0;
  std::ostringstream out_, err_;
  const Screen screen_{.out = out_, .err = err_, .terminal = false};
};

TEST_F(AuditProof, ALedgerAsItWasWrittenHolds) {
  EXPECT_EQ(verify(), 0);
  EXPECT_THAT(out_.str(), HasSubstr("records      10\n"));
  EXPECT_THAT(out_.str(), HasSubstr("checkpoints  2\n"));
  EXPECT_THAT(out_.str(), HasSubstr("nobody has said that this key is to be trusted"));
  EXPECT_THAT(out_.str(), HasSubstr("result       it holds\n"));
  VerifyOptions options;
  options.keys.push_back(*proof::NoteVerifier::parse(key()));
  EXPECT_EQ(verify(options), 0);
  EXPECT_THAT(out_.str(), ::testing::Not(HasSubstr("nobody has said")));
  options.json = true;
  EXPECT_EQ(verify(options), 0);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_TRUE(json.at("holds"));
  EXPECT_TRUE(json.at("trusted"));
  EXPECT_EQ(json.at("records"), 10);
  EXPECT_EQ(json.at("signed_records"), 9);
}

TEST_F(AuditProof, EveryKindOfTamperingShows) {
  const std::pair<const char*, const char*> cases[] = {
      {"DROP TRIGGER records_keep; UPDATE records SET bytes = replace(bytes, 'slow', 'fast')"
       " WHERE id = 4",
       "of other records"},
      {"DROP TRIGGER records_stay; DELETE FROM records WHERE id = 4", "is missing"},
      {"DROP TRIGGER records_keep; UPDATE records SET session = 'cccccccccccccccc' WHERE id = 4",
       "filed under another"},
      {"DROP TRIGGER records_keep; UPDATE records SET wall_ns = 1 WHERE id = 4",
       "filed under another"},
      {"DROP TRIGGER tree_keep; UPDATE tree SET hash = zeroblob(32) WHERE level = 3",
       "the ledger's own tree"},
      {"DROP TRIGGER records_stay; DELETE FROM records WHERE kind = 'checkpoint.key'",
       "before the first key"},
  };
  ledger_.reset();
  for (const auto& [sql, words] : cases) {
    std::filesystem::copy_file(path_, folder_ / "copy.db");
    tamper(sql);
    EXPECT_EQ(verify(), kAuditDisproved) << sql;
    EXPECT_THAT(out_.str(), HasSubstr(words)) << sql;
    EXPECT_THAT(out_.str(), HasSubstr("IT DOES NOT HOLD")) << sql;
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
    std::filesystem::rename(folder_ / "copy.db", path_);
  }
}

TEST_F(AuditProof, ABundleProvesWithoutTheLedger) {
  for (const char* name : {"bundle.jsonl", "bundle.jsonl.zst"}) {
    const std::string bundle = folder_ / name;
    ASSERT_EQ(write({.ids = {"bbbb.1"}, .filter = {}, .all = false, .out = bundle}), 0);
    EXPECT_THAT(err_.str(), HasSubstr("5 records with their proofs\n"));
    VerifyOptions options;
    options.keys.push_back(*proof::NoteVerifier::parse(key()));
    EXPECT_EQ(verify_bundle(bundle, options), 0);
    EXPECT_THAT(out_.str(), HasSubstr("records      5 of them are here and proven\n"));
    EXPECT_THAT(out_.str(), HasSubstr("it holds"));
    options.json = true;
    EXPECT_EQ(verify_bundle(bundle, options), 0);
    EXPECT_TRUE(nlohmann::json::parse(out_.str()).at("trusted"));
    EXPECT_EQ(write({.ids = {"bbbb.1"}, .filter = {}, .all = false, .out = bundle}), kAuditFailed);
    EXPECT_THAT(err_.str(), HasSubstr("File exists"));
  }
  std::ifstream in(folder_ / "bundle.jsonl");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  text.replace(text.find("slow"), 4, "fast");
  std::ofstream(folder_ / "changed.jsonl") << text;
  EXPECT_EQ(verify_bundle(folder_ / "changed.jsonl"), kAuditDisproved);
  EXPECT_THAT(out_.str(), HasSubstr("is not proven"));
  EXPECT_EQ(verify_bundle(folder_ / "absent"), kAuditFailed);
}

TEST_F(AuditProof, ABundleIsUnderACosignedCheckpointWhereOneCoversIt) {
  const auto witness = proof::NoteSigner::make("witness.example/1", proof::NoteKeyKind::Witness,
                                               crypto::PrivateKey::generate_ed25519());
  cosign(*witness, 9);
  VerifyOptions options;
  options.witnesses.push_back(witness->verifier());
  const auto is_cosigned = [&](const std::string& name, const std::string& id) {
    const std::string bundle = folder_ / name;
    std::vector<std::string> ids;
    if (!id.empty()) ids.push_back(id);
    EXPECT_EQ(write({.ids = ids, .filter = {}, .all = id.empty(), .out = bundle}), 0);
    const bool said = err_.str().find("that a witness has signed") != std::string::npos;
    EXPECT_EQ(verify_bundle(bundle, options), 0) << out_.str();
    EXPECT_EQ(out_.str().find("witness      witness.example/1, at 2023-11-14") != std::string::npos,
              said);
    return said;
  };
  EXPECT_TRUE(is_cosigned("all", ""));
  EXPECT_TRUE(is_cosigned("b", "bbbb.1"));
  commit("bbbbbbbbbbbbbbbb", 2);
  ASSERT_TRUE(ledger_->sign());
  EXPECT_TRUE(is_cosigned("a later", "aaaa.1"));
  EXPECT_FALSE(is_cosigned("b later", "bbbb.1"));
  EXPECT_FALSE(is_cosigned("all later", ""));
  cosign(*witness, 12);
  EXPECT_TRUE(is_cosigned("b at last", "bbbb.1"));
}

TEST_F(AuditProof, WhatIsNotSignedYetStaysBehindAndIsCounted) {
  commit("bbbbbbbbbbbbbbbb", 2);
  ASSERT_EQ(write({.ids = {}, .filter = {}, .all = true, .out = folder_ / "all"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("9 records with their proofs; 3 are newer"));
  EXPECT_EQ(verify_bundle(folder_ / "all"), 0);
  recorder::ExchangeFilter nobody;
  nobody.person = "nobody at all";
  EXPECT_EQ(write({.ids = {}, .filter = nobody, .all = false, .out = folder_ / "none"}),
            kAuditUnknownId);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none"));
}

class AuditProofRetention : public AuditProof {
 protected:
  // Closes everything, and deletes the first records as an old ledger does.
  void forget() {
    ASSERT_TRUE(ledger_->close_left({}));
    ASSERT_TRUE(ledger_->sign());
    recorder::LedgerOptions later = options();
    later.retention.keep = std::chrono::hours(24);
    later.now = [] {
      Now now = audit::sample(audit::Gap{}).time;
      now.wall.since_epoch += std::chrono::hours(48);
      return now;
    };
    ledger_.emplace(later);
    for (auto more = ledger_->retire(); more && *more;)
      more = ledger_->sweep(std::chrono::seconds(1));
    ASSERT_TRUE(ledger_->sign());
    ASSERT_EQ(ledger_->first(), 13U);
  }
};

TEST_F(AuditProofRetention, ALedgerThatHasDeletedItsFirstRecordsHolds) {
  forget();
  EXPECT_EQ(verify(), 0) << out_.str();
  EXPECT_THAT(out_.str(), HasSubstr("records      15\n"));
  EXPECT_THAT(out_.str(), HasSubstr("deleted      11 of the first 12: no longer here, but under "
                                    "the checkpoints that are\n"));
  VerifyOptions options;
  options.json = true;
  EXPECT_EQ(verify(options), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("deleted_through"), 12);
  EXPECT_EQ(write({.ids = {}, .filter = {}, .all = true, .out = folder_ / "bundle"}), 0);
  EXPECT_EQ(verify_bundle(folder_ / "bundle"), 0) << out_.str();
}

TEST_F(AuditProofRetention, WhatElseIsMissingShows) {
  forget();
  ledger_.reset();
  const std::pair<const char*, const char*> cases[] = {
      {"DROP TRIGGER records_stay; DELETE FROM records WHERE id = 13", "is missing"},
      {"DROP TRIGGER records_stay; DELETE FROM records WHERE id = 1", "before the first key"},
      {"DROP TRIGGER records_stay; DELETE FROM records WHERE id = 13;"
       "DROP TRIGGER retention_grows; UPDATE retention SET through = 13, swept = 13",
       "IT DOES NOT HOLD"},
      {"DROP TRIGGER records_stay; DROP TRIGGER records_keep;"
       "UPDATE records SET bytes = replace(bytes, 'checkpoint', 'checkpaint') WHERE id = 1",
       "was not part of it"},
      {"DROP TRIGGER tree_keep; UPDATE tree SET hash = zeroblob(32) WHERE level = 3",
       "IT DOES NOT HOLD"},
  };
  for (const auto& [sql, words] : cases) {
    std::filesystem::copy_file(path_, folder_ / "copy.db");
    tamper(sql);
    EXPECT_EQ(verify(), kAuditDisproved) << sql;
    EXPECT_THAT(out_.str(), HasSubstr(words)) << sql;
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
    std::filesystem::rename(folder_ / "copy.db", path_);
  }
}

}  // namespace
}  // namespace veilwire::ctl
