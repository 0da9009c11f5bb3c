// The editors with the rules that are shipped: what is said about them is not only so for rules
// made up for tests.
#include "tests/support/shipped_packs.h"
#include "tests/unit/flow/editor_harness.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using nlohmann::json;

const std::vector<masking::RulePack>& packs() {
  static const std::vector<masking::RulePack> kPacks = testing::shipped_packs(false);
  return kPacks;
}

std::shared_ptr<const masking::Engine> shipped() {
  static const std::shared_ptr<const masking::Engine> kEngine = [] {
    const Secret key(std::string("0123456789abcdef0123456789abcdef"));
    auto compiled = masking::compile(
        packs(), [](const masking::Rule&) { return masking::Treatment::Mask; }, key);
    if (!compiled) ADD_FAILURE() << compiled.error().rule << ": " << compiled.error().message;
    return *compiled;
  }();
  return kEngine;
}

Released edit(const EditorContext& context, std::string_view body) {
  const std::unique_ptr<BodyEditor> editor = make_body_editor(context, shipped());
  Released out;
  editor->feed(body, out);
  editor->finish(out);
  return out;
}

EditorContext context_of(policy::Service service, std::string_view type, bool request = false) {
  return {.service = service,
          .direction = request ? policy::Direction::Request : policy::Direction::Response,
          .media_type = type,
          .target = "/",
          .request_id = "1",
          .mcp_method = ""};
}

TEST(ShippedRules, FindNothingInTheGoldenConversations) {
  for (const std::string& name : golden_files("anthropic", ".sse")) {
    const std::string body = golden(name);
    const Released out = edit(context_of(policy::Service::Anthropic, "text/event-stream"), body);
    EXPECT_TRUE(out.masks.empty()) << name << ": " << out.masks[0].rule;
    const Message before = read_message(body), after = read_message(out.bytes);
    EXPECT_EQ(after.wrong, "") << name;
    ASSERT_EQ(after.blocks.size(), before.blocks.size());
    if (name.ends_with("_cut.sse")) continue;
    for (std::size_t i = 0; i < before.blocks.size(); ++i)
      EXPECT_EQ(after.blocks[i].text, before.blocks[i].text);
  }
  for (const std::string& name : golden_files("mcp", ".sse")) {
    EXPECT_EQ(edit(context_of(policy::Service::Mcp, "text/event-stream"), golden(name)).bytes,
              golden(name))
        << name;
  }
  for (const std::string folder : {"json", "mcp"}) {
    for (const std::string& name : golden_files(folder, ".json")) {
      const policy::Service service =
          folder == "mcp" ? policy::Service::Mcp : policy::Service::Anthropic;
      const bool request = name.find("request") != std::string::npos;
      EXPECT_EQ(edit(context_of(service, "application/json", request), golden(name)).bytes,
                golden(name))
          << name;
    }
  }
}

// Each rule's own examples, in prose and as the value of a tool's argument, in deltas of a few
// bytes.
TEST(ShippedRules, FindTheirExamplesInTheStreamOfAnAnswer) {
  for (const masking::RulePack& pack : packs()) {
    for (const masking::Rule& rule : pack.rules) {
      ASSERT_FALSE(rule.positive.empty()) << rule.id;
      for (const std::string& example : rule.positive) {
        const std::string prose = "Here it is: " + example + "\nNothing more.";
        const json input = {{"command", prose}};
        for (std::size_t piece = 1; piece < 12; piece += 5) {
          std::string stream =
              "data: {\"type\":\"message_start\",\"message\":{}}\n\n"
              "data: "
              "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
              "\"text\":\"\"}}\n\n"
              "data: "
              "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_"
              "use\",\"input\":{}}}\n\n";
          const auto deltas = [&](const std::string& text, json delta, int index,
                                  const char* member) {
            for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
              end = std::min(at + piece, text.size());
              while (end < text.size() && (text[end] & 0xC0) == 0x80)
                ++end;  // a delta holds whole characters
              delta[member] = text.substr(at, end - at);
              stream += "data: " +
                        json({{"type", "content_block_delta"}, {"index", index}, {"delta", delta}})
                            .dump() +
                        "\n\n";
            }
          };
          deltas(prose, {{"type", "text_delta"}}, 0, "text");
          deltas(input.dump(), {{"type", "input_json_delta"}}, 1, "partial_json");
          stream +=
              "data: {\"type\":\"content_block_stop\",\"index\":0}\n\ndata: "
              "{\"type\":\"content_block_stop\",\"index\":1}\n\n"
              "data: "
              "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
              "\"output_tokens\":1}}\n\n"
              "data: {\"type\":\"message_stop\"}\n\n";
          const Message message = read_message(
              edit(context_of(policy::Service::Anthropic, "text/event-stream"), stream).bytes);
          ASSERT_EQ(message.wrong, "") << rule.id;
          EXPECT_EQ(message.blocks[0].text.at("text"), masking::mask_all(*shipped(), prose))
              << rule.id;
          const json parsed =
              json::parse(message.blocks[1].text.at("partial_json"), nullptr, false);
          ASSERT_FALSE(parsed.is_discarded())
              << rule.id << ": " << message.blocks[1].text.at("partial_json");
          EXPECT_EQ(parsed["command"], masking::mask_all(*shipped(), prose)) << rule.id;
        }
      }
    }
  }
}

}  // namespace
}  // namespace veilwire::flow
