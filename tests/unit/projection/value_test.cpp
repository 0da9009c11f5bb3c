#include "userspace/projection/value.h"

#include "userspace/audit/canonical_json.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

TEST(Value, TextIsAlwaysUtf8) {
  EXPECT_EQ(clean("plain"), "plain");
  EXPECT_EQ(clean("a\xff"
                  "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(clean("\xc3\xa9\xc3"), "\xc3\xa9\xEF\xBF\xBD");
  EXPECT_EQ(clean("\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string bytes{static_cast<char>(a), static_cast<char>(b), 'x'};
      EXPECT_TRUE(audit::is_utf8(clean(bytes)));
      EXPECT_TRUE(clean(bytes).ends_with('x'));
    }
  }
}

TEST(Value, LongTextIsCutBetweenCharacters) {
  for (std::size_t n = kLongestText - 4; n < kLongestText + 4; ++n) {
    for (const std::string unit : {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff"}) {
      std::string text;
      while (text.size() < n) text += unit;
      const auto kept = std::get<std::string>(Value::text(text).any());
      EXPECT_LE(kept.size(), kLongestText);
      EXPECT_TRUE(audit::is_utf8(kept));
      const bool cut = clean(text).size() > kLongestText;
      EXPECT_EQ(kept.ends_with("..."), cut) << n << ' ' << unit;
    }
  }
}

TEST(Value, ContentThatIsNoTextStaysAsBytes) {
  EXPECT_EQ(to_json(Value::content("a\n")), R"("a\n")");
  EXPECT_EQ(to_json(Value::content("\xff")), R"({"base64":"/w=="})");
}

TEST(Value, NumbersAreFiniteAndInRange) {
  EXPECT_EQ(to_json(Value::number(UINT64_MAX)), "9223372036854775807");
  EXPECT_EQ(to_json(Value::integer(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(to_json(Value::real(std::nan(""))), "0");
  EXPECT_EQ(to_json(Value::real(-std::numeric_limits<double>::infinity())), "0");
  EXPECT_EQ(to_json(Value::real(0.1)), "0.1");
  EXPECT_EQ(to_json(Value::real(5e-324)), "5e-324");
}

TEST(Value, IsOneLineOfJson) {
  Value map = Value::map();
  map.add("a", Value()).add("b", Value::boolean(true)).add_text("c", "");
  map.add("d", Value::list({Value::integer(1), Value::text("\x01\x1f\"\\")}));
  map.add_foreign("\xff\n", Value::map());
  EXPECT_EQ(to_json(map),
            "{\"a\":null,\"b\":true,\"d\":[1,\"\\u0001\\u001f\\\"\\\\\"],\"\xEF\xBF\xBD\\n\":{}}");
}

}  // namespace
}  // namespace veilwire::projection
