// `veilwire audit export` in the formats of other tools, by the command itself.
#include "tests/unit/ctl/run_veilwire.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;
using testing::Ran;

constexpr const char* kSession = "00c0ffee00c0ffee";
constexpr const char* kSaid = "what was released";

class AuditExport : public ::testing::Test {
 protected:
  AuditExport() {
    using audit::sample;
    put(0, sample(audit::SessionOpen{.peer = audit::sample_peer(),
                                     .destination = "203.0.113.7:443",
                                     .server_name = "files.example",
                                     .handling = "intercepted",
                                     .tls = "TLSv1.3"}));
    for (const std::uint64_t exchange : {std::uint64_t{1}, std::uint64_t{2}}) {
      put(exchange,
          sample(audit::RequestHead{.person = audit::sample_person(),
                                    .service = "generic",
                                    .method = "GET",
                                    .target = "/data/" + std::to_string(exchange) + "?q=1",
                                    .fields = {{"accept", "text/plain"}},
                                    .model = {},
                                    .mcp_method = {},
                                    .tool = {},
                                    .policy_digest = "ab12"}));
      put(exchange,
          sample(audit::ResponseHead{.status = 200, .fields = {{"content-type", "text/plain"}}}));
      put(exchange, sample(audit::ResponseFragment{.offset = 0,
                                                   .content = kSaid,
                                                   .masks = {{.rule = "aws",
                                                              .category = "secret",
                                                              .offset = 0,
                                                              .length = 20,
                                                              .digest = "7f3a",
                                                              .action = "mask",
                                                              .released_length = 4}}}));
      put(exchange,
          sample(audit::ExchangeClose{
              .outcome = "complete", .request_bytes = 0, .response_bytes = 17, .masked = 1}));
    }
    EXPECT_TRUE(ledger_.commit(batch_));
  }
  void put(std::uint64_t exchange, audit::Record record) {
    record.context.session = kSession;
    record.context.exchange = exchange;
    batch_.push_back(
        recorder::arrival(recorder::writer_id(1), batch_.size() + 1, std::move(record)));
  }
  Ran exported(const std::string& arguments) const {
    return testing::run("audit --ledger " + folder_ / "ledger.db" + " export " + arguments +
                        " 2>&1");
  }
  // What it writes to standard output, without what it says.
  std::string output(const std::string& arguments) const {
    const Ran ran = testing::run("audit --ledger " + folder_ / "ledger.db" + " export -o - " +
                                 arguments + " 2>/dev/null");
    EXPECT_EQ(ran.exit_code, 0);
    return ran.output;
  }
  static std::vector<json> lines(const std::string& text) {
    std::vector<json> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
    return out;
  }

  recorder::TemporaryFolder folder_;
  recorder::Ledger ledger_{recorder::options_for(folder_ / "ledger.db")};
  std::vector<recorder::Arrival> batch_;
};

TEST_F(AuditExport, HarHasAnEntryForEachExchange) {
  const json har = json::parse(output("--all --format har"));
  const json& entries = har.at("log").at("entries");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].at("request").at("url"), "https://files.example/data/1?q=1");
  EXPECT_EQ(entries[1].at("request").at("url"), "https://files.example/data/2?q=1");
  EXPECT_EQ(entries[0].at("response").at("content").at("text"), kSaid);
}

TEST_F(AuditExport, LinesOfJsonAreRecordsOfTheSessionAndWholeExchanges) {
  const auto all = lines(output("--all --format jsonl"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].at("kind"), "session.open");
  EXPECT_NE(all[1].dump().find(kSaid), std::string::npos);
  EXPECT_EQ(lines(output(std::string(kSession) + ".2 --format jsonl")).size(), 2U);
}

TEST_F(AuditExport, OcsfTellsOfCallsAndFindings) {
  int calls = 0, findings = 0;
  for (const json& event : lines(output("--server files.example --format ocsf"))) {
    calls += event.at("class_uid") == 6003 ? 1 : 0;
    findings += event.at("class_uid") == 2006 ? 1 : 0;
  }
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(findings, 2);
}

TEST_F(AuditExport, ALevelLeavesOutWhatItSays) {
  for (const std::string format : {"jsonl", "ocsf", "har"}) {
    const std::string whole = output("--all --format " + format);
    EXPECT_NE(whole.find("q=1"), std::string::npos) << format;
    const std::string less = output("--all --level metadata --format " + format);
    EXPECT_FALSE(less.empty());
    EXPECT_EQ(less.find(kSaid), std::string::npos) << format;
    EXPECT_EQ(less.find("q=1"), std::string::npos) << format;
  }
}

TEST_F(AuditExport, AFileIsCompressedByItsNameAndNeverOverwritten) {
  const std::string file = folder_ / "out.jsonl.zst";
  const Ran ran = exported("--all --format jsonl -o " + file);
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.output, "veilwire: 3 lines\n");
  EXPECT_EQ(lines(testing::shell("zstd -dc " + file).output).size(), 3U);
  EXPECT_EQ(exported("--all --format jsonl -o " + file).exit_code, 1);
}

TEST_F(AuditExport, WhatMakesNoSenseIsWrongUsage) {
  EXPECT_EQ(exported("--all -o - --level metadata").exit_code, 2);
  EXPECT_EQ(exported("--all -o - --format har --level findings").exit_code, 2);
  EXPECT_EQ(exported("--all -o - --format csv").exit_code, 2);
  EXPECT_EQ(exported("-o - --format har").exit_code, 2);
  EXPECT_EQ(exported("--model none -o - --format har").exit_code, 3);
}

}  // namespace
}  // namespace veilwire::ctl
