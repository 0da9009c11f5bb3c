#include "agent/ctl/policy_commands.h"

#include "tests/unit/ctl/scratch_folder.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

class PolicyCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    policy_ = folder_.write("policy.toml", R"([[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[rules]
packs = ["rules/own.toml"]
[[action]]
rule = "staff-number"
group = "hr"
action = "pass"
[[action]]
category = "secret"
action = "mask"
)");
    folder_.write("rules/own.toml", R"([[rules]]
id = "test-token"
regex = '''tok_[a-z0-9]{8}'''
keywords = ["tok_"]
positive = ["tok_ab12cd34"]
negative = ["tok_"]
[[rules]]
id = "staff-number"
category = "pii"
regex = '''staff-[0-9]{6}'''
keywords = ["staff-"]
positive = ["staff-123456"]
)");
    cases_ = folder_.write("cases/policy.toml", R"(policy = "../policy.toml"
[[decide]]
name = "tokens are masked"
direction = "response"
rule = "test-token"
category = "secret"
expect = "mask"
)");
  }
  testing::ScratchFolder folder_;
  std::string policy_, cases_;
  std::ostringstream out_, err_;
};

TEST_F(PolicyCommands, CheckCountsWhatIsGood) {
  EXPECT_EQ(policy_check(policy_, out_, err_), 0);
  EXPECT_NE(out_.str().find("ok: 1 host, 2 actions, 1 rule pack with 2 rules"), std::string::npos)
      << out_.str();
  EXPECT_EQ(err_.str(), "");
}

TEST_F(PolicyCommands, CheckSaysWhatIsWrongAndFails) {
  const std::string bad = folder_.write("bad.toml", "ports = 443\n");
  EXPECT_EQ(policy_check(bad, out_, err_), 1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_NE(err_.str().find("bad.toml:1:9: error: ports must be a list"), std::string::npos)
      << err_.str();
  EXPECT_NE(err_.str().find("2 errors"), std::string::npos);
}

TEST_F(PolicyCommands, CheckRefusesWhatTheProxyWouldNotReadForItsMode) {
  std::filesystem::permissions(folder_ / "rules/own.toml", std::filesystem::perms{0664});
  EXPECT_EQ(policy_check(policy_, out_, err_), 1);
  EXPECT_NE(err_.str().find("rules/own.toml: error: writable by group or others"),
            std::string::npos)
      << err_.str();
  EXPECT_EQ(policy_test({policy_, {}, false}, out_, err_), 0) << "trying it is harmless";
}

// Escape, the one-byte CSI as UTF-8, and a line of its own.
void expect_one_plain_line_each(const std::string& text, std::size_t lines) {
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << text;
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), lines) << text;
  EXPECT_EQ(text.find("\nforged"), std::string::npos) << text;
}

TEST_F(PolicyCommands, CheckLetsNoFileDriveTheTerminalOrForgeALine) {
  const std::string bad = folder_.write("bad.toml",
                                        "\"a\\u001b[2J\\u009b2J\\nforged\" = 1 # \xc2\x9b"
                                        "2J\n");
  EXPECT_EQ(policy_check(bad, out_, err_), 1);
  EXPECT_NE(err_.str().find("\\u{009b}2J"), std::string::npos) << err_.str();
  expect_one_plain_line_each(err_.str(), 3 + 3 + 1);  // two errors with their lines, and the sum
  err_.str("");
  const std::string raw = folder_.write("raw.toml",
                                        "a = \x1b[2J\xc2\x9b"
                                        "2J\n");
  EXPECT_EQ(policy_check(raw, out_, err_), 1);
  expect_one_plain_line_each(err_.str(), 3 + 1);
}

TEST_F(PolicyCommands, TestLetsNoPackDriveTheTerminalOrForgeALine) {
  folder_.write("rules/own.toml", R"([[rules]]
id = "test-token"
regex = '''tok_[a-z0-9]{8}'''
keywords = ["tok_"]
positive = ["tok_\u001b[2J\u009b2J\nforged"]
[[rules]]
id = "staff-number"
regex = '''staff-[0-9]{6}'''
keywords = ["staff-"]
)");
  EXPECT_EQ(policy_test({policy_, {}, false}, out_, err_), 1);
  EXPECT_NE(out_.str().find("FAILED"), std::string::npos) << out_.str() << err_.str();
  EXPECT_EQ(out_.str().find('\x1b'), std::string::npos) << out_.str();
  EXPECT_EQ(out_.str().find("\xc2\x9b"), std::string::npos) << out_.str();
  EXPECT_EQ(out_.str().find("\nforged"), std::string::npos) << out_.str();
}

