// The structure that SARIF 2.1.0 requires is checked here by hand; reports were compared with the
// published schema when this was written.
#include "agent/ctl/scan_report.h"

#include "agent/ctl/scan_sarif.h"
#include "tests/unit/ctl/scan_fixture.h"

#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

class ScanReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto policy = load_scan_policy(testing::write_scan_policy(folder_), policy::Direction::Response,
                                   /*all=*/true, Secret(std::string(32, 'k')));
    ASSERT_TRUE(policy);
    policy_ = *std::move(policy);
  }
  static Sighting sighting(const char* rule) {
    Sighting s;
    s.finding.rule = rule;
    s.finding.length = 29;
    s.finding.digest = "0123456789abcdef";
    s.begin = {2, 1, 3};
    s.end = {31, 3, 13};
    return s;
  }
  std::string report(ReportFormat format, bool lasting_key, bool offsets = true) const {
    std::ostringstream out;
    const auto report = make_report(format, policy_, {lasting_key, offsets}, out);
    report->found("a b.txt", sighting("test-block"), "x [M] y");
    report->found(kStandardInput, sighting("stop-token"), "[M]");
    report->found("/etc/x", sighting("staff-number"), "[M]");
    report->end({{"bin", "binary", false}, {"gone", "No such file or directory", true}},
                {4, 1000, 3});
    return out.str();
  }
  testing::ScratchFolder folder_;
  ScanPolicy policy_;
};

TEST_F(ScanReportTest, TextIsThatOfACompiler) {
  EXPECT_EQ(report(ReportFormat::Text, true),
            "a b.txt:1:3: test-block: x [M] y\n"
            "<stdin>:1:3: stop-token: [M]\n"
            "/etc/x:1:3: staff-number: [M]\n");
}

TEST_F(ScanReportTest, APathCannotSteerATerminal) {
  std::ostringstream out;
  make_report(ReportFormat::Text, policy_, {}, out)
      ->found("a\x1b[31m\nb", sighting("test-token"), "[M]");
  EXPECT_EQ(out.str(), "a\\x1b[31m\\x0ab:1:3: test-token: [M]\n");
}

TEST_F(ScanReportTest, JsonHasEverything) {
  const json document = json::parse(report(ReportFormat::Json, true));
  EXPECT_EQ(document["policy_sha256"], policy_.digest);
  EXPECT_EQ(document["texts"], 4);
  EXPECT_EQ(document["bytes"], 1000);
  ASSERT_EQ(document["findings"].size(), 3U);
  EXPECT_EQ(document["findings"][0], json::parse(R"({"path": "a b.txt", "rule": "test-block",
      "category": "secret", "action": "mask", "line": 1, "column": 3, "end_line": 3,
      "end_column": 13, "offset": 2, "length": 29, "digest": "0123456789abcdef",
      "excerpt": "x [M] y"})"));
  EXPECT_EQ(document["findings"][2]["action"], "pass");
  EXPECT_EQ(document["notices"][1]["error"], true);
}

TEST_F(ScanReportTest, SarifHasWhatTheStandardRequires) {
  const json document = json::parse(report(ReportFormat::Sarif, true));
  EXPECT_EQ(document["version"], "2.1.0");  // 3.13.2
  ASSERT_EQ(document["runs"].size(), 1U);   // 3.13.4
  const json& run = document["runs"][0];
  const json& driver = run["tool"]["driver"];
  EXPECT_EQ(driver["name"], "veilwire");              // 3.19.8
  EXPECT_EQ(run["columnKind"], "unicodeCodePoints");  // 3.14.27
  ASSERT_EQ(driver["rules"].size(), 4U);
  for (const json& rule : driver["rules"]) EXPECT_TRUE(rule["id"].is_string());  // 3.49.3
  ASSERT_EQ(run["results"].size(), 3U);
  for (const json& result : run["results"]) {
    EXPECT_TRUE(result["message"]["text"].is_string());  // 3.27.11
    // 3.27.6: the rule at the index is the rule with the id.
    EXPECT_EQ(driver["rules"][result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
    ASSERT_EQ(result["locations"].size(), 1U);
    const json& region = result["locations"][0]["physicalLocation"]["region"];
    EXPECT_EQ(region, json::parse(R"({"startLine": 1, "startColumn": 3, "endLine": 3,
        "endColumn": 13, "byteOffset": 2, "byteLength": 29})"));
  }
  const auto uri = [&](std::size_t i) {
    return run["results"][i]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
  };
  EXPECT_EQ(uri(0), "a%20b.txt");
  EXPECT_EQ(uri(1), "stdin");
  EXPECT_EQ(uri(2), "file:///etc/x");
  EXPECT_EQ(run["results"][0]["level"], "warning");
  EXPECT_EQ(run["results"][1]["level"], "error");
  EXPECT_EQ(run["results"][2]["level"], "note");
  EXPECT_EQ(run["results"][0]["partialFingerprints"]["veilwireDigest/v1"], "0123456789abcdef");
  const json& invocation = run["invocations"][0];
  EXPECT_EQ(invocation["executionSuccessful"], false);  // 3.20.14, required
  EXPECT_EQ(invocation["toolExecutionNotifications"].size(), 2U);
  EXPECT_EQ(invocation["toolExecutionNotifications"][1]["level"], "error");
}

TEST_F(ScanReportTest, AFingerprintThatChangesWithEachRunIsNone) {
  const json document = json::parse(report(ReportFormat::Sarif, false));
  EXPECT_FALSE(document["runs"][0]["results"][0].contains("partialFingerprints"));
}

TEST_F(ScanReportTest, OffsetsThatAreNotKnownAreNotSaid) {
  const json whole = json::parse(report(ReportFormat::Json, true, false));
  EXPECT_FALSE(whole["findings"][0].contains("offset"));
  EXPECT_EQ(whole["findings"][0]["length"], 29);
  const json sarif = json::parse(report(ReportFormat::Sarif, true, false));
  EXPECT_EQ(sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"],
            json::parse(R"({"startLine": 1, "startColumn": 3, "endLine": 3, "endColumn": 13})"));
}

TEST_F(ScanReportTest, WithoutFindingsAllAreWhole) {
  for (const ReportFormat format : {ReportFormat::Json, ReportFormat::Sarif}) {
    std::ostringstream out;
    make_report(format, policy_, {}, out)->end({}, {});
    EXPECT_TRUE(json::accept(out.str())) << out.str();
  }
}

TEST(SarifUri, EscapesWhatIsNoPartOfAPath) {
  EXPECT_EQ(sarif_uri("a/b-c_d.~1"), "a/b-c_d.~1");
  EXPECT_EQ(sarif_uri("100%?#\xc3\xa4:\\"), "100%25%3F%23%C3%A4%3A%5C");
}

}  // namespace
}  // namespace veilwire::ctl
