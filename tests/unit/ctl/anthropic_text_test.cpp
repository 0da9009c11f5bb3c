#include "agent/ctl/anthropic_text.h"

#include "tests/support/every_split.h"

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

constexpr std::string_view kStream =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
    "\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n"
    ": a comment\r\n\r\n"
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}}\r\n\r\n"
    "data:{\"type\":\"content_block_delta\",\"index\":1,\r\n"
    "data:\"delta\":{\"type\":\"text_delta\",\"text\":\"Gr\\u00fc\\u00dfe\\nan\"}}\r\n\r\n"
    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\" alle\"}}\n\n"
    "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\","
    "\"name\":\"Bash\",\"input\":{}}}\n\n"
    "data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\","
    "\"partial_json\":\"{\\\"command\\\":\\\"ls\\\"}\"}}\n\n"
    "data: {\"type\":\"ping\"}\n\ndata: not json\n\ndata: [1]\n\ndata: {\"type\":7}\n\n"
    "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n"
    "data: {\"type\":\"message_stop\"}";

std::string text_of(const testing::Pieces& pieces) {
  AnthropicText text;
  std::string out;
  for (const std::string_view piece : pieces) out += text.feed(piece);
  return out + text.finish();
}

TEST(AnthropicText, ShowsTheDeltasOfEveryBlock) {
  EXPECT_EQ(text_of({kStream}),
            "[thinking] hm\nGr\xc3\xbc\xc3\x9f"
            "e\nan alle\n[tool_use Bash] {\"command\":\"ls\"}\n"
            "[error] overloaded_error: busy\n");
  EXPECT_EQ(text_of({""}), "");
}

TEST(AnthropicText, IsTheSameHoweverTheBytesArrive) {
  veilwire::testing::every_split(kStream, text_of);
}

TEST(AnthropicText, ShowsADeltaAsSoonAsItsEventIsWhole) {
  AnthropicText text;
  EXPECT_EQ(text.feed("data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n"), "");
  EXPECT_EQ(text.feed("\n"), "a");
}

}  // namespace
}  // namespace veilwire::ctl
