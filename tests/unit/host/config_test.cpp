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
  std::ofstream(path) << "[a]\n";
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  EXPECT_NE(error_of([&] { (void)Config::load(path); }).find("writable by group or others"),
            std::string::npos);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(error_of([&] { (void)Config::load(path); }), "");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace veilwire::host
