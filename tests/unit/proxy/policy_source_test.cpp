#include "agent/proxy/policy_source.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace veilwire::proxy {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPolicy = R"([[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[rules]
packs = ["pack.toml"]
)";
constexpr const char* kPack = R"([[rules]]
id = "test-key"
description = "x"
regex = 'KEY-[0-9]{8}'
keywords = ["key-"]
)";

class PolicySourceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_policy_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    write("policy.toml", kPolicy);
    write("pack.toml", kPack);
  }
  void TearDown() override { fs::remove_all(folder); }

  // As an editor does: a new file in the old one's place.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / (name + ".new")) << text;
    fs::permissions(folder / (name + ".new"), fs::perms{0644});
    fs::rename(folder / (name + ".new"), folder / name);
  }
  std::string policy() const { return (folder / "policy.toml").string(); }

  // Runs the loop until something was reported; the bound only ends a test that has failed.
  void run_until(const bool& reported) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!reported && std::chrono::steady_clock::now() < limit)
      io.run_one_for(std::chrono::seconds(1));
  }

  static Secret key() { return Secret(std::string("0123456789abcdef0123456789abcdef")); }
  fs::path folder;
  boost::asio::io_context io;
};

TEST_F(PolicySourceTest, LoadsAPolicyWithItsPacks) {
  const auto loaded = load_ruleset(policy(), key());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->files.size(), 2U);
  EXPECT_EQ(loaded->ruleset->policy().hosts.size(), 1U);
}

TEST_F(PolicySourceTest, SaysWhereAPolicyIsBroken) {
  write("policy.toml", "[[host]]\nname = 'x.example'\nspeaks = 'mcp'\nspeeks = 'mcp'\n");
  const auto loaded = load_ruleset(policy(), key());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("policy.toml:4:1"), std::string::npos)
      << loaded.error().message;
}

TEST_F(PolicySourceTest, SaysWhichAuditorIsAtFaultAndWatchesTheCertificates) {
  write("policy.toml", std::string(kPolicy) +
                           "[[original]]\nkeep = \"both\"\n"
                           "[auditors]\ncertificates = [\"a.pem\", \"b.pem\"]\n");
  const auto missing = load_ruleset(policy(), key());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("policy.toml:9:17: "), std::string::npos)
      << missing.error().message;
  EXPECT_NE(missing.error().message.find("a.pem: No such file"), std::string::npos);
  write("a.pem", "no certificate");
  write("b.pem", "no certificate");
  const auto wrong = load_ruleset(policy(), key());
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("auditor a.pem: not one X.509 certificate in PEM"),
            std::string::npos)
      << wrong.error().message;
  EXPECT_EQ(wrong.error().files.size(), 4U);
}

TEST_F(PolicySourceTest, SaysWhereAPackIsBroken) {
  write("pack.toml", "[[rules]]\nid = 7\n");
  const auto loaded = load_ruleset(policy(), key());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("pack.toml:2:"), std::string::npos)
      << loaded.error().message;
}

TEST_F(PolicySourceTest, RefusesAnActionForARuleThatNoPackHas) {
  write("policy.toml", std::string(kPolicy) + "[[action]]\nrule = 'test-kee'\naction = 'block'\n");
  const auto loaded = load_ruleset(policy(), key());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("test-kee"), std::string::npos) << loaded.error().message;
}

TEST_F(PolicySourceTest, RefusesAPolicyAndAPackThatOthersMayWrite) {
  for (const char* name : {"policy.toml", "pack.toml"}) {
    fs::permissions(folder / name, fs::perms{0664});
    const auto loaded = load_ruleset(policy(), key());
    ASSERT_FALSE(loaded) << name;
    EXPECT_NE(loaded.error().message.find(std::string(name) + ": writable by group or others"),
              std::string::npos)
        << loaded.error().message;
    fs::permissions(folder / name, fs::perms{0644});
  }
  EXPECT_TRUE(load_ruleset(policy(), key()));
}

TEST_F(PolicySourceTest, NamesAPackThatIsMissing) {
  fs::remove(folder / "pack.toml");
  const auto loaded = load_ruleset(policy(), key());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("pack.toml: No such file"), std::string::npos)
      << loaded.error().message;
}

