#include "userspace/projection/call.h"

#include "tests/unit/projection/sample_exchanges.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

Call to(const std::string& service, const std::string& target, const std::string& host) {
  audit::RequestHead head = sample_head(service, target);
  head.model = "m";
  head.fields = {{"host", host}};
  return call_of(as_exchange({head}));
}

TEST(Call, ProvidersAreKnownByTheirHosts) {
  EXPECT_EQ(to("anthropic", "/v1/messages", "api.anthropic.com").provider, "anthropic");
  EXPECT_EQ(to("anthropic", "/v1/messages", "gateway.corp:8443").provider, "anthropic");
  EXPECT_EQ(to("anthropic", "/x:rawPredict", "eu-aiplatform.googleapis.com").provider,
            "gcp.vertex_ai");
  EXPECT_EQ(to("anthropic", "/model/x/invoke", "bedrock-runtime.eu-west-1.amazonaws.com").provider,
            "aws.bedrock");
  EXPECT_EQ(to("generic", "/v1/chat/completions", "API.OpenAI.com").provider, "openai");
  EXPECT_EQ(to("generic", "/", "model.corp").provider, "model.corp");
  EXPECT_EQ(to("generic", "/", "").provider, "generic");
}

TEST(Call, OperationsAreThoseOfTheConventions) {
  EXPECT_EQ(to("anthropic", "/v1/messages?beta=true", "h").operation, "chat");
  EXPECT_EQ(to("anthropic", "/v1/messages/count_tokens", "h").operation, "count_tokens");
  EXPECT_EQ(to("anthropic", "/v1/complete", "h").operation, "text_completion");
  EXPECT_EQ(to("generic", "/v1/chat/completions", "h").operation, "chat");
  EXPECT_EQ(to("generic", "/v1/embeddings", "h").operation, "embeddings");
}

TEST(Call, ServersHaveAddressAndPort) {
  const auto at = [](const std::string& destination, const std::string& name) {
    audit::SessionOpen open = sample_session();
    open.destination = destination;
    open.server_name = name;
    const Call call = call_of(as_exchange({open, sample_head("generic", "/")}));
    return call.server + " " + std::to_string(call.port);
  };
  EXPECT_EQ(at("203.0.113.7:8443", ""), "203.0.113.7 8443");
  EXPECT_EQ(at("[2001:db8::7]:443", ""), "2001:db8::7 443");
  EXPECT_EQ(at("203.0.113.7:8443", "a.example"), "a.example 8443");
  EXPECT_EQ(at("203.0.113.7:99999", ""), "203.0.113.7 443");
  EXPECT_EQ(at("", ""), " 443");
  EXPECT_EQ(to("generic", "/", "h.example:81").server, "h.example");
  EXPECT_EQ(to("generic", "/", "h.example:81").port, 81);
}

TEST(Call, KindsAndErrors) {
  EXPECT_EQ(call_of(as_exchange(model_call())).kind, Call::Kind::Model);
  EXPECT_EQ(call_of(as_exchange(model_call())).error_type, "");
  const Call mcp = call_of(as_exchange(mcp_call("mcp/tools_call_request.json", "mcp/error.json")));
  EXPECT_EQ(mcp.kind, Call::Kind::Mcp);
  EXPECT_EQ(mcp.operation, "execute_tool");
  EXPECT_EQ(mcp.error_type, "-32602");
  EXPECT_EQ(call_of(as_exchange(blocked_call())).error_type, "blocked");
  EXPECT_EQ(call_of(as_exchange({audit::ResponseHead{.status = 529, .fields = {}}})).error_type,
            "529");
  EXPECT_EQ(call_of(as_exchange({audit::UpstreamError{.reason = "x"}})).error_type,
            "upstream_error");
}

}  // namespace
}  // namespace veilwire::projection
