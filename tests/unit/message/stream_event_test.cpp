#include "userspace/message/stream_event.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::message {
namespace {

using Kind = StreamEvent::Kind;

TEST(StreamEvent, ReadsABlockDelta) {
  const auto event = read_stream_event(
      "content_block_delta",
      R"({"delta":{"text":"a","type":"text_delta"},"index":3,"type":"content_block_delta"})");
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
  EXPECT_EQ(read_stream_event("ping", R"({"type":"new"})")->kind, Kind::Other);
  EXPECT_EQ(read_stream_event("something", "{}")->kind, Kind::Other);
}

TEST(StreamEvent, IsAnErrorForEveryReaderWhereItIsNamedSo) {
  for (const char* data : {"{}", R"({"type":"error"})", R"({"type":"overloaded_error"})"}) {
    EXPECT_EQ(read_stream_event("error", data)->kind, Kind::Error) << data;
    EXPECT_EQ(read_stream_event("error", data)->fault, "") << data;
  }
}

TEST(StreamEvent, IsFaultyWhereANameInAMessageIsNotTheType) {
  const std::pair<const char*, const char*> wrong[] = {
      {"ping", R"({"type":"content_block_delta","index":0})"},
      {"other", R"({"type":"message_stop"})"},
      {"error", R"({"type":"content_block_stop","index":0})"},
      {"other", R"({"type":"error"})"},
      {"content_block_delta", R"({"type":"ping"})"},
      {"content_block_delta", R"({"index":0})"},
      {"message_start ", R"({"type":"message_start"})"},
      {"content_block_delta", R"({"type":["content_block_delta"],"index":0})"},
      {"ping", R"({"type":"event_delta"})"},
  };
  for (const auto& [name, data] : wrong)
    EXPECT_NE(read_stream_event(name, data)->fault, "") << data;
  for (const char* name : {"", "message_stop"})
    EXPECT_EQ(read_stream_event(name, R"({"type":"message_stop"})")->fault, "") << name;
  EXPECT_EQ(read_stream_event("message", R"({"type":"agent.message"})")->fault, "");
  EXPECT_EQ(read_stream_event("message", R"({"type":"event_delta"})")->fault, "");
}

TEST(StreamEvent, ReadsAPreview) {
  const auto event = read_stream_event(
      "",
      R"({"type":"event_delta","event_id":"sevt_1","delta":{"type":"content_delta","index":2,"content":{"text":"a"}}})");
  EXPECT_EQ(event->kind, Kind::Preview);
  EXPECT_EQ(event->id, "sevt_1");
  EXPECT_EQ(event->index, 2U);
}

TEST(StreamEvent, IsFaultyInABlockWithoutAPlainIndex) {
  for (const std::string index :
       {"-1", "-0", "1.0", "0e0", "4294967296", "\"1\"", "null", "[1]", "false"}) {
    for (const std::string type :
         {"content_block_start", "content_block_delta", "content_block_stop"}) {
      const auto event =
          read_stream_event("", R"({"type":")" + type + R"(","index":)" + index + "}");
      ASSERT_TRUE(event) << index;
      EXPECT_FALSE(event->index) << index;
      EXPECT_NE(event->fault, "") << index;
    }
  }
  EXPECT_NE(read_stream_event("", R"({"type":"content_block_delta"})")->fault, "");
  EXPECT_EQ(read_stream_event("", R"({"type":"message_stop","index":0.0})")->fault, "");
  EXPECT_EQ(read_stream_event("", R"({"type":"event_delta","delta":{"index":null}})")->fault, "");
  EXPECT_NE(read_stream_event("", R"({"type":"event_delta","delta":{"index":0.0}})")->fault, "");
}

TEST(StreamEvent, IsFaultyWhereAMemberThatCountsStandsTwice) {
  for (const char* twice :
       {R"({"delta":{"text":"a","text":"b"}})", R"({"delta":{"text":"a"},"delta":{"text":"b"}})",
        R"({"delta":{"text":"a"},"delta":{}})", R"({"delta":{"text":"a"},"delta":null})",
        R"({"content_block":{"thinking":"","thinking":"x"}})", R"({"type":"a","type":"b"})",
        R"({"message":{"content":[]},"message":{}})"}) {
    EXPECT_NE(read_stream_event("", twice)->fault, "") << twice;
  }
  EXPECT_EQ(read_stream_event("", R"({"delta":{"text":"a","thinking":"b"},"text":"c"})")->fault,
            "");
}

// JavaScript joins a text with anything, with what is not there too.
TEST(StreamEvent, IsFaultyWhereATextThatGoesOnIsNoString) {
  const auto fault = [](const std::string& event) {
    return read_stream_event("", "{" + event + "}")->fault;
  };
  const std::string delta = R"("type":"content_block_delta","index":0,"delta":{"type":)";
  const std::string start = R"("type":"content_block_start","index":0,"content_block":{"text":)";
  const std::string preview = R"("type":"event_delta","delta":{"content":{"type":"text")";
  for (const std::string value : {"1", "[\"a\"]", "{}", "true"}) {
    EXPECT_NE(fault(delta + R"("text_delta","text":)" + value + "}"), "") << value;
    EXPECT_NE(fault(delta + R"("thinking_delta","thinking":)" + value + "}"), "") << value;
    EXPECT_NE(fault(delta + R"("input_json_delta","partial_json":)" + value + "}"), "") << value;
    EXPECT_EQ(fault(delta + R"("new_delta","text":)" + value + "}"), "") << value;
    EXPECT_NE(fault(start + value + "}"), "") << value;
    EXPECT_NE(fault(preview + R"(,"text":)" + value + "}}"), "") << value;
  }
  EXPECT_NE(fault(delta + R"("text_delta","text":null})"), "");
  EXPECT_NE(fault(delta + R"("text_delta","thinking":"a"})"), "");
  EXPECT_NE(fault(preview + "}}"), "");
  EXPECT_EQ(fault(delta + R"("text_delta","text":"a","thinking":1})"), "");
  EXPECT_EQ(fault(start + "null}"), "");
  EXPECT_EQ(fault(preview + R"(,"text":"a"}})"), "");
}

TEST(StreamEvent, IsFaultyWhereABlockBringsMoreThanItsDeltasGoOnWith) {
  EXPECT_NE(
      read_stream_event(
          "",
          R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","__json_buf":"{"}})")
          ->fault,
      "");
  EXPECT_NE(read_stream_event("", R"({"type":"message_start","message":{"content":[{}]}})")->fault,
            "");
  EXPECT_EQ(read_stream_event("", R"({"type":"message_start","message":{"content":[]}})")->fault,
            "");
}

TEST(StreamEvent, SaysWhetherABlockBeginsWithText) {
  const auto begins = [](const std::string& text) {
    return read_stream_event(
               "",
               R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":)" +
                   text + "}}")
        ->begins_text;
  };
  EXPECT_FALSE(begins("\"\""));
  EXPECT_FALSE(begins("null"));
  EXPECT_TRUE(begins("\"a\""));
  EXPECT_TRUE(begins("\"" + std::string(5000, 'a') + "\""));
}

TEST(StreamEvent, IsNothingWhereDataIsNotJson) {
  EXPECT_FALSE(read_stream_event("ping", ""));
  EXPECT_FALSE(read_stream_event("ping", "{\"type\":\"ping\"} x"));
  EXPECT_FALSE(read_stream_event("error", "overloaded"));
}

TEST(StreamEvent, ACompletionSaysWhetherItIsTheLast) {
  const auto read = [](std::string_view name, std::string_view data) {
    return read_stream_event(name, data).value();
  };
  const StreamEvent more =
      read("completion", R"({"type":"completion","completion":"a","stop_reason":null})");
  EXPECT_EQ(more.kind, StreamEvent::Kind::Completion);
  EXPECT_FALSE(more.ends_text);
  EXPECT_EQ(more.fault, "");
  EXPECT_TRUE(
      read("", R"({"type":"completion","completion":"","stop_reason":"max_tokens"})").ends_text);
  for (const auto& [name, data] :
       {std::pair("other", R"({"type":"completion","completion":"a"})"),
        {"completion", R"({"type":"ping","completion":"a"})"},
        {"completion", R"({"type":"completion","completion":["a"]})"},
        {"completion", R"({"type":"completion","stop_reason":"max_tokens"})"},
        {"completion", R"({"type":"completion","completion":"a","completion":"b"})"}})
    EXPECT_NE(read(name, data).fault, "") << data;
}

}  // namespace
}  // namespace veilwire::message
