#include "userspace/message/stream_event.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::message {
namespace {

using Kind = StreamEvent::Kind;

TEST(StreamEvent, ReadsABlockDelta) {
  const auto event = read_stream_event(
      "x", R"({"delta":{"text":"a","type":"text_delta"},"index":3,"type":"content_block_delta"})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Kind::BlockDelta);
  EXPECT_EQ(event->index, 3U);
  EXPECT_EQ(event->type, "text_delta");
}

TEST(StreamEvent, ReadsTheTypeOfABlock) {
  const auto event = read_stream_event(
      "",
      R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{"type":"x"}}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Kind::BlockStart);
  EXPECT_EQ(event->type, "tool_use");
}

TEST(StreamEvent, TakesTheNameWhereDataHasNoType) {
  EXPECT_EQ(read_stream_event("ping", "{}")->kind, Kind::Ping);
  EXPECT_EQ(read_stream_event("ping", R"({"type":"message_stop"})")->kind, Kind::MessageStop);
  EXPECT_EQ(read_stream_event("something", "{}")->kind, Kind::Other);
}

TEST(StreamEvent, KeepsOpaqueContentAsItCame) {
  const std::string opaque = "\"" + std::string(5000, 'E') + "\\/\"";
  const auto event = read_stream_event(
      "",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"compaction_delta","encrypted_content":)" +
          opaque + "}}");
  EXPECT_EQ(event->encrypted_content, opaque);
  EXPECT_EQ(read_stream_event("", R"({"delta":{"encrypted_content":null}})")->encrypted_content,
            "");
}

TEST(StreamEvent, ReadsAPreview) {
  const auto event = read_stream_event(
      "",
      R"({"type":"event_delta","event_id":"sevt_1","delta":{"type":"content_delta","index":2,"content":{"text":"a"}}})");
  EXPECT_EQ(event->kind, Kind::Preview);
  EXPECT_EQ(event->id, "sevt_1");
  EXPECT_EQ(event->index, 2U);
}

TEST(StreamEvent, HasNoIndexThatIsNoSmallNumber) {
  for (const std::string index : {"-1", "1.0", "4294967296", "\"1\"", "null", "[1]"}) {
    const auto event =
        read_stream_event("", R"({"type":"content_block_stop","index":)" + index + "}");
    ASSERT_TRUE(event) << index;
    EXPECT_FALSE(event->index) << index;
  }
}

TEST(StreamEvent, SaysWhereATextStandsTwice) {
  for (const char* twice :
       {R"({"delta":{"text":"a","text":"b"}})", R"({"delta":{"text":"a"},"delta":{"text":"b"}})",
        R"({"content_block":{"thinking":"","thinking":"x"}})"}) {
    EXPECT_TRUE(read_stream_event("", twice)->repeats_text) << twice;
  }
  EXPECT_FALSE(
      read_stream_event("", R"({"delta":{"text":"a","thinking":"b"},"text":"c"})")->repeats_text);
}

TEST(StreamEvent, IsNothingWhereDataIsNotJson) {
  EXPECT_FALSE(read_stream_event("ping", ""));
  EXPECT_FALSE(read_stream_event("ping", "{\"type\":\"ping\"} x"));
  EXPECT_FALSE(read_stream_event("error", "overloaded"));
}

}  // namespace
}  // namespace veilwire::message
