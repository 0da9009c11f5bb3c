#include "userspace/audit/canonical_json.h"

#include "userspace/audit/record.h"

#include <gtest/gtest.h>

namespace veilwire::audit {
namespace {

std::string encoded(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

// RFC 8785, section 3.2.2: the string of the example in section 3.2.2.2 and its serialisation.
TEST(CanonicalJson, WritesTheStringOfRfc8785) {
  EXPECT_EQ(encoded("\xe2\x82\xac$\x0f\nA'\"\\\\\"/"),
            "\"\xe2\x82\xac$\\u000f\\nA'\\\"\\\\\\\\\\\"/\"");
}

TEST(CanonicalJson, EscapesControlCharactersTheShortestWayAndNothingElse) {
  EXPECT_EQ(encoded("\b\t\n\f\r"), R"("\b\t\n\f\r")");
  EXPECT_EQ(encoded(std::string("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\x7f\"");
  EXPECT_EQ(encoded("</script>\xe2\x80\xa8"), "\"</script>\xe2\x80\xa8\"");
}

TEST(CanonicalJson, SortsMembersAndWritesNoWhiteSpace) {
  EXPECT_EQ(JsonObject().number("b", 2).text("a", "x").number("B", 1).number("ab", 0).finish(),
            R"({"B":1,"a":"x","ab":0,"b":2})");
  EXPECT_EQ(JsonObject().finish(), "{}");
  EXPECT_EQ(JsonArray().finish(), "[]");
}

TEST(CanonicalJson, ClampsNumbersThatADoubleCannotHold) {
  EXPECT_EQ(JsonObject().number("n", 9007199254740991U).finish(), R"({"n":9007199254740991})");
  EXPECT_EQ(JsonObject().number("n", 9007199254740993U).finish(), R"({"n":9007199254740991})");
  EXPECT_EQ(JsonObject().decimal("n", std::uint64_t{18446744073709551615U}).finish(),
            R"({"n":"18446744073709551615"})");
  EXPECT_EQ(JsonObject().decimal("n", std::int64_t{-1}).finish(), R"({"n":"-1"})");
}

TEST(CanonicalJson, WritesWhatIsNotUtf8InBase64) {
  EXPECT_EQ(JsonObject().text("content", "a\xff").finish(), R"({"content_base64":"Yf8="})");
  EXPECT_EQ(JsonArray().text("ok").text("\xc0\x80").finish(), R"(["ok",{"base64":"wIA="}])");
}

TEST(Utf8, IsJudgedAsRfc3629Does) {
  for (const char* good :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe2\x82",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xf0\x90\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xe2\x82\xac\x80"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace veilwire::audit
