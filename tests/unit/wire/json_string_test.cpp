// Decoding and encoding the content of JSON strings.
#include "tests/support/every_split.h"
#include "userspace/wire/json_scanner.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::wire {
namespace {

using testing::every_split;
using testing::Pieces;
using Unit = JsonStringDecoder::Run;

struct Decoded {
  std::string bytes;
  std::vector<Unit> runs;  // neighbouring plain runs joined
  std::size_t pending = 0;
  bool bad = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(const Pieces& pieces) {
  JsonStringDecoder decoder;
  Decoded result;
  std::vector<Unit> runs;
  for (const std::string_view piece : pieces) {
    if (!decoder.feed(piece, result.bytes, runs)) {
      result.bad = true;
      return result;
    }
  }
  for (const Unit& run : runs) {
    const bool plain = run.raw == run.decoded;
    if (plain && !result.runs.empty() && result.runs.back().raw == result.runs.back().decoded) {
      result.runs.back().raw += run.raw;
      result.runs.back().decoded += run.decoded;
    } else {
      result.runs.push_back(run);
    }
  }
  result.pending = decoder.pending();
  return result;
}

Decoded decoded(std::string_view raw) {
  every_split(raw, decode);
  return decode({raw});
}

TEST(JsonStringDecoder, SaysHowManyRawBytesEachUnitTook) {
  const Decoded result = decoded(R"(ab\n\u00e9c\u20AC\u0041)");
  EXPECT_EQ(result.bytes,
            "ab\n\xC3\xA9"
            "c\xE2\x82\xAC"
            "A");
  EXPECT_EQ(result.runs, (std::vector<Unit>{{2, 2}, {2, 1}, {6, 2}, {1, 1}, {6, 3}, {6, 1}}));
}

TEST(JsonStringDecoder, KnowsAllEscapes) {
  EXPECT_EQ(decoded(R"(\"\\\/\b\f\n\r\t)").bytes, "\"\\/\b\f\n\r\t");
  EXPECT_EQ(decoded(R"(\u0000)").bytes, std::string(1, '\0'));
}

TEST(JsonStringDecoder, LeavesSurrogateHalvesApart) {
  EXPECT_EQ(decoded(R"(\ud83d\ude00)").bytes, "\xED\xA0\xBD\xED\xB8\x80");
  EXPECT_EQ(decoded(R"(\ud83d)").bytes, "\xED\xA0\xBD");
}

TEST(JsonStringDecoder, HoldsAnEscapeThatIsNotComplete) {
  EXPECT_EQ(decoded(R"(a\)").pending, 1U);
  EXPECT_EQ(decoded(R"(a\u00e)").pending, 5U);
  EXPECT_EQ(decoded(R"(a\u00e)").bytes, "a");
  EXPECT_EQ(decoded(R"(a\u00e9)").pending, 0U);
}

TEST(JsonStringDecoder, RefusesWhatIsNoEscape) {
  EXPECT_TRUE(decoded(R"(\x)").bad);
  EXPECT_TRUE(decoded(R"(\u00g0)").bad);
  EXPECT_TRUE(decoded(std::string_view("\\\0", 2)).bad);
}

std::string escaped(std::string_view bytes) {
  std::string out;
  append_json_escaped(bytes, out);
  return out;
}

TEST(JsonEscape, WritesEveryByteSoThatItIsReadBack) {
  std::string all;
  for (int i = 0; i < 0x80; ++i) all += static_cast<char>(i);
  all += "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  const std::string content = escaped(all);
  EXPECT_EQ(decoded(content).bytes, all);
  EXPECT_EQ(nlohmann::json::parse("\"" + content + "\"").get<std::string>(), all);
}

TEST(JsonEscape, GivesSurrogateHalvesTheirEscapesBack) {
  EXPECT_EQ(escaped("\xED\xA0\xBD\xED\xB8\x80"), R"(\ud83d\ude00)");
  EXPECT_EQ(escaped("\xED\x9F\xBF"), "\xED\x9F\xBF");
}

TEST(JsonEscape, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(escaped("a\xFF"
                    "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(escaped("\xE2\x82"), "\xEF\xBF\xBD");
  EXPECT_EQ(escaped("\xE2\x82\""), "\xEF\xBF\xBD\\\"");
}

}  // namespace
}  // namespace veilwire::wire