TEST_F(PolicySourceTest, ReportsAChangeOfThePolicyAndOfAPack) {
  auto first = load_ruleset(policy(), key());
  ASSERT_TRUE(first);
  bool reported = false;
  std::string digest;
  PolicySource source(
      io, policy(), key(), first->files,
      {.loaded = [&](LoadedRuleset l) { reported = true, digest = l.ruleset->policy().digest; },
       .failed = [&](const LoadError& e) { ADD_FAILURE() << e.message; }});
  write("policy.toml", std::string(kPolicy) + "# changed\n");
  run_until(reported);
  EXPECT_TRUE(reported);
  EXPECT_NE(digest, first->ruleset->policy().digest);
  reported = false;
  write("pack.toml", std::string(kPack) + "# changed\n");
  run_until(reported);
  EXPECT_TRUE(reported);
}

// A policy whose pack lies in a folder of its own, watched from a first load on.
class WatchedFolderTest : public PolicySourceTest {
 protected:
  void SetUp() override {
    PolicySourceTest::SetUp();
    write("policy.toml", R"([[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[rules]
packs = ["rules/pack.toml"]
)");
  }
  void start() {
    auto first = load_ruleset(policy(), key());
    source.emplace(
        io, policy(), key(), first ? first->files : first.error().files,
        PolicySource::Events{.loaded =
                                 [this](const LoadedRuleset& l) {
                                   loaded = true;
                                   pack = l.digests.at((folder / "rules/pack.toml").string());
                                 },
                             .failed = [this](const LoadError&) { failed = true; }});
  }
  std::optional<PolicySource> source;
  bool loaded = false, failed = false;
  std::string pack;
};

TEST_F(WatchedFolderTest, AFolderThatIsMissingAtFirstIsWatchedOnceItIsThere) {
  start();
  fs::create_directory(folder / "rules");
  run_until(failed);
  EXPECT_TRUE(failed) << "still no pack in it";
  write("rules/pack.toml", kPack);
  run_until(loaded);
  EXPECT_TRUE(loaded);
}

TEST_F(WatchedFolderTest, AFolderThatIsExchangedIsReadAndItsEditsToo) {
  fs::create_directory(folder / "rules");
  write("rules/pack.toml", kPack);
  fs::copy(folder / "rules", folder / "rules.new");
  start();
  fs::rename(folder / "rules", folder / "rules.old");
  fs::rename(folder / "rules.new", folder / "rules");
  run_until(loaded);
  EXPECT_TRUE(loaded);
  loaded = false;
  const std::string before = pack;
  write("rules/pack.toml", std::string(kPack) + "# changed\n");
  run_until(loaded);
  EXPECT_TRUE(loaded);
  EXPECT_NE(pack, before);
}

TEST_F(WatchedFolderTest, TheTargetOfALinkIsWatched) {
  fs::create_directories(folder / "rules");
  fs::create_directories(folder / "kept");
  write("rules/pack.toml", kPack);
  fs::rename(folder / "policy.toml", folder / "kept/policy.toml");
  fs::create_symlink("kept/policy.toml", folder / "policy.toml");
  start();
  std::ofstream(folder / "kept/policy.toml", std::ios::app) << "# changed\n";
  run_until(loaded);
  EXPECT_TRUE(loaded);
}

TEST_F(PolicySourceTest, ABrokenChangeIsReportedAndARepairedOneLoaded) {
  auto first = load_ruleset(policy(), key());
  ASSERT_TRUE(first);
  bool loaded = false, failed = false;
  PolicySource source(io, policy(), key(), first->files,
                      {.loaded = [&](const LoadedRuleset&) { loaded = true; },
                       .failed = [&](const LoadError&) { failed = true; }});
  write("policy.toml", "broken = [");
  run_until(failed);
  EXPECT_TRUE(failed);
  write("policy.toml", kPolicy);
  run_until(loaded);
  EXPECT_TRUE(loaded);
}

}  // namespace
}  // namespace veilwire::proxy
