#include "userspace/message/pick.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::message {
namespace {

std::string take(std::string_view json, std::initializer_list<std::string_view> path) {
  Pick wanted(path);
  (void)pick(json, {&wanted, 1});
  return wanted.json;
}

TEST(Pick, GivesScalarsAsTheyStand) {
  EXPECT_EQ(take(R"({"a":1.50e+1,"b":"x\u0041"})", {"a"}), "1.50e+1");
  EXPECT_EQ(take(R"({"a":1,"b":"x\u0041"})", {"b"}), R"("x\u0041")");
  EXPECT_EQ(take(R"({"a":{"b":[1,{"c":true}]}})", {"a", "b", "[]", "c"}), "true");
  EXPECT_EQ(take(R"({"a":null})", {"a"}), "null");
  EXPECT_EQ(take("17", {}), "17");
}

TEST(Pick, DecodesStrings) {
  Pick wanted{"a"};
  ASSERT_TRUE(pick(R"({"\u0061":"caf\u00e9 \"x\""})", {&wanted, 1}));
  EXPECT_EQ(wanted.text(), "café \"x\"");
  ASSERT_TRUE(pick(R"({"a":5})", {&wanted, 1}));
  EXPECT_EQ(wanted.text(), "");
}

TEST(Pick, TakesTheLastOfRepeatedMembers) {
  EXPECT_EQ(take(R"({"a":1,"a":2})", {"a"}), "2");
  EXPECT_EQ(take(R"({"a":1,"a":{}})", {"a"}), "");
  EXPECT_EQ(take(R"({"a":1,"a":["x"]})", {"a"}), "");
}

TEST(Pick, MissesWhatStandsElsewhere) {
  EXPECT_EQ(take(R"({"b":{"a":1}})", {"a"}), "");
  EXPECT_EQ(take(R"([{"a":1}])", {"a"}), "");
  EXPECT_EQ(take(R"({"a":{"b":1}})", {"a"}), "");
}

TEST(Pick, LeavesOutWhatIsTooLong) {
  const std::string fits(kLongestPick - 2, 'x');
  EXPECT_EQ(take("{\"a\":\"" + fits + "\"}", {"a"}), "\"" + fits + "\"");
  EXPECT_EQ(take("{\"a\":\"" + fits + "y\"}", {"a"}), "");
  EXPECT_EQ(take("{\"a\":\"" + std::string(100'000, 'x') + "\"}", {"a"}), "");
}

TEST(Pick, SaysWhatIsNotOneJsonValue) {
  Pick wanted{"a"};
  for (const std::string_view bad :
       {"", " ", "{", R"({"a":1)", R"({"a":1}})", R"({"a":1} 2)", "{'a':1}", "\"\\x\""}) {
    EXPECT_FALSE(pick(bad, {&wanted, 1})) << bad;
  }
  EXPECT_FALSE(pick(std::string(100'000, '['), {&wanted, 1}));
}

}  // namespace
}  // namespace veilwire::message
