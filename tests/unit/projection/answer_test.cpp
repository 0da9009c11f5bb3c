#include "userspace/projection/answer.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

Answer read(const std::string& body, const std::string& type, std::size_t step = SIZE_MAX,
            std::size_t most = kShownBody) {
  AnswerReader reader(most);
  reader.begin(type);
  for (std::size_t at = 0; at < body.size(); at += std::min(step, body.size() - at))
    reader.feed(std::string_view(body).substr(at, step));
  return reader.finish(body);
}

constexpr const char* kStream = "text/event-stream; charset=utf-8";

TEST(Answer, OfAStreamIsReadAsItComes) {
  const std::string body = golden("anthropic/tool_use.sse");
  const Answer answer = read(body, kStream);
  EXPECT_EQ(answer.id, "msg_01XkQv3zJmN8rTfW2pLcYbHd");
  EXPECT_EQ(answer.model, "claude-sonnet-4-5-20250929");
  EXPECT_EQ(answer.stop_reason, "tool_use");
  EXPECT_EQ(answer.input_tokens, 472 + 18211U);
  EXPECT_EQ(answer.output_tokens, 133U);
  EXPECT_EQ(answer.cache_read_tokens, 18211U);
  EXPECT_EQ(answer.cache_write_tokens, 0U);
  EXPECT_FALSE(answer.cut);
  EXPECT_EQ(to_json(answer.messages),
            R"([{"role":"assistant","parts":[{"type":"text","content":"I'll write that file."},)"
            R"({"type":"tool_call","id":"toolu_01T1x1fJ34qAmk2tNTrN7Up6","name":"Write",)"
            R"("arguments":{"file_path":"/tmp/note.txt",)"
            "\"content\":\"He said \\\"caf\xc3\xa9\\\\ is open\\\"\\n\xf0\x9f\x98\x80 tab\\t.\","
            R"("n":[1,2.5,-0,true,null]}}],"finish_reason":"tool_use"}])");
  for (const std::size_t step : {1U, 7U, 100U})
    EXPECT_EQ(read(body, kStream, step).messages, answer.messages);
}

TEST(Answer, OfEveryKindOfStream) {
  EXPECT_EQ(read(golden("anthropic/error.sse"), kStream).error_type, "overloaded_error");
  EXPECT_EQ(
      to_json(member(list_of(read(golden("anthropic/thinking.sse"), kStream).messages)[0], "parts"))
          .substr(0, 20),
      R"([{"type":"reasoning")");
  for (const char* name : {"compaction", "odd", "refusal", "server_results", "text", "text_cut",
                           "tool_use_cut", "web_search"}) {
    const Answer answer = read(golden(std::string("anthropic/") + name + ".sse"), kStream);
    EXPECT_FALSE(answer.id.empty()) << name;
    EXPECT_FALSE(answer.messages.empty()) << name;
  }
}

TEST(Answer, FiguresSurviveMessagesThatAreNotKept) {
  const Answer answer = read(golden("anthropic/tool_use.sse"), kStream, 50, 200);
  EXPECT_TRUE(answer.cut);
  EXPECT_EQ(answer.output_tokens, 133U);
  EXPECT_EQ(answer.stop_reason, "tool_use");
  EXPECT_LT(to_json(answer.messages).size(), 300U);
  EXPECT_TRUE(read(golden("anthropic/tool_use.sse"), kStream, 50, 10).cut);
}

TEST(Answer, OfAWholeBody) {
  const Answer answer = read(golden("json/anthropic_message.json"), "application/json");
  EXPECT_FALSE(answer.id.empty());
  EXPECT_FALSE(answer.stop_reason.empty());
  EXPECT_TRUE(answer.input_tokens && answer.output_tokens);
  EXPECT_EQ(list_of(answer.messages).size(), 1U);
  EXPECT_FALSE(read(golden("json/error.json"), "application/json").error_type.empty());
}

TEST(Answer, OfAnMcpServer) {
  const Answer result = read(golden("mcp/tools_call_result.json"), "application/json");
  EXPECT_FALSE(is_null(result.result));
  EXPECT_FALSE(result.tool_error);
  EXPECT_EQ(read(golden("mcp/error.json"), "application/json").rpc_error, "-32602");
  EXPECT_TRUE(
      read(R"({"jsonrpc":"2.0","id":1,"result":{"isError":true}})", "application/json").tool_error);
  EXPECT_EQ(to_json(read(golden("mcp/stream.sse"), kStream).result),
            R"({"content":[{"type":"text","text":"All 7 notes were found."}]})");
}

TEST(Answer, AMessageThatDoesNotEndIsAnError) {
  const Answer answer = read(golden("anthropic/error.sse"), kStream);
  EXPECT_EQ(answer.stop_reason, "error");
  EXPECT_EQ(text_of(member(list_of(answer.messages)[0], "finish_reason")), "error");
}

TEST(Answer, OfNothingKnownIsEmpty) {
  for (const char* body : {"", "{", "[]", "null", "data: x\n\n", "data: []\n\n"}) {
    for (const char* type : {kStream, "application/json", ""}) {
      const Answer answer = read(body, type);
      EXPECT_TRUE(answer.id.empty());
      EXPECT_TRUE(answer.messages.empty());
      EXPECT_FALSE(answer.input_tokens);
    }
  }
}

}  // namespace
}  // namespace veilwire::projection
