#include "userspace/projection/otel_event.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/otel_names.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

constexpr Level kLevels[] = {Level::Masked, Level::Metadata, Level::Findings};

std::string text(const Event& event, std::string_view name) {
  return std::string(text_of(member(event.attributes, name)));
}
std::uint64_t number(const Event& event, std::string_view name) {
  return number_of(member(event.attributes, name)).value_or(UINT64_MAX);
}

void expect_sound(const Event& event) {
  std::set<std::string> names;
  for (const auto& [name, value] : std::get<Value::Members>(event.attributes.any()))
    EXPECT_TRUE(names.insert(name).second) << name;
  for (const std::string_view name :
       {otel::kLogRecordUid, otel::kHostId, otel::kWriter, otel::kSeq})
    EXPECT_TRUE(names.count(std::string(name))) << name;
  EXPECT_LE(event.name.size(), 256U);
}

TEST(OtelEvent, OfAModelCallHasTheNamesOfTheConventions) {
  const Event event = *event_of(as_exchange(model_call()), Level::Masked);
  expect_sound(event);
  EXPECT_EQ(event.name, "gen_ai.client.inference.operation.details");
  EXPECT_EQ(event.severity, Severity::Info);
  EXPECT_EQ(event.time_ns, 1'795'456'800'148'456'789U);
  EXPECT_FALSE(event.body);
  EXPECT_EQ(text(event, "gen_ai.operation.name"), "chat");
  EXPECT_EQ(text(event, "gen_ai.provider.name"), "anthropic");
  EXPECT_EQ(text(event, "gen_ai.request.model"), "claude-sonnet-4-5");
  EXPECT_EQ(number(event, "gen_ai.request.max_tokens"), 32000U);
  EXPECT_EQ(text(event, "gen_ai.response.model"), "claude-sonnet-4-5-20250929");
  EXPECT_EQ(text(event, "gen_ai.response.id"), "msg_01XkQv3zJmN8rTfW2pLcYbHd");
  EXPECT_EQ(to_json(member(event.attributes, "gen_ai.response.finish_reasons")), R"(["tool_use"])");
  EXPECT_EQ(number(event, "gen_ai.usage.input_tokens"), 18683U);
  EXPECT_EQ(number(event, "gen_ai.usage.output_tokens"), 133U);
  EXPECT_EQ(text(event, "gen_ai.conversation.id"), "0d3e");
  EXPECT_EQ(to_json(member(event.attributes, "gen_ai.response.time_to_first_chunk")), "0.075");
  EXPECT_EQ(list_of(member(event.attributes, "gen_ai.input.messages")).size(), 3U);
  EXPECT_EQ(list_of(member(event.attributes, "gen_ai.output.messages")).size(), 1U);
  EXPECT_EQ(text(event, "server.address"), "api.anthropic.com");
  EXPECT_EQ(number(event, "server.port"), 443U);
  EXPECT_EQ(text(event, "user.name"), "Ada Lovelace");
  EXPECT_EQ(number(event, "process.pid"), 4321U);
  EXPECT_EQ(text(event, "veilwire.decision"), "masked");
  EXPECT_EQ(text(event, "log.record.uid"), "3f6c1d0e-0123456789abcdef0123456789abcdef-" +
                                               std::to_string(number(event, "veilwire.seq")) +
                                               "-exchange");
}

TEST(OtelEvent, OfAnMcpCall) {
  const auto bodies = mcp_call("mcp/tools_call_request.json", "mcp/tools_call_result.json");
  const Event event = *event_of(as_exchange(bodies), Level::Masked);
  expect_sound(event);
  EXPECT_EQ(event.name, "veilwire.mcp.call");
  EXPECT_EQ(event.severity, Severity::Debug);
  EXPECT_EQ(text(event, "mcp.method.name"), "tools/call");
  EXPECT_EQ(text(event, "mcp.session.id"), "191c4850");
  EXPECT_EQ(text(event, "mcp.protocol.version"), "2025-06-18");
  EXPECT_EQ(text(event, "gen_ai.tool.name"), "search");
  EXPECT_EQ(text(event, "gen_ai.operation.name"), "execute_tool");
  EXPECT_EQ(text(event, "jsonrpc.request.id"), "17");
  EXPECT_EQ(number_of(member(member(event.attributes, "gen_ai.tool.call.arguments"), "limit")),
            10U);
  EXPECT_FALSE(is_null(member(event.attributes, "gen_ai.tool.call.result")));

  const Event less = *event_of(as_exchange(bodies), Level::Metadata);
  EXPECT_EQ(text(less, "jsonrpc.request.id"), "17");
  EXPECT_TRUE(is_null(member(less.attributes, "gen_ai.tool.call.arguments")));
  EXPECT_TRUE(is_null(member(less.attributes, "gen_ai.tool.call.result")));
}

