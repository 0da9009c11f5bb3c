#include "tests/unit/flow/editor_harness.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using nlohmann::json;

TEST(ErrorBody, SpeaksTheMessagesApi) {
  const EditorContext context{.service = policy::Service::Anthropic,
                              .media_type = "",
                              .target = "/v1/messages",
                              .request_id = "",
                              .mcp_method = ""};
  const ErrorBody error = error_body(context, 451, "permission_error", "A \"secret\"\nwas found.");
  EXPECT_EQ(error.status, 451);
  EXPECT_EQ(error.media_type, "application/json");
  EXPECT_EQ(
      json::parse(error.body),
      json::parse(
          R"({"type":"error","error":{"type":"permission_error","message":"A \"secret\"\nwas found."}})"));
}

TEST(ErrorBody, AnswersAToolCallWith200AndOtherRequestsWithTheStatus) {
  EditorContext context{.service = policy::Service::Mcp,
                        .media_type = "",
                        .target = "/mcp",
                        .request_id = "17",
                        .mcp_method = "tools/call"};
  const ErrorBody call = error_body(context, 451, "permission_error", "no");
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(json::parse(call.body),
            json::parse(R"({"jsonrpc":"2.0","id":17,"error":{"code":-32603,"message":"no"}})"));
  context.mcp_method = "tools/list";
  EXPECT_EQ(error_body(context, 422, "permission_error", "no").status, 422);
  // Whoever is not let through here is not forbidden by the server.
  EXPECT_EQ(error_body(context, 403, "permission_error", "no").status, 200);
  context.request_id = {};
  EXPECT_EQ(error_body(context, 403, "permission_error", "no").status, 503);
  context.service = policy::Service::Anthropic;
  EXPECT_EQ(error_body(context, 403, "permission_error", "no").status, 403);
}

TEST(ErrorBody, RepeatsOnlyAnIdThatIsOne) {
  EditorContext context{.service = policy::Service::Mcp,
                        .media_type = "",
                        .target = "/mcp",
                        .request_id = "",
                        .mcp_method = ""};
  for (const char* id : {"", "null", "{\"a\":1}", "[1]", "1,\"x\":2", "true", "\"open"}) {
    context.request_id = id;
    EXPECT_FALSE(json::parse(error_body(context, 400, "x", "no").body).contains("id")) << id;
  }
  for (const char* id : {"1", "-1.5e3", "\"a\\\"b\"", "\"1\""}) {
    context.request_id = id;
    EXPECT_EQ(json::parse(error_body(context, 400, "x", "no").body)["id"], json::parse(id)) << id;
  }
}

TEST(ErrorBody, IsJsonWhateverTheMessage) {
  for (const policy::Service service :
       {policy::Service::Anthropic, policy::Service::Mcp, policy::Service::Generic}) {
    const EditorContext context{
        .service = service, .media_type = "", .target = "/", .request_id = "", .mcp_method = ""};
    EXPECT_TRUE(
        json::accept(error_body(context, 400, "api_error", "\xFF\x01\"\\ \xE2\x98\x83").body));
  }
}

}  // namespace
}  // namespace veilwire::flow
