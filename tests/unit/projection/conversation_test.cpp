#include "userspace/projection/conversation.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

std::string part(std::string_view block) { return to_json(part_of(*parse_json(block))); }

TEST(Conversation, OfAModelCall) {
  const auto request = read_model_request(golden("json/anthropic_request.json"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->conversation_id, "0d3e");
  EXPECT_EQ(request->max_tokens, 32000U);
  EXPECT_TRUE(request->stream);
  EXPECT_EQ(to_json(request->system),
            R"([{"type":"text","content":"You are a careful assistant."}])");
  const std::string messages = to_json(request->messages);
  EXPECT_TRUE(messages.starts_with(
      R"([{"role":"user","parts":[{"type":"text","content":"list files"}]},)"
      R"({"role":"assistant","parts":[{"type":"tool_call","id":"toolu_01","name":"Bash",)"
      R"("arguments":{"command":"ls -la"}}]},)"
      R"({"role":"user","parts":[{"type":"tool_call_response","id":"toolu_01",)"
      R"("response":[{"type":"text","content":"total 0\na.txt"},{"type":"blob",)"
      R"("mime_type":"image/png","modality":"image","content":"iVBORw0K)"))
      << messages;
}

// The parts of the conventions' JSON schemas, with the members that they require.
TEST(Conversation, EveryBlockIsAPart) {
  EXPECT_EQ(part(R"({"type":"thinking","thinking":"hm","signature":"s"})"),
            R"({"type":"reasoning","content":"hm"})");
  EXPECT_EQ(part(R"({"type":"document","source":{"type":"url","url":"https://a"}})"),
            R"({"type":"uri","modality":"document","uri":"https://a"})");
  EXPECT_EQ(part(R"({"type":"image","source":{"type":"file","file_id":"f1"}})"),
            R"({"type":"file","modality":"image","file_id":"f1"})");
  EXPECT_EQ(part(R"({"type":"server_tool_use","id":"s","name":"web_search","input":{"q":"x"}})"),
            R"({"type":"server_tool_call","id":"s","name":"web_search",)"
            R"("server_tool_call":{"type":"web_search","arguments":{"q":"x"}}})");
  EXPECT_EQ(part(R"({"type":"web_search_tool_result","tool_use_id":"s","content":[{"a":1}]})"),
            R"({"type":"server_tool_call_response","id":"s","server_tool_call_response":)"
            R"({"type":"web_search_tool_result","content":[{"a":1}]}})");
  EXPECT_EQ(part(R"({"type":"tool_result","tool_use_id":"t","content":"no","is_error":true})"),
            R"({"type":"tool_call_response","id":"t","response":"no","is_error":true})");
  EXPECT_EQ(part(R"({"type":"new_thing","x":1})"),
            R"({"type":"new_thing","content":{"type":"new_thing","x":1}})");
  EXPECT_EQ(part(R"({"type":"text","text":7})"), R"({"type":"text","content":""})");
  EXPECT_EQ(part("1"), R"({"type":"unknown","content":1})");
}

TEST(Conversation, OfAnMcpCall) {
  const auto call = read_mcp_request(golden("mcp/tools_call_request.json"));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->id, "17");
  EXPECT_EQ(text_of(member(call->arguments, "query")), "the \"plan\" for 東京");
  EXPECT_EQ(read_mcp_request(R"({"method":"resources/read","params":{"uri":"a:b"}})")->resource,
            "a:b");
  EXPECT_EQ(read_mcp_request(R"({"method":"prompts/get","params":{"name":"p"}})")->prompt, "p");
  EXPECT_EQ(read_mcp_request(R"({"id":null})")->id, "");
  EXPECT_FALSE(read_mcp_request("[]"));
  EXPECT_FALSE(read_model_request("nothing"));
}

}  // namespace
}  // namespace veilwire::projection
