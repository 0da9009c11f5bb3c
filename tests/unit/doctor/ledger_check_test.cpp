#include "agent/doctor/ledger_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using testing::HasSubstr;

constexpr WallTime kNow{hours(24 * 20'000)};
constexpr std::uint64_t kMiB = 1 << 20;

std::int64_t ago(nanoseconds age) { return (kNow.since_epoch - age).count(); }

LedgerFacts good_facts() {
  return {.path = "/var/lib/veilwire-recorder/ledger.db",
          .problem = "",
          .records = 10,
          .checkpoint_wall_ns = ago(minutes(1)),
          .recorder = R"({"healthy":true,"ledger":"ok","used_bytes":1,"most_bytes":100})",
          .sinks = {{.name = "all",
                     .destination = "https://c.example",
                     .lag = 1,
                     .refused = 0,
                     .oldest_wall_ns = ago(minutes(1)),
                     .problem = "",
                     .configured = true}},
          .now = kNow,
          .disk = LedgerFacts::Disk{100'000 * kMiB, 50'000 * kMiB, 1000, 900},
          .reserved_bytes = 64 * kMiB};
}

Findings check(const LedgerFacts& facts) {
  Findings found = check_ledger(facts);
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

TEST(LedgerCheck, ALedgerThatGrowsAndLeavesIsOk) { EXPECT_TRUE(all_ok(check(good_facts()))); }

TEST(LedgerCheck, SilenceOfCheckpointsIsCritical) {
  LedgerFacts facts = good_facts();
  facts.checkpoint_wall_ns = ago(hours(3));
  EXPECT_EQ(severity_of(check(facts), "ledger-checkpoint"), Severity::Critical);
  facts.checkpoint_wall_ns = std::nullopt;
  EXPECT_EQ(severity_of(check(facts), "ledger-checkpoint"), Severity::Warning);
  facts.records = 0;
  EXPECT_FALSE(has(check(facts), "ledger-checkpoint")) << "there is nothing to sign";
}

TEST(LedgerCheck, SinksAreJudgedByWhatTheyDoAndHowLong) {
  LedgerFacts facts = good_facts();
  facts.sinks[0].oldest_wall_ns = ago(minutes(20));
  EXPECT_EQ(severity_of(check(facts), "sink-behind"), Severity::Warning);
  facts.sinks[0].oldest_wall_ns = ago(hours(25));
  EXPECT_EQ(severity_of(check(facts), "sink-behind"), Severity::Critical);
  facts = good_facts();
  facts.sinks[0].problem = "503";
  facts.sinks[0].refused = 2;
  const Findings found = check(facts);
  EXPECT_EQ(severity_of(found, "sink-failing"), Severity::Warning);
  EXPECT_EQ(severity_of(found, "sink-refused"), Severity::Warning);
  EXPECT_FALSE(has(found, "sink"));
  facts.sinks[0].configured = false;
  EXPECT_EQ(severity_of(check(facts), "sink-removed"), Severity::Note);
  facts.sinks.clear();
  EXPECT_EQ(severity_of(check(facts), "sink-none"), Severity::Note);
}

TEST(LedgerCheck, ADiskIsJudgedByWhatIsLeftForTheRecorder) {
  LedgerFacts facts = good_facts();
  facts.disk->free = 900 * kMiB;
  EXPECT_EQ(severity_of(check(facts), "disk-space"), Severity::Warning);
  facts.disk->size = 2000 * kMiB;
  EXPECT_EQ(severity_of(check(facts), "disk-space"), Severity::Ok) << "a small disk, half free";
  facts.disk->free = 63 * kMiB;
  EXPECT_EQ(severity_of(check(facts), "disk-space"), Severity::Critical);
  facts = good_facts();
  facts.disk->inodes_free = 49;
  EXPECT_EQ(severity_of(check(facts), "disk-inodes"), Severity::Warning);
  facts.disk->inodes = facts.disk->inodes_free = 0;
  EXPECT_EQ(severity_of(check(facts), "disk-inodes"), Severity::Ok) << "btrfs has no number";
  facts.disk = std::nullopt;
  EXPECT_EQ(severity_of(check(facts), "disk-space"), Severity::Unseen);
}

TEST(LedgerCheck, TheRecordersOwnWordCounts) {
  LedgerFacts facts = good_facts();
  facts.recorder = R"({"healthy":false,"ledger":"full","reason":"no space"})";
  EXPECT_EQ(severity_of(check(facts), "ledger-state"), Severity::Critical);
  EXPECT_THAT(finding_of(check(facts), "ledger-state").is, HasSubstr("full, no space"));
  facts.recorder = R"({"healthy":true,"used_bytes":95,"most_bytes":100})";
  EXPECT_EQ(severity_of(check(facts), "ledger-size"), Severity::Warning);
  facts.recorder = "";
  EXPECT_FALSE(has(check(facts), "ledger-state"));
}

TEST(LedgerCheck, ALedgerThatCannotBeReadIsUnseenAndItsDiskIsStillJudged) {
  LedgerFacts facts = good_facts();
  facts.problem = "unable to open database file";
  facts.disk->free = 0;
  const Findings found = check(facts);
  EXPECT_EQ(severity_of(found, "ledger"), Severity::Unseen);
  EXPECT_EQ(severity_of(found, "disk-space"), Severity::Critical);
}

}  // namespace
}  // namespace veilwire::doctor
