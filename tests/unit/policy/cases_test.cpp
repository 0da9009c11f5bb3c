#include "userspace/policy/cases.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::policy {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> toml_files(const fs::path& folder) {
  std::set<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".toml") found.insert(entry.path());
  return {found.begin(), found.end()};
}

const fs::path kPolicies = fs::path(VEILWIRE_SOURCE_DIR) / "policies";

TEST(ShippedPolicies, EveryCaseHolds) {
  std::size_t count = 0;
  for (const fs::path& file : toml_files(kPolicies / "cases")) {
    const auto cases = parse_cases(read_file(file), file.string());
    ASSERT_TRUE(cases) << to_string(cases.error().front());
    const fs::path policy_file = file.parent_path() / cases->policy;
    const auto policy = parse(read_file(policy_file), policy_file.string());
    ASSERT_TRUE(policy) << to_string(policy.error());
    for (const PolicyError& failure : run(*policy, *cases)) ADD_FAILURE() << to_string(failure);
    count += cases->size();
  }
  EXPECT_GE(count, 30U);
}

TEST(ShippedPolicies, EveryPolicyIsAcceptedAndHasCases) {
  std::vector<fs::path> files = toml_files(kPolicies / "examples");
  files.push_back(kPolicies / "default.toml");
  for (const fs::path& file : files) {
    const auto policy = parse(read_file(file), file.string());
    EXPECT_TRUE(policy) << to_string(policy.error());
    EXPECT_TRUE(fs::exists(kPolicies / "cases" / file.filename())) << file;
  }
}

TEST(ShippedPolicies, TheDefaultPolicySpellsOutEveryInitialValue) {
  const auto shipped = parse(read_file(kPolicies / "default.toml"), "default.toml");
  ASSERT_TRUE(shipped) << to_string(shipped.error());
  const Policy initial;
  EXPECT_EQ(shipped->ports, initial.ports);
  EXPECT_EQ(shipped->default_request, initial.default_request);
  EXPECT_EQ(shipped->default_response, initial.default_response);
  for (std::size_t i = 0; i < kUninspectedKinds; ++i)
    EXPECT_EQ(shipped->uninspected[i], initial.uninspected[i])
        << to_string(static_cast<Uninspected>(i));
  EXPECT_EQ(shipped->stale.size(), initial.stale.size());
  EXPECT_EQ(shipped->strength, initial.strength);
  EXPECT_TRUE(shipped->originals.empty() && shipped->auditors.empty());
}

// The commented examples in the default policy are read by people who then remove the "# ": they
// must be right.
TEST(ShippedPolicies, TheCommentedExamplesOfTheDefaultPolicyWorkWhenUncommented) {
  const std::string text = read_file(kPolicies / "default.toml");
  std::string examples;
  bool inside = false;
  std::size_t begin = 0, blocks = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("# [[")) inside = true, ++blocks;
    if (!line.starts_with("# ")) inside = false;
    if (inside) examples += line.substr(2) + "\n";
  }
  EXPECT_EQ(blocks, 8U);
  const auto policy = parse("[[host]]\nname = \"a.example\"\nspeaks = \"generic\"\n" + examples,
                            "examples in default.toml");
  EXPECT_TRUE(policy) << to_string(policy.error()) << "\n" << examples;
}

TEST(Cases, ACaseThatDoesNotHoldSaysWhatWasExpectedAndWhatCame) {
  const auto policy = parse("[[host]]\nname = \"a.example\"\nspeaks = \"mcp\"\n", "p");
  ASSERT_TRUE(policy);
  const auto cases = parse_cases(R"(policy = "p"
[[decide]]
name = "secrets are blocked"
direction = "response"
category = "secret"
expect = "block"
[[intercept]]
name = "a.example speaks anthropic"
server_name = "a.example"
expect = "anthropic"
[[intercept]]
name = "b.example is read"
server_name = "b.example"
expect = "generic"
[[uninspected]]
name = "WebSocket passes"
what = "upgrade"
expect = "pass"
[[stale]]
name = "an old word counts for an hour"
age_minutes = 60
expect = "pass"
)",
                                 "c.toml");
  ASSERT_TRUE(cases) << to_string(cases.error().front());
  const auto failures = run(*policy, *cases);
  ASSERT_EQ(failures.size(), 5U);
  EXPECT_EQ(to_string(failures[0]),
            "c.toml:2:1: secrets are blocked: expected \"block\", the policy answers \"mask\"");
  EXPECT_NE(failures[1].message.find("the policy answers \"mcp\""), std::string::npos);
  EXPECT_NE(failures[2].message.find("the policy answers \"pass\""), std::string::npos);
  EXPECT_NE(failures[3].message.find("the policy answers \"block\""), std::string::npos);
  EXPECT_NE(failures[4].message.find("the policy answers \"block\""), std::string::npos);
}

TEST(Cases, AFileThatSaysNothingIsRefused) {
  for (const char* text :
       {"", "policy = \"p\"", "[[decide]]\n", "policy = \"p\"\n[[decide]]\nname = \"n\"\n",
        "policy = \"p\"\n[[decide]]\nname = \"n\"\ndirection = \"up\"\nexpect = \"mask\"\n",
        "policy = \"p\"\n[[uninspected]]\nname = \"n\"\nwhat = \"ftp\"\nexpect = \"pass\"\n",
        "policy = \"p\"\n[[decision]]\nname = \"n\"\n"}) {
    const auto cases = parse_cases(text, "c.toml");
    ASSERT_FALSE(cases) << text;
    EXPECT_FALSE(cases.error().empty());
  }
}

}  // namespace
}  // namespace veilwire::policy