TEST(OtelEvent, McpVersionsAndSessionsAreThoseOfTheirRevision) {
  const auto of = [](const std::string& method, const std::string& request,
                     const std::string& answer, const audit::Fields& fields) {
    audit::RequestHead head = sample_head("mcp", "/mcp");
    head.mcp_method = method;
    head.fields = fields;
    return *event_of(
        as_exchange({head, audit::RequestBody{.offset = 0, .content = request, .masks = {}},
                     audit::ResponseHead{.status = 200, .fields = {{"mcp-session-id", "s1"}}},
                     audit::ResponseFragment{.offset = 0, .content = answer, .masks = {}}}),
        Level::Metadata);
  };
  const Event first =
      of("initialize", R"({"method":"initialize","params":{"protocolVersion":"2025-11-25"}})",
         golden("mcp/initialize_result.json"), {});
  EXPECT_EQ(text(first, "mcp.protocol.version"), "2025-06-18");
  EXPECT_EQ(text(first, "mcp.session.id"), "s1");
  const Event later = of("tools/call", golden("mcp/tools_call_request_2026.json"),
                         golden("mcp/tools_call_result.json"), {{"mcp-session-id", "s1"}});
  EXPECT_EQ(text(later, "mcp.protocol.version"), "2026-07-28");
  EXPECT_EQ(text(later, "mcp.session.id"), "");
  EXPECT_EQ(text(later, "jsonrpc.request.id"), "call-1");
}

TEST(OtelEvent, WhatIsNotJsonIsShownAsItIs) {
  audit::RequestHead head = sample_head("anthropic", "/v1/messages");
  head.model = "m";
  const Event event = *event_of(
      as_exchange({head, audit::RequestBody{.offset = 0, .content = "{\xff", .masks = {}}}),
      Level::Masked);
  EXPECT_EQ(to_json(member(event.attributes, "veilwire.request.content")), R"({"base64":"e/8="})");
}

TEST(OtelEvent, LessIsToldByLevel) {
  for (const Level level : {Level::Metadata, Level::Findings}) {
    const Event event = *event_of(as_exchange(model_call()), level);
    expect_sound(event);
    const std::string all = to_json(event.attributes);
    for (const char* said : {"list files", "write that file", "a-query-text", "value of a field"})
      EXPECT_EQ(all.find(said), std::string::npos) << said;
    EXPECT_NE(all.find("aws-access-key-id"), std::string::npos);
  }
  const Event event = *event_of(as_exchange(model_call()), Level::Findings);
  EXPECT_EQ(event.name, "veilwire.findings");
  EXPECT_EQ(to_json(event.attributes).find("00112233"), std::string::npos);
  EXPECT_FALSE(event_of(as_exchange({sample_head("generic", "/")}), Level::Findings));
}

TEST(OtelEvent, GraveDecisionsAreWarnings) {
  const Event event = *event_of(as_exchange(blocked_call()), Level::Findings);
  EXPECT_EQ(event.severity, Severity::Warn);
  EXPECT_EQ(text(event, "veilwire.decision"), "blocked");
  EXPECT_EQ(list_of(member(event.attributes, "veilwire.gaps")).size(), 1U);
}

TEST(OtelEvent, OfEveryKindOfRecord) {
  std::uint64_t seq = 0;
  for (const audit::Record& record : audit::sample_records()) {
    const audit::Parsed parsed = as_read(record, ++seq);
    const Event event = *event_of(parsed, Level::Masked);
    expect_sound(event);
    EXPECT_EQ(event.name, "veilwire." + std::string(audit::kind(record)));
    EXPECT_EQ(text(event, "log.record.uid"),
              "3f6c1d0e-0123456789abcdef0123456789abcdef-" + std::to_string(seq));
    EXPECT_TRUE(event.body);
  }
}

TEST(OtelEvent, TimeBeforeTheEpochIsUnknown) {
  audit::Record record = audit::sample(sample_close());
  record.time.wall.since_epoch = std::chrono::nanoseconds(-5);
  EXPECT_EQ(event_of(as_read(record, 1), Level::Masked)->time_ns, 0U);
}

TEST(OtelEvent, HostileContentGivesSoundEvents) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Hostile hostile(seed);
    for (const Level level : kLevels) {
      if (const auto event = event_of(as_exchange(hostile.exchange()), level)) expect_sound(*event);
      const auto record = as_read(audit::sample(hostile.body()), 1);
      if (const auto event = event_of(record, level)) expect_sound(*event);
    }
  }
}

}  // namespace
}  // namespace veilwire::projection
