// What `veilwire audit report` counts of a ledger whose policy only observed.
#include "agent/ctl/audit_views.h"
#include "agent/ctl/observed_report.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using recorder::arrival;
using recorder::writer_id;

audit::MaskedSpan seen(std::string rule, std::uint64_t offset, std::string digest,
                       std::string would = "mask") {
  return {.rule = std::move(rule),
          .category = "secret",
          .offset = offset,
          .length = 20,
          .digest = std::move(digest),
          .action = "observed",
          .released_length = 12,
          .would = std::move(would)};
}

class AuditReport : public testing::Test {
 protected:
  void head(std::uint64_t exchange, const std::string& person, std::vector<std::string> groups) {
    audit::RequestHead b{.person = audit::sample_person(),
                         .service = "anthropic",
                         .method = "POST",
                         .target = "/v1/messages",
                         .fields = {},
                         .model = "claude-x",
                         .mcp_method = {},
                         .tool = {},
                         .policy_digest = "ab12",
                         .mode = "observe"};
    b.person.subject = b.person.name = person;
    b.person.groups = std::move(groups);
    put(exchange, std::move(b));
  }
  void close(std::uint64_t exchange, std::uint64_t observed) {
    put(exchange, audit::ExchangeClose{.outcome = "complete",
                                       .request_bytes = 1,
                                       .response_bytes = 1,
                                       .masked = 0,
                                       .observed = observed});
  }
  void put(std::uint64_t exchange, audit::Body body) {
    audit::Record record = audit::sample(std::move(body), exchange);
    record.time.wall.since_epoch += std::chrono::milliseconds(batch_.size());
    batch_.push_back(arrival(writer_id(1), batch_.size() + 1, record));
  }
  recorder::LedgerReader& reader() {
    if (!reader_) {
      EXPECT_TRUE(ledger_.commit(batch_));
      reader_.emplace(path_);
    }
    return *reader_;
  }
  std::string text() {
    std::ostringstream out, err;
    EXPECT_EQ(audit_report(reader(), {.filter = {.limit = 20}}, {.out = out, .err = err}), 0);
    return out.str();
  }

  recorder::TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  recorder::Ledger ledger_{recorder::options_for(path_)};
  std::vector<recorder::Arrival> batch_;
  std::optional<recorder::LedgerReader> reader_;
};

// Two people of three exchanges, one of which would have been blocked, and a fourth that nothing is
// wrong with.
class AuditReportOfAWeek : public AuditReport {
 protected:
  AuditReportOfAWeek() {
    const std::string masked = "see [MASKED:k:1] and [MASKED:k:2] \x1b[2J";
    head(1, "ada", {"research"});
    put(1, audit::ResponseFragment{.offset = 0,
                                   .content = masked,
                                   .masks = {seen("key", 4, "d1"), seen("key", 21, "d2")}});
    close(1, 3);  // one in a field
    head(2, "ada", {"research"});
    put(2,
        audit::ResponseFragment{.offset = 0, .content = masked, .masks = {seen("key", 4, "d1")}});
    close(2, 1);
    head(3, "ben", {"sales"});
    put(3, audit::RequestBody{.offset = 0,
                              .content = "[MASKED:b:9]",
                              .masks = {seen("private-key", 0, "d9", "block")}});
    put(3, audit::Observed{.direction = "request",
                           .outcome = "blocked",
                           .rule = "private-key",
                           .category = "secret",
                           .digest = "d9",
                           .reason = "why",
                           .answer = "451"});
    put(3, audit::Observed{.direction = "request",
                           .outcome = "sign-in wanted",
                           .rule = {},
                           .category = {},
                           .digest = {},
                           .reason = "sign in",
                           .answer = "403"});
    put(3, audit::Gap{.reason = "unknown_coding",
                      .detail = "lzma",
                      .action = "pass",
                      .bytes = 12,
                      .would = "block"});
    close(3, 1);
    head(4, "cleo", {});
    close(4, 0);
  }
};

TEST_F(AuditReportOfAWeek, CountsByRulePersonGroupServerAndModel) {
  const ObservedReport report = observed_report(reader(), {}, 3);
  EXPECT_EQ(report.exchanges, 4U);
  EXPECT_EQ(report.all.exchanges, 3U);
  EXPECT_EQ(report.all.people.size(), 2U);
  EXPECT_EQ(report.all.mask, 4U);
  EXPECT_EQ(report.all.block, 1U);
  EXPECT_EQ(report.all.refused, 1U);
  EXPECT_EQ(report.stopped, 1U);
  const ObservedRule& key = report.rules.at("key");
  EXPECT_EQ(key.mask, 3U);
  EXPECT_EQ(key.exchanges, 2U);
  EXPECT_EQ(key.people.size(), 1U);
  EXPECT_EQ(key.digests.size(), 2U);
  EXPECT_EQ(report.rules.at("private-key").block, 1U);
  EXPECT_EQ(report.rules.at("(in a target or field)").mask, 1U);
  EXPECT_EQ(report.refusals.at("sign-in wanted").exchanges, 1U);
  EXPECT_EQ(report.people.at("ada").exchanges, 2U);
  EXPECT_EQ(report.people.count("cleo"), 0U);
  EXPECT_EQ(report.groups.at("research").mask, 4U);
  EXPECT_EQ(report.models.at("claude-x").exchanges, 3U);
  EXPECT_EQ(report.gaps.at("unknown_coding").would_block, 1U);
}

TEST_F(AuditReportOfAWeek, AnExampleIsOfEachValueOnceAndIsMasked) {
  const ObservedReport report = observed_report(reader(), {}, 1);
  ASSERT_EQ(report.rules.at("key").examples.size(), 1U);
  const auto all = observed_report(reader(), {}, 3).rules.at("key").examples;
  ASSERT_EQ(all.size(), 2U);
  for (const ObservedExample& example : all) {
    EXPECT_TRUE(example.mask.starts_with("[MASKED:")) << example.mask;
    EXPECT_TRUE(example.before.starts_with("see ")) << example.before;
  }
}

TEST_F(AuditReportOfAWeek, AsTextItSaysWhatIsNotEnforcedAndWhatToDoNext) {
  const std::string out = text();
  for (const std::string_view part :
       {"Not enforced. Of 4 exchanges, 3 would have been touched, of 2 people: 4 findings masked, "
        "1 "
        "blocked; 1 exchange stopped.",
        "key: 2 different values", "[MASKED:k:1]", "NOT INSPECTED", "1 person has not signed in",
        "1 exchange would be refused as unknown_coding", "enforce the policy for one group first"})
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
}

TEST_F(AuditReport, OfNothingSaysSo) {
  EXPECT_NE(text().find("Nothing is recorded of this time"), std::string::npos);
}

TEST_F(AuditReport, IsOneJsonObject) {
  head(1, "ada", {});
  close(1, 0);
  std::ostringstream out, err;
  EXPECT_EQ(
      audit_report(reader(), {.filter = {.limit = 20}, .json = true}, {.out = out, .err = err}), 0);
  const auto report = nlohmann::json::parse(out.str());
  EXPECT_EQ(report["exchanges"], 1);
  EXPECT_EQ(report["observed"]["exchanges"], 0);
  EXPECT_EQ(report["rules"], nlohmann::json::array());
  EXPECT_EQ(report["next"].size(), 1U);
}

}  // namespace
}  // namespace veilwire::ctl
