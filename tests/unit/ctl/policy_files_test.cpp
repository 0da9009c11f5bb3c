#include "agent/ctl/policy_files.h"

#include "tests/unit/ctl/scratch_folder.h"

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

constexpr const char* kPolicy = R"([[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[rules]
packs = ["rules/own.toml"]
[[action]]
category = "secret"
action = "mask"
)";
constexpr const char* kPack = R"([[rules]]
id = "test-token"
regex = '''tok_[a-z0-9]{8}'''
keywords = ["tok_"]
)";

class PolicyFilesTest : public ::testing::Test {
 protected:
  // The complaints, as text, with the folder's own name left out.
  std::string problems(const std::string& file) {
    const auto files = load_policy_files(file);
    if (files) return "";
    std::string text = with_source_lines(files.error());
    const std::string folder = folder_ / "";
    for (std::size_t at = 0; (at = text.find(folder, at)) != std::string::npos;)
      text.erase(at, folder.size());
    return text;
  }
  testing::ScratchFolder folder_;
};

TEST_F(PolicyFilesTest, APolicyIsLoadedWithThePacksBesideIt) {
  folder_.write("rules/own.toml", kPack);
  const auto files = load_policy_files(folder_.write("policy.toml", kPolicy));
  ASSERT_TRUE(files) << with_source_lines(files.error());
  ASSERT_EQ(files->packs.size(), 1U);
  EXPECT_EQ(files->packs[0].name, folder_ / "rules/own.toml");
  EXPECT_EQ(files->packs[0].rules[0].id, "test-token");
  EXPECT_NE(files->engine, nullptr);
}

TEST_F(PolicyFilesTest, ErrorsShowTheirLineAndPointAtTheColumn) {
  EXPECT_EQ(problems(folder_.write(
                "p.toml",
                "[default]\nresponse =  \"maks\"\n[[host]]\nname = \"a.b\"\nspeaks = \"mcp\"\n")),
            "p.toml:2:13: error: \"maks\" is no value of response in [default]; did you mean "
            "\"mask\"? Allowed: \"pass\", "
            "\"mask\", \"block\"\n"
            " 2 | response =  \"maks\"\n"
            "   |             ^\n");
}

TEST_F(PolicyFilesTest, AMissingPackIsNamedByThePathThatWasTried) {
  const std::string text = problems(folder_.write("policy.toml", kPolicy));
  EXPECT_EQ(text.find("rules/own.toml: error: "), 0U) << text;
}

TEST_F(PolicyFilesTest, ErrorsInAPackAreReportedInThePack) {
  folder_.write("rules/own.toml", "[[rules]]\nid = \"x\"\nregexp = 'a'\n");
  const std::string text = problems(folder_.write("policy.toml", kPolicy));
  EXPECT_EQ(text.find("rules/own.toml:3:1: error: "), 0U) << text;
}

TEST_F(PolicyFilesTest, ARuleThatDoesNotCompileIsReportedAtItsId) {
  folder_.write("rules/own.toml",
                std::string(kPack) + "\n[[rules]]\nid = 'broken'\nregex = '''a(b'''\n");
  const std::string text = problems(folder_.write("policy.toml", kPolicy));
  EXPECT_EQ(text.find("rules/own.toml:7:1: error: rule \"broken\""), 0U) << text;
}

TEST_F(PolicyFilesTest, AnActionForAnUnknownRuleIsReportedInThePolicy) {
  folder_.write("rules/own.toml", kPack);
  const std::string text = problems(folder_.write(
      "policy.toml",
      std::string(kPolicy) + "[[action]]\nrule = \"test-tokn\"\naction = \"block\"\n"));
  EXPECT_EQ(text.find("policy.toml:9:1: error: [[action]]: no rule pack has a rule \"test-tokn\"; "
                      "did you mean"),
            0U)
      << text;
}

TEST_F(PolicyFilesTest, WhatIsNoFileIsSaidPlainly) {
  EXPECT_NE(problems(folder_ / "absent.toml").find("No such file"), std::string::npos);
  EXPECT_NE(problems(folder_ / "").find("is a folder"), std::string::npos);
}

TEST(LineOfRule, FindsTheIdHoweverItIsSpaced) {
  EXPECT_EQ(line_of_rule("a = 1\nid = \"x\"\n  id='y'\nid = \"xy\"", "y"), 3U);
  EXPECT_EQ(line_of_rule("a = 1\nid = \"x\"\n  id='y'\nid = \"xy\"", "xy"), 4U);
  EXPECT_EQ(line_of_rule("id = \"x\"", "z"), 0U);
  EXPECT_EQ(line_of_rule("", "z"), 0U);
}

}  // namespace
}  // namespace veilwire::ctl
