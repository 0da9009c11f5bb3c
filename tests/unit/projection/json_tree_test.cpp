#include "userspace/projection/json_tree.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

TEST(JsonTree, ReadsWhatItWrites) {
  for (const char* json :
       {"null", "true", "-1", "0.5", R"("a")", "[]", "{}", R"({"a":[1,{"b":null}],"c":"\n"})",
        "9223372036854775807", "-9223372036854775808"}) {
    const auto value = parse_json(json);
    ASSERT_TRUE(value) << json;
    EXPECT_EQ(to_json(*value), json);
  }
  EXPECT_EQ(to_json(*parse_json("18446744073709551615")), "18446744073709551616");
  EXPECT_EQ(to_json(*parse_json(R"({"a":1,"b":2,"a":3})")), R"({"b":2,"a":3})");
}

TEST(JsonTree, RefusesWhatIsNoJson) {
  for (const char* json : {"", "{", "[1,]", "{\"a\"}", "\"\xff\"", "1e999", "nul", "[] []"})
    EXPECT_FALSE(parse_json(json)) << json;
}

TEST(JsonTree, RefusesDepthBeforeItCosts) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_json(nested(kDeepestJson)));
  EXPECT_FALSE(parse_json(nested(kDeepestJson + 1)));
  EXPECT_FALSE(parse_json(std::string(10'000'000, '[')));
}

TEST(JsonTree, FlattenedTreesKeepTheirTextBelow) {
  const Value value = *parse_json(R"({"a":{"b":[1,{"c":2}]},"d":3})");
  EXPECT_EQ(flatten(value), value);
  EXPECT_EQ(to_json(flatten(value, 2)), R"({"a":{"b":"[1,{\"c\":2}]"},"d":3})");
  EXPECT_EQ(to_json(flatten(value, 0)), R"("{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":3}")");
}

TEST(JsonTree, AskingForWhatIsNotThereIsNull) {
  const Value value = *parse_json(R"({"a":"x","n":-1,"t":true})");
  EXPECT_EQ(text_of(member(value, "a")), "x");
  EXPECT_TRUE(is_null(member(value, "b")));
  EXPECT_TRUE(is_null(member(member(value, "a"), "b")));
  EXPECT_FALSE(number_of(member(value, "n")));
  EXPECT_TRUE(is_true(member(value, "t")));
  EXPECT_TRUE(list_of(value).empty());
}

}  // namespace
}  // namespace veilwire::projection
