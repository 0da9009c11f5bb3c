#include "userspace/message/inspect.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::message {
namespace {

RequestFacts anthropic(std::string_view target, std::string_view body) {
  return inspect_request(Dialect::Anthropic, "POST", target, body);
}
RequestFacts mcp(std::string_view body) {
  return inspect_request(Dialect::Mcp, "POST", "/mcp", body);
}

TEST(InspectRequest, ReadsModelAndStreamingOfMessages) {
  const auto facts = anthropic(
      "/v1/messages?beta=true",
      R"({"model":"claude-sonnet-4-5","messages":[{"model":"no"}],"max_tokens":1,"stream":true})");
  EXPECT_TRUE(facts.is_json);
  EXPECT_EQ(facts.model, "claude-sonnet-4-5");
  EXPECT_TRUE(facts.streaming);
  EXPECT_FALSE(anthropic("/v1/messages", R"({"model":"m","stream":false})").streaming);
  EXPECT_FALSE(anthropic("/v1/messages", R"({"model":"m","stream":"true"})").streaming);
  EXPECT_FALSE(anthropic("/v1/messages", R"({"metadata":{"stream":true}})").streaming);
}

TEST(InspectRequest, ReadsTheModelOfOtherPlatformsFromTheTarget) {
  const auto vertex = anthropic(
      "/v1/projects/p/locations/europe-west1/publishers/anthropic/models/"
      "claude-sonnet-4-5@20250929:streamRawPredict",
      R"({"anthropic_version":"vertex-2023-10-16","stream":true})");
  EXPECT_EQ(vertex.model, "claude-sonnet-4-5@20250929");
  EXPECT_TRUE(vertex.streaming);
  const auto bedrock = anthropic("/model/anthropic.claude-v1:0/invoke-with-response-stream", "{}");
  EXPECT_EQ(bedrock.model, "anthropic.claude-v1:0");
  EXPECT_TRUE(bedrock.streaming);
  EXPECT_FALSE(anthropic("/model/anthropic.claude-v1%3A0/invoke", "{}").streaming);
  EXPECT_EQ(anthropic("/v1/models/claude-opus-4-5", "").model, "");
}

TEST(InspectRequest, ReadsMethodToolIdAndProgressTokenOfMcp) {
  const auto facts = mcp(
      R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"search","_meta":{"progressToken":"t"}}})");
  EXPECT_EQ(facts.mcp_method, "tools/call");
  EXPECT_EQ(facts.tool, "search");
  EXPECT_EQ(facts.id, "17");
  EXPECT_EQ(facts.progress_token, "\"t\"");
  EXPECT_EQ(mcp(R"({"id":"a\"b","method":"ping"})").id, R"("a\"b")");
  EXPECT_EQ(mcp(R"({"id":1,"method":"prompts/get","params":{"name":"p"}})").tool, "");
}

TEST(InspectRequest, KnowsThatNotificationsAndAnswersWaitForNothing) {
  EXPECT_EQ(mcp(R"({"method":"notifications/initialized"})").id, "");
  EXPECT_EQ(mcp(R"({"id":null,"method":"x"})").id, "");
  EXPECT_EQ(mcp(R"({"id":4,"result":{}})").id, "");
}

TEST(InspectRequest, ReadsTheLastMessageOfABatch) {
  const auto facts =
      mcp(R"([{"method":"ping","id":1},{"method":"tools/call","id":2,"params":{"name":"t"}}])");
  EXPECT_EQ(facts.mcp_method, "tools/call");
  EXPECT_EQ(facts.tool, "t");
  EXPECT_EQ(facts.id, "2");
}

TEST(InspectRequest, GivesNoFactsOfHostileBodies) {
  EXPECT_FALSE(mcp(std::string(1'000'000, '[')).is_json);
  EXPECT_FALSE(mcp("\xff\xfe").is_json);
  EXPECT_FALSE(anthropic("/v1/messages", "{\"model\":").is_json);
  EXPECT_EQ(anthropic("/v1/messages", "{\"model\":\"" + std::string(1'000'000, 'x') + "\"}").model,
            "");
  EXPECT_EQ(anthropic("/model/" + std::string(100'000, 'x') + "/invoke", "").model, "");
}

TEST(InspectRequest, KnowsTheStreamThatAnMcpClientListensOn) {
  EXPECT_TRUE(inspect_request(Dialect::Mcp, "GET", "/mcp", "").streaming);
}

}  // namespace
}  // namespace veilwire::message
