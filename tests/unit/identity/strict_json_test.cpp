#include "userspace/identity/strict_json.h"

#include "userspace/base/limits.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using Kind = JsonValue::Kind;

Result<JsonValue, JsonFault> read(std::string_view json) { return read_json_object(json, 65536); }

std::optional<JsonFault> fault(std::string_view json) {
  const auto value = read(json);
  return value ? std::nullopt : std::optional(value.error());
}

TEST(StrictJson, GivesEachValueWithItsKind) {
  const auto object = read(
      " {\"s\":\"x\\u00e9\\ud83d\\ude00\",\"i\":-7,\"r\":1.5,\"t\":true,\"n\":null,"
      "\"a\":[1,\"b\",[]],\"o\":{\"in\":{\"deep\":false}}}\r\n");
  ASSERT_TRUE(object);
  EXPECT_EQ(*object->text_at("s"), "x\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ(object->integer_at("i"), -7);
  EXPECT_EQ(object->find("r")->kind, Kind::Real);
  EXPECT_EQ(object->find("r")->real, 1.5);
  EXPECT_EQ(object->boolean_at("t"), true);
  EXPECT_EQ(object->find("n")->kind, Kind::Null);
  EXPECT_EQ(object->find("a")->elements.size(), 3U);
  EXPECT_EQ(object->find(std::vector<std::string>{"o", "in", "deep"})->kind, Kind::Boolean);
  EXPECT_EQ(object->find(std::vector<std::string>{"o", "out", "deep"}), nullptr);
  EXPECT_EQ(object->find(std::vector<std::string>{"s", "in"}), nullptr);
  EXPECT_EQ(object->find("absent"), nullptr);
}

TEST(StrictJson, AMemberOfAnotherKindIsNotGivenForTheOneAskedFor) {
  const auto object = read(R"({"a":"1","b":1,"c":true,"d":1.0})");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->text_at("b"), nullptr);
  EXPECT_EQ(object->boolean_at("a"), std::nullopt);
  EXPECT_EQ(object->boolean_at("b"), std::nullopt);
  EXPECT_EQ(object->integer_at("a"), std::nullopt);
  EXPECT_EQ(object->integer_at("c"), std::nullopt);
  EXPECT_EQ(object->integer_at("d"), std::nullopt);
}

TEST(StrictJson, RefusesAMemberThatComesTwiceAtEveryDepth) {
  for (const char* json :
       {R"({"alg":"RS256","alg":"none"})", R"({"alg":"RS256","alg":"RS256"})",
        R"({"a":1,"b":2,"a":null})", R"({"a":{"b":1,"c":2,"b":1}})", R"({"a":[[{"b":[],"b":[]}]]})",
        R"({"alg":1,"\u0061lg":2})", R"({"":1,"":2})", R"({"a\u0000b":1,"a\u0000b":1})"})
    EXPECT_EQ(fault(json), JsonFault::DuplicateMember) << json;
  EXPECT_EQ(fault(R"({"a":{"b":1},"c":{"b":1},"A":1,"a\u0000":1})"), std::nullopt);
}

TEST(StrictJson, RefusesWhatIsNotOneObject) {
  for (const char* json : {"", " ", "[]", "1", "\"{}\"", "null", "\xef\xbb\xbf{}", "\x0b{}"})
    EXPECT_EQ(fault(json), JsonFault::NotAnObject) << json;
  for (const char* json : {"{",
                           "{}{}",
                           "{} x",
                           "{},",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "{'a':1}",
                           "{/**/}",
                           "{\"a\":01}",
                           "{\"a\":+1}",
                           "{\"a\":.5}",
                           "{\"a\":NaN}",
                           "{\"a\":Infinity}",
                           "{\"a\":0x1}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\\x41\"}",
                           "{\"a\":tru}",
                           "{1:2}",
                           "{\"a\":1]"})
    EXPECT_EQ(fault(json), JsonFault::NotJson) << json;
}

TEST(StrictJson, RefusesAZeroByteAndWhatHidesBehindIt) {
  using namespace std::string_view_literals;
  for (const std::string_view json :
       {"{}\0"sv, "{}\0x"sv, "{\"a\":1\0}"sv, "\0{}"sv, "{\"a\":\"\0\"}"sv})
    EXPECT_EQ(fault(json), JsonFault::NotJson);
}

TEST(StrictJson, RefusesTextThatIsNotUtf8) {
  for (const char* json :
       {"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xc3\"}",
        "{\"\xf5\x80\x80\x80\":1}", "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ude00\\ud83d\"}"})
    EXPECT_EQ(fault(json), JsonFault::NotJson) << json;
}

TEST(StrictJson, TellsNumbersThatNoIntegerHolds) {
  const auto object =
      read(R"({"most":9223372036854775807,"over":9223372036854775808,"least":-9223372036854775808,)"
           R"("under":-9223372036854775809,"huge":99999999999999999999999,"e":1e3})");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->integer_at("most"), INT64_MAX);
  EXPECT_EQ(object->integer_at("least"), INT64_MIN);
  for (const char* name : {"over", "under", "huge", "e"})
    EXPECT_EQ(object->find(name)->kind, Kind::Real) << name;
  EXPECT_EQ(fault("{\"exp\":1e400}"), JsonFault::NumberTooLarge);
  EXPECT_EQ(fault("{\"exp\":-1e400}"), JsonFault::NumberTooLarge);
  EXPECT_EQ(fault("{\"exp\":" + std::string(400, '9') + "}"), JsonFault::NumberTooLarge);
}

TEST(StrictJson, HasABoundOnBytesDepthAndValues) {
  EXPECT_TRUE(read_json_object("{} ", 3));
  EXPECT_EQ(read_json_object("{}  ", 3).error(), JsonFault::TooLarge);
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(fault(nested(limits::kTokenJsonDepth)), std::nullopt);
  EXPECT_EQ(fault(nested(limits::kTokenJsonDepth + 1)), JsonFault::TooDeep);
  EXPECT_EQ(fault(nested(30000)), JsonFault::TooDeep);
  const auto many = [](std::size_t values) {  // the object and the array are two
    std::string json = "{\"a\":[0";
    for (std::size_t i = 3; i < values; ++i) json += ",0";
    return json + "]}";
  };
  EXPECT_EQ(fault(many(limits::kTokenJsonValues)), std::nullopt);
  EXPECT_EQ(fault(many(limits::kTokenJsonValues + 1)), JsonFault::TooManyValues);
}

}  // namespace
}  // namespace veilwire::identity