TEST_F(PolicyCommands, TestRunsExamplesAndTheCasesOfThisPolicy) {
  folder_.write("cases/other.toml",
                "policy = \"../other.toml\"\n[[intercept]]\nname = \"n\"\nserver_name = "
                "\"x.y\"\nexpect = \"mcp\"\n");
  EXPECT_EQ(policy_test({policy_, {}, false}, out_, err_), 0) << out_.str() << err_.str();
  EXPECT_NE(out_.str().find("2 rules, 2 positive and 1 negative examples"), std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("cases/policy.toml: 1 case"), std::string::npos);
  EXPECT_EQ(out_.str().find("other.toml"), std::string::npos);
  EXPECT_NE(out_.str().find("all good"), std::string::npos);
}

TEST_F(PolicyCommands, TestFailsOnAFailedCaseAndSaysWhere) {
  const std::string failing = folder_.write("elsewhere.toml", R"(policy = "policy.toml"
[[decide]]
name = "tokens are blocked"
direction = "response"
rule = "test-token"
category = "secret"
expect = "block"
)");
  EXPECT_EQ(policy_test({policy_, {failing}, false}, out_, err_), 1);
  EXPECT_NE(out_.str().find("elsewhere.toml:2:1: tokens are blocked: expected \"block\""),
            std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("1 failure"), std::string::npos);
  EXPECT_EQ(policy_test({policy_, {folder_ / "absent.toml"}, false}, out_, err_), 1);
}

TEST_F(PolicyCommands, TestFailsOnAFailedExampleWithTheLineOfItsRule) {
  folder_.write(
      "rules/own.toml",
      "[[rules]]\nid = \"test-token\"\nregex = '''tok_[a-z0-9]{8}'''\nkeywords = [\"tok_\"]\n"
      "positive = [\"tok_no\"]\n[[rules]]\nid = \"staff-number\"\nregex = '''staff-[0-9]{6}'''\n");
  EXPECT_EQ(policy_test({policy_, {}, true}, out_, err_), 1) << err_.str();
  const json document = json::parse(out_.str());
  EXPECT_EQ(document.at("failed"), 1);
  const json& failure = document.at("packs").at(0).at("failures").at(0);
  EXPECT_EQ(failure.at("rule"), "test-token");
  EXPECT_EQ(failure.at("line"), 2);
  EXPECT_EQ(document.at("packs").at(0).at("without_examples").at(0), "staff-number");
}

TEST_F(PolicyCommands, ShowSaysWhatIsDoneAboutEachRule) {
  EXPECT_EQ(policy_show(policy_, true, out_, err_), 0);
  const json document = json::parse(out_.str());
  EXPECT_EQ(document.at("hosts").at(0).at("rules").at("test-token").at("request"), "mask");
  EXPECT_EQ(document.at("hosts").at(0).at("rules").at("staff-number").at("request"), "pass");
  EXPECT_EQ(document.at("hosts").at(0).at("rules").at("staff-number").at("response"), "mask");
  EXPECT_EQ(document.at("uninspected").at("upgrade"), "block");
  EXPECT_EQ(document.at("ports"), json::array({443}));
  std::ostringstream text;
  EXPECT_EQ(policy_show(policy_, false, text, err_), 0);
  EXPECT_NE(text.str().find("api.anthropic.com (anthropic)"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("group hr"), std::string::npos) << text.str();
}

TEST_F(PolicyCommands, ShowSaysWhoIsGivenWhichCredential) {
  const std::string file = folder_.write("given.toml", R"([[host]]
name = "api.anthropic.com"
speaks = "anthropic"
credential_required = true
[[host.credential]]
group = "research"
use = "for-research"
)");
  EXPECT_EQ(policy_show(file, true, out_, err_), 0) << err_.str();
  const json credential = json::parse(out_.str()).at("hosts").at(0).at("credential");
  EXPECT_EQ(credential.at("field"), "x-api-key");
  EXPECT_EQ(credential.at("given").at(0).at("use"), "for-research");
  std::ostringstream text;
  EXPECT_EQ(policy_show(file, false, text, err_), 0);
  for (const char* part : {"group research", "for-research in x-api-key\n", "none: refused\n"})
    EXPECT_NE(text.str().find(part), std::string::npos) << text.str();
}

TEST_F(PolicyCommands, ShowOfABrokenPolicyFails) {
  EXPECT_EQ(policy_show(folder_.write("bad.toml", "a"), false, out_, err_), 1);
  EXPECT_NE(err_.str(), "");
}

}  // namespace
}  // namespace veilwire::ctl
