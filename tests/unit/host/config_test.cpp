#include "agent/host/config.h"

#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::host {
namespace {

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Config, GivesValuesAndDefaults) {
  const Config config = Config::parse("[a]\nt = 'x'\nn = 7\nb = true\nl = ['p', 'q']\n", "f");
  const ConfigSection a = config.section("a");
  EXPECT_EQ(a.text("t", "y"), "x");
  EXPECT_EQ(a.text("absent", "y"), "y");
  EXPECT_EQ(a.integer("n", 0, 0, 10), 7);
  EXPECT_TRUE(a.boolean("b", false));
  EXPECT_EQ(a.texts("l", {}), (std::vector<std::string>{"p", "q"}));
  EXPECT_NO_THROW(a.check());
  EXPECT_EQ(config.section("none").integer("n", 3, 0, 10), 3);
}

TEST(Config, SaysWhereAnUnknownKeyStands) {
  const Config config = Config::parse("[a]\nsocket = 'x'\nsokcet = 'y'\n", "agent.toml");
  const ConfigSection a = config.section("a");
  (void)a.text("socket", "");
  EXPECT_EQ(error_of([&] { a.check(); }),
            "agent.toml:3:1: [a] sokcet: unknown key; known are: socket");
}

TEST(Config, SaysWhereAValueOfTheWrongTypeStands) {
  const Config config = Config::parse("[a]\nn = 'seven'\n", "f");
  EXPECT_EQ(error_of([&] { (void)config.section("a").integer("n", 1, 1, 9); }),
            "f:2:5: [a] n: must be a whole number from 1 to 9");
}

TEST(Config, SaysWhereTheSyntaxBreaks) {
  EXPECT_NE(error_of([] { (void)Config::parse("[a\n", "f"); }).find("f:1:3"), std::string::npos);
}

TEST(Config, RefusesAFileThatOthersMayWrite) {
  const std::string path = testing::TempDir() + "veilwire_config_test.toml";
  std::ofstream(path) << "[proxy]\n";
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  EXPECT_NE(error_of([&] { (void)Config::load(path); }).find("writable by group or others"),
            std::string::npos);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(error_of([&] { (void)Config::load(path); }), "");
  ::unlink(path.c_str());
}

TEST(Config, RefusesATableOfNoProgram) {
  const std::string path = testing::TempDir() + "veilwire_config_tables.toml";
  const auto complaint = [&](const char* text) {
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), 0644), 0);
    return error_of([&] { (void)Config::load(path); });
  };
  constexpr const char* kAll =
      "; tables are: [credentials], [forwarder], [identity], [metrics], [proxy], [recorder], "
      "[redirector], "
      "[saml], "
      "[signer]";
  EXPECT_EQ(complaint("[proxy]\n[recoder]\nmax_size_mib = 1\n"),
            path + ":2:2: recoder: unknown table" + kAll);
  EXPECT_EQ(complaint("threads = 1\n[proxy]\n"),
            path + ":1:1: threads: stands outside of a table" + kAll);
  EXPECT_EQ(complaint("proxy = 1\n"), path + ":1:1: proxy: stands outside of a table" + kAll);
  EXPECT_EQ(complaint("[[proxy]]\n"), path + ":1:3: proxy: stands outside of a table" + kAll);
  EXPECT_EQ(complaint("[proxy]\n[signer]\n"), "");
  ::unlink(path.c_str());
}

TEST(Config, TablesInATableAreCheckedByThemselves) {
  const Config config = Config::parse(
      "[a]\ninner = {n = 1}\n[[a.rule]]\nname = \"x\"\n[[a.rule]]\nname = \"y\"\nnmae = 1\n", "f");
  const ConfigSection a = config.section("a");
  EXPECT_EQ(a.table("inner").integer("n", 0, 0, 9), 1);
  EXPECT_TRUE(a.has("inner"));
  EXPECT_FALSE(a.has("other"));
  EXPECT_EQ(a.table("other").integer("n", 7, 0, 9), 7);
  const auto rules = a.tables("rule");
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].text("name", ""), "x");
  EXPECT_EQ(rules[1].text("name", ""), "y");
  a.check();
  rules[0].check();
  EXPECT_EQ(error_of([&] { rules[1].check(); }),
            "f:7:1: [a.rule] nmae: unknown key; known are: name");
  EXPECT_EQ(error_of([&] { (void)a.tables("inner"); }),
            "f:2:9: [a] inner: must be a list of tables");
  EXPECT_EQ(error_of([&] { (void)a.table("rule"); }), "f:3:1: [a] rule: must be a table");
}

TEST(Config, AValueIsRefusedWithItsPlace) {
  const Config config = Config::parse("[a]\nn = 1\n", "f");
  EXPECT_EQ(error_of([&] { config.section("a").refuse("n", "is odd"); }), "f:2:5: [a] n: is odd");
  EXPECT_EQ(error_of([&] { config.section("a").refuse("m", "is missing"); }),
            "f:1:1: [a] m: is missing");
  EXPECT_EQ(error_of([&] { config.section("b").refuse("m", "is missing"); }),
            "f: [b] m: is missing");
}

}  // namespace
}  // namespace veilwire::host
