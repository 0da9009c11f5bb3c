#include "userspace/evidence/bundle.h"

#include "tests/unit/evidence/made_log.h"

#include <gmock/gmock.h>

namespace veilwire::evidence {
namespace {

using testing::HasSubstr;

// The lines of a bundle with these records of the log, and the statements of its keys.
std::vector<std::string> bundle_of(const MadeLog& log, const proof::Note& checkpoint,
                                   const std::vector<std::uint64_t>& indices) {
  std::vector<std::string> lines = {bundle_head(to_string(checkpoint))};
  for (const std::uint64_t index : indices) {
    lines.push_back(bundle_line(
        index, *proof::inclusion_proof(index, log.tree.size(), log.reader()), log.records[index]));
  }
  return lines;
}

BundleReport check(const std::vector<std::string>& lines,
                   std::span<const proof::NoteVerifier> trusted = {},
                   std::span<const proof::NoteVerifier> witnesses = {}) {
  BundleCheck check(trusted, witnesses);
  for (const std::string& line : lines) (void)check.add(line);
  return check.report();
}

std::string first_problem(const BundleReport& report) {
  return report.problems.empty() ? "" : report.problems[0].what;
}

class BundleTest : public testing::Test {
 protected:
  BundleTest() {
    log_.state_key(key_);
    log_.say(9);
    log_.put_bytes("no \n record");
    note_ = log_.checkpoint(key_, 60);
    trusted_.push_back(key_.verifier());
  }
  const proof::NoteSigner key_ = made_key();
  MadeLog log_;
  proof::Note note_;
  std::vector<proof::NoteVerifier> trusted_;
};

TEST_F(BundleTest, ProvesItsRecords) {
  const auto lines = bundle_of(log_, note_, {0, 3, 4, 10});
  const BundleReport report = check(lines, trusted_);
  EXPECT_EQ(first_problem(report), "");
  EXPECT_EQ(report.records, 4U);
  EXPECT_EQ(report.log_records, 11U);
  EXPECT_EQ(report.origin, kMadeOrigin);
  EXPECT_EQ(report.signed_at->since_epoch, std::chrono::seconds(60));
  EXPECT_TRUE(report.trusted);
  EXPECT_FALSE(check(lines).trusted);
  EXPECT_EQ(parse_bundle_line(lines[4])->record, log_.records[10]);
  EXPECT_EQ(parse_bundle_line(lines[2])->record, log_.records[3]);
}

TEST_F(BundleTest, NoticesEveryChangedByte) {
  const auto lines = bundle_of(log_, note_, {0, 3, 10});
  for (std::size_t line = 0; line < lines.size(); ++line) {
    for (std::size_t at = 0; at < lines[line].size(); ++at) {
      auto changed = lines;
      changed[line][at] ^= 1;
      const BundleReport report = check(changed, trusted_);
      EXPECT_TRUE(report.problem_count > 0 || !report.trusted) << line << " " << at;
    }
  }
}

TEST_F(BundleTest, NoticesARecordUnderAnotherNumber) {
  auto lines = bundle_of(log_, note_, {0, 3});
  lines.push_back(bundle_line(5, parse_bundle_line(lines[2])->proof, log_.records[3]));
  EXPECT_THAT(first_problem(check(lines, trusted_)), HasSubstr("not proven"));
  lines.back() = lines[2];
  EXPECT_THAT(first_problem(check(lines, trusted_)), HasSubstr("twice"));
}

TEST_F(BundleTest, NeedsTheStatementOfTheKey) {
  EXPECT_THAT(first_problem(check(bundle_of(log_, note_, {3}), trusted_)),
              HasSubstr("says nothing of the key"));
  EXPECT_THAT(first_problem(check({})), HasSubstr("empty"));
  EXPECT_THAT(first_problem(check({"{}"})), HasSubstr("does not begin like a bundle"));
  EXPECT_THAT(first_problem(check({R"({"bundle":1,"checkpoint":"x"})"})),
              HasSubstr("no signed checkpoint"));
}

TEST_F(BundleTest, SaysWhoHasCosigned) {
  const auto witness = *proof::NoteSigner::make("witness.example", proof::NoteKeyKind::Witness,
                                                crypto::PrivateKey::generate_ed25519());
  std::vector<proof::NoteVerifier> witnesses;
  witnesses.push_back(witness.verifier());
  note_.signatures.push_back(witness.sign(note_.text, 1'700'000'000));
  const BundleReport report = check(bundle_of(log_, note_, {0}), trusted_, witnesses);
  EXPECT_EQ(first_problem(report), "");
  ASSERT_EQ(report.cosignatures.size(), 1U);
  EXPECT_EQ(report.cosignatures[0].witness, "witness.example");
  EXPECT_EQ(report.cosignatures[0].time, 1'700'000'000U);
  note_.signatures.back().bytes.back() ^= 1;
  EXPECT_THAT(first_problem(check(bundle_of(log_, note_, {0}), trusted_, witnesses)),
              HasSubstr("witness.example does not hold"));
}

TEST(Bundle, ReadsNothingButItsOwnLines) {
  for (const char* line :
       {"", "{}", R"({"index":0,"proof":[],"record":)", R"({"index":00,"proof":[],"record":{}})",
        R"({"index":0,"proof":["AA=="],"record":{}})", R"({"index":0,"proof":[,],"record":{}})",
        R"({"index":-1,"proof":[],"record":{}})", R"({"index":0,"proof":[],"record_base64":"*"})",
        R"({"index":0,"proof":[],"record_base64":"AA=="} )",
        R"({"index":99999999999999999999,"proof":[],"record":{}})"})
    EXPECT_FALSE(parse_bundle_line(line)) << line;
}

}  // namespace
}  // namespace veilwire::evidence
