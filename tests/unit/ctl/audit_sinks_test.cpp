#include "agent/ctl/audit_sinks.h"

#include "agent/ctl/audit_ledger.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using recorder::LedgerReader;
using ::testing::HasSubstr;
using ::testing::Not;
namespace protocol = host::protocol;

class AuditSinks : public ::testing::Test {
 protected:
  AuditSinks() {
    std::vector<recorder::Arrival> batch;
    for (std::uint64_t seq = 1; seq <= 10; ++seq)
      batch.push_back(recorder::opening(recorder::writer_id(1), seq, "aaaaaaaaaaaaaaaa", 1));
    EXPECT_TRUE(ledger_.commit(batch));
  }
  void deliver(const std::string& sink,
               std::variant<protocol::Attach, protocol::Confirm, protocol::Rewind> what) {
    const auto done = ledger_.deliver(
        std::vector{recorder::Delivery{.asker = 1, .sink = sink, .what = std::move(what)}});
    ASSERT_TRUE(done);
    ASSERT_TRUE(std::holds_alternative<protocol::Attached>(done->at(0)));
  }
  int sinks(SinksOptions options = {}) {
    out_.str("");
    err_.str("");
    LedgerReader reader(path_);
    options.now_wall_ns =
        audit::sample(audit::Gap{}).time.wall.since_epoch.count() + 200'000'000'000;
    options.ask_forwarder = [this] { return forwarder_; };
    return audit_sinks(reader, options, {.out = out_, .err = err_, .terminal = false});
  }

  recorder::TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  recorder::Ledger ledger_{recorder::options_for(path_)};
  std::string forwarder_;  // what it answers
  std::ostringstream out_, err_;
};

TEST_F(AuditSinks, ALedgerThatGoesNowhereSaysSo) {
  EXPECT_EQ(sinks(), 0);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("goes nowhere"));
}

TEST_F(AuditSinks, EachIsListedWithHowFarItIsBehind) {
  deliver("otlp", protocol::Attach{"otlp", "https://collector.example"});
  deliver("otlp", protocol::Confirm{.next = 8, .dead = {{3, "400"}}, .cosigned = {}});
  deliver("siem", protocol::Attach{"siem", "tls://siem.example:6514"});
  deliver("siem", protocol::Confirm{.next = 11, .dead = {}, .cosigned = {}});
  forwarder_ =
      R"({"sinks":[{"name":"otlp","attempts_failed":4,"problem":"503"},{"name":"siem"},7,{}]})";
  EXPECT_EQ(sinks(), 0);
  EXPECT_THAT(out_.str(), HasSubstr("https://collector.example"));
  EXPECT_THAT(out_.str(), HasSubstr("failing: 503"));
  EXPECT_THAT(out_.str(), HasSubstr("3 min"));
  EXPECT_THAT(out_.str(), HasSubstr("up to date"));
  EXPECT_EQ(sinks({.json = true, .dead_letters = {}, .ask_forwarder = {}}), 0);
  const auto document = nlohmann::json::parse(out_.str());
  EXPECT_EQ(document.at("records"), 10);
  EXPECT_TRUE(document.at("forwarder_answers"));
  const auto& otlp = document.at("sinks").at(0);
  EXPECT_EQ(otlp.at("name"), "otlp");
  EXPECT_EQ(otlp.at("next"), 8);
  EXPECT_EQ(otlp.at("lag"), 3);
  EXPECT_EQ(otlp.at("dead_letters"), 1);
  EXPECT_EQ(otlp.at("attempts_failed"), 4);
  EXPECT_EQ(document.at("sinks").at(1).at("lag"), 0);
}

TEST_F(AuditSinks, TheLedgerAnswersWithoutTheForwarder) {
  deliver("otlp", protocol::Attach{"otlp", ""});
  for (const char* said : {"", "nonsense", "[]", R"({"sinks":3})"}) {
    forwarder_ = said;
    EXPECT_EQ(sinks(), 0);
    EXPECT_THAT(out_.str(), HasSubstr("forwarder does not answer")) << said;
  }
  forwarder_ = R"({"sinks":[]})";
  EXPECT_EQ(sinks(), 0);
  EXPECT_THAT(out_.str(), HasSubstr("not configured"));
}

TEST_F(AuditSinks, WhatWasRefusedIsListedWithItsReason) {
  deliver("otlp", protocol::Attach{"otlp", ""});
  deliver("otlp",
          protocol::Confirm{.next = 8, .dead = {{3, "400"}, {5, "too large"}}, .cosigned = {}});
  EXPECT_EQ(sinks({.json = false, .dead_letters = "otlp", .ask_forwarder = {}}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("too large"));
  EXPECT_THAT(out_.str(), HasSubstr("aaaaaaaaaaaaaaaa.1"));
  EXPECT_EQ(sinks({.json = true, .dead_letters = "otlp", .ask_forwarder = {}}), 0);
  const auto letters = nlohmann::json::parse(out_.str());
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[1].at("record"), 5);
  EXPECT_EQ(sinks({.json = false, .dead_letters = "none", .ask_forwarder = {}}), kAuditUnknownId);
}

TEST_F(AuditSinks, AWitnessShows) {
  deliver("witness", protocol::Attach{"witness", ""});
  EXPECT_EQ(sinks(), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("witness has signed")));
  deliver("witness",
          protocol::Confirm{.next = 9, .dead = {}, .cosigned = protocol::Cosigned{7, "line"}});
  EXPECT_EQ(sinks(), 0);
  EXPECT_THAT(out_.str(), HasSubstr("has signed the first 7 of 10"));
}

}  // namespace
}  // namespace veilwire::ctl
