// Paths of a scanner's events.
#include "userspace/wire/json_scanner.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using Kind = JsonEvent::Kind;

// "path: value" for each scalar, "path{" and "path}" for containers.
std::string paths(std::string_view text, std::size_t step) {
  JsonScanner scanner;
  JsonPath path;
  std::string log;
  for (std::size_t at = 0; at < text.size(); at += step) {
    std::vector<JsonEvent> events;
    EXPECT_TRUE(scanner.feed(text.substr(at, step), events));
    for (const JsonEvent& event : events) {
      path.on(event);
      switch (event.kind) {
        case Kind::BeginObject:
        case Kind::BeginArray:
          log += path.to_string() + "{ ";
          break;
        case Kind::EndObject:
        case Kind::EndArray:
          log += path.to_string() + "} ";
          break;
        case Kind::BeginString:
        case Kind::EndString:
        case Kind::Number:
        case Kind::True:
        case Kind::False:
        case Kind::Null:
          log += path.to_string() + " ";
          break;
        default:
          break;
      }
    }
  }
  return log;
}

TEST(JsonPath, FollowsKeysAndIndices) {
  const std::string_view text = R"({"a":1,"b":[2,{"c":"x"},[],[true]],"d":{},"e":null})";
  const std::string expected =
      "{ a b{ b[0] b[1]{ b[1].c b[1].c b[1]} b[2]{ b[2]} b[3]{ b[3][0] b[3]} b} d{ d} e } ";
  EXPECT_EQ(paths(text, text.size()), expected);
  EXPECT_EQ(paths(text, 1), expected);
}

JsonPath path_in(std::string_view text) {
  JsonScanner scanner({.fragment = true});
  std::vector<JsonEvent> events;
  EXPECT_TRUE(scanner.feed(text, events));
  JsonPath path;
  for (const JsonEvent& event : events) path.on(event);
  return path;
}

TEST(JsonPath, MatchesPatterns) {
  const JsonPath path = path_in(R"({"content":[0,{"text":")");
  EXPECT_TRUE(path.matches({"content", "[]", "text"}));
  EXPECT_TRUE(path.matches({"*", "*", "*"}));
  EXPECT_FALSE(path.matches({"content", "[]"}));
  EXPECT_FALSE(path.matches({"content", "text", "text"}));
  EXPECT_FALSE(path.matches({"content", "[]", "tex"}));
  EXPECT_FALSE(path.matches({"[]", "[]", "text"}));
  EXPECT_TRUE(path.starts_with({"content"}));
  EXPECT_TRUE(path.starts_with({}));
  EXPECT_FALSE(path.starts_with({"content", "[]", "text", "*"}));
  EXPECT_EQ(path.component(1).index, 1U);
  EXPECT_EQ(path.component(2).key, "text");
}

TEST(JsonPath, DecodesKeys) {
  EXPECT_TRUE(path_in(R"({"t\u0065xt":")").matches({"text"}));
  EXPECT_TRUE(path_in(R"({"[]":")").matches({"*"}));
  EXPECT_FALSE(path_in(R"({"[]":")").matches({"[]"}));
}

TEST(JsonPath, CutsAnOverlongKeyWhichThenMatchesNothing) {
  const std::string key(JsonPath::kLongestKey, 'k');
  EXPECT_TRUE(path_in("{\"" + key + "\":\"").matches({key}));
  const JsonPath path = path_in("{\"" + key + "k\":\"");
  EXPECT_FALSE(path.matches({key}));
  EXPECT_FALSE(path.matches({key + "k"}));
  EXPECT_EQ(path.component(0).key.size(), JsonPath::kLongestKey);
  const JsonPath behind = path_in("{\"" + key + "k\":1,\"b\":\"");
  EXPECT_TRUE(behind.matches({"b"}));
}

}  // namespace
}  // namespace veilwire::wire
