#include "agent/ctl/status.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

ProgramReport down(std::string name) {
  ProgramReport report;
  report.name = std::move(name);
  return report;
}

StatusReport good() {
  StatusReport report;
  report.programs = {
      judged("identity", R"({"program":"veilwire-identity","healthy":true,"asked":17})"),
      judged("proxy", R"({"program":"veilwire-proxy","healthy":true,"connections":3,
                                         "policy":{"file":"/etc/veilwire/policy.toml","digest":"abc123"}})")};
  report.kernel = R"({"loaded":true,"effective":true,"proxy_alive":true,"mode":"closed",
      "links":[{"program":"vw_connect4","attached":true,"effective":true}],
      "labels":[{"tgid":4242,"state":"confirmed","exe":"/usr/bin/claude","person":"alice"},
                {"tgid":99,"state":"cleared","exe":"/usr/bin/node","person":"carol"}],
      "redirected":[{"tgid":4242,"destination":"203.0.113.7:443","person":"alice","flags":1}],
      "counters":{"redirected":9,"no_record":0}})";
  report.policy_file = "/etc/veilwire/policy.toml";
  report.policy_file_digest = "abc123";
  return report;
}

TEST(Status, IsGoodOnlyWhenEverythingIs) {
  EXPECT_EQ(assess(good()), Health::Good);
  StatusReport one_down = good();
  one_down.programs.push_back(down("recorder"));
  EXPECT_EQ(assess(one_down), Health::Degraded);
  StatusReport unwell = good();
  unwell.programs[0] = judged("identity", R"({"healthy":false,"error":"no directory"})");
  EXPECT_EQ(assess(unwell), Health::Degraded);
  StatusReport not_effective = good();
  not_effective.kernel = R"({"loaded":true,"effective":false,"proxy_alive":true})";
  EXPECT_EQ(assess(not_effective), Health::Degraded);
  not_effective.kernel = R"({"loaded":true,"effective":true,"proxy_alive":false})";
  EXPECT_EQ(assess(not_effective), Health::Degraded);
  not_effective.kernel = R"({"loaded":1,"effective":"true","proxy_alive":[true]})";
  EXPECT_EQ(assess(not_effective), Health::Degraded);
}

TEST(Status, KernelProgramsThatOutliveTheirProgramsAreDegradedAndNotNothing) {
  StatusReport report = good();
  report.programs = {down("proxy"), down("identity")};
  EXPECT_EQ(assess(report), Health::Degraded);
}

TEST(Status, IsNotRunningWhenNothingIs) {
  StatusReport report;
  report.programs = {down("proxy"), down("identity")};
  report.kernel_note = "nothing is pinned";
  EXPECT_EQ(assess(report), Health::NotRunning);
  report.programs[0].state = ProgramReport::State::NotAllowed;
  EXPECT_EQ(assess(report), Health::Degraded);
}

TEST(Status, ADocumentThatIsNotJsonOrSaysNothingIsUnhealthy) {
  for (const char* document : {"", "[]", "{", "{}", R"({"healthy":"true"})", R"({"healthy":1})"})
    EXPECT_EQ(judged("x", document).state, ProgramReport::State::Unhealthy) << document;
}

TEST(StatusText, NamesWhoIsRedirectedAndWhatIsInForce) {
  const std::string text = to_text(good());
  EXPECT_EQ(text.find("veilwire: good"), 0U) << text;
  for (const char* part :
       {"alice", "/usr/bin/claude", "4242", "asked 17", "connections 3", "in force",
        "203.0.113.7:443", "1 of 1 programs run", "counted: redirected 9"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find("carol"), std::string::npos) << "a process that is not watched\n" << text;
}

TEST(StatusText, NamesTheKernelProgramsThatDoNotRun) {
  StatusReport report = good();
  report.kernel =
      R"({"loaded":true,"effective":false,"links":[{"program":"vw_connect4","attached":true,"effective":false},
                      {"program":"vw_connect6","attached":true,"effective":true}]})";
  const std::string text = to_text(report);
  EXPECT_NE(text.find("not in effect: 1 of 2 programs run"), std::string::npos) << text;
  EXPECT_NE(text.find("not running: vw_connect4"), std::string::npos) << text;
}

TEST(StatusText, SaysWhenThePolicyFileIsNotTheOneInForce) {
  StatusReport report = good();
  report.policy_file_digest = "def456";
  EXPECT_NE(to_text(report).find("was edited and is not in force"), std::string::npos);
  report.programs.pop_back();
  EXPECT_NE(to_text(report).find("none in force"), std::string::npos);
}

TEST(StatusText, NamesThatWouldForgeATerminalLineAreMadeSafe) {
  StatusReport report = good();
  report.kernel =
      R"({"loaded":true,"redirected":[{"tgid":1,"comm":"x\nveilwire: good \u001b[2J"}]})";
  const std::string text = to_text(report);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\nveilwire: good"), std::string::npos);
}

TEST(StatusText, SurvivesDocumentsOfAnyShape) {
  StatusReport report = good();
  for (const char* document :
       {R"({"policy":[]})", R"({"policy":{"digest":7}})", R"({"redirected":[1,{"a":[]},null]})",
        R"({"a":{"b":{"c":1}}})", R"({"error":{"x":1},"healthy":null})",
        R"({"redirected":[[]],"counters":[]})",
        R"({"loaded":true,"links":[1,{}],"labels":[{"state":7}],"counters":{"a":"b"}})"}) {
    report.kernel = document;
    report.programs[1] = judged("proxy", document);
    EXPECT_FALSE(to_text(report).empty());
    EXPECT_TRUE(json::accept(to_json(report)));
  }
}

TEST(StatusJson, HoldsWhatTheProgramsSaid) {
  const json document = json::parse(to_json(good()));
  EXPECT_EQ(document.at("status"), "good");
  EXPECT_EQ(document.at("programs").at("identity").at("state"), "up");
  EXPECT_EQ(document.at("programs").at("identity").at("report").at("asked"), 17);
  EXPECT_EQ(document.at("kernel").at("labels").size(), 2U);
  EXPECT_EQ(document.at("policy").at("active_digest"), "abc123");
}

}  // namespace
}  // namespace veilwire::ctl
