// The table of fields, read through documents that say of each of their strings what it is. The
// tokens come from another JSON library than the one the editors use.
#include "userspace/message/fields.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::message {
namespace {

using nlohmann::json;

std::string name(Zone leaf_zone) {
  switch (leaf_zone) {
    case Zone::Text:
      return "text";
    case Zone::Fixed:
      return "fixed";
    case Zone::Credential:
      return "credential";
    case Zone::Base64:
      return "base64";
    case Zone::TextPiece:
      return "text piece";
    case Zone::ThinkingPiece:
      return "thinking piece";
    case Zone::InputPiece:
      return "input piece";
    default:
      return "not a leaf";
  }
}

struct Seen {
  std::string text;  // a key or a string value
  std::string leaf;
  bool is_key = false;
};

// Walks a document and notes what each string in it is.
class Walk : public json::json_sax_t {
 public:
  explicit Walk(Zone root) : walker_(root) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& value) override {
    seen.push_back({value, name(leaf(walker_.zone())), false});
    walker_.string_value(value);
    return true;
  }
  bool start_object(std::size_t) override { return walker_.begin_object(), true; }
  bool end_object() override { return walker_.end(), true; }
  bool start_array(std::size_t) override { return walker_.begin_array(), true; }
  bool end_array() override { return walker_.end(), true; }
  bool key(string_t& value) override {
    seen.push_back({value, walker_.key(value) ? "text" : "fixed", true});
    return true;
  }
  bool parse_error(std::size_t, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    ADD_FAILURE() << token << ": " << error.what();
    return false;
  }

  std::vector<Seen> seen;

 private:
  FieldWalker walker_;
};

std::vector<Seen> walk(Zone root, const std::string& document) {
  Walk walk(root);
  json::sax_parse(document, &walk);
  return walk.seen;
}

// Every string value of the document is the name of what it should be. Keys that end in '!' should
// be text, others not.
void expect_says_itself(Zone root, const std::string& document) {
  for (const Seen& seen : walk(root, document)) {
    if (seen.is_key) {
      EXPECT_EQ(seen.leaf, seen.text.ends_with('!') ? "text" : "fixed")
          << "key " << seen.text << " in " << document;
    } else {
      const bool kind_of_source = seen.text == "base64" && seen.leaf == "fixed";
      EXPECT_TRUE(kind_of_source || seen.leaf == seen.text)
          << seen.leaf << " for " << seen.text << " in " << document;
    }
  }
}

TEST(AnthropicFields, OfAResponseAreItsContentOnly) {
  expect_says_itself(Zone::AnthropicResponse,
                     R"({"id":"fixed","type":"fixed","role":"fixed","model":"fixed",
    "content":[
      {"type":"fixed","text":"text","citations":[{"type":"fixed","cited_text":"text","url":"text","title":"text",
        "encrypted_index":"fixed","file_id":"fixed"}]},
      {"type":"fixed","thinking":"text","signature":"fixed"},
      {"type":"fixed","data":"fixed"},
      {"type":"fixed","id":"fixed","name":"fixed","input":{"id!":"text","type!":["text"],"signature!":{"data!":"text"}},
        "caller":{"type":"fixed","tool_id":"fixed"}},
      {"type":"fixed","tool_use_id":"fixed","content":[{"type":"fixed","url":"text","title":"text",
        "encrypted_content":"fixed","page_age":"text"}]},
      {"type":"fixed","tool_use_id":"fixed","content":{"type":"fixed","stdout":"text","stderr":"text","return_code!":0,
        "content":[{"type":"fixed","file_id":"fixed"}]}},
      {"type":"fixed","tool_use_id":"fixed","content":{"type":"fixed","encrypted_stdout":"fixed","stderr":"text"}},
      {"type":"fixed","tool_use_id":"fixed","content":{"type":"fixed","url":"text","retrieved_at":"fixed",
        "content":{"type":"fixed","title":"text","source":{"type":"fixed","media_type":"fixed","data":"text"}}}},
      {"type":"fixed","content":"text","file_type":"fixed"},
      {"type":"fixed","from":{"model":"fixed"},"to":{"model":"fixed"},"trigger":{"type":"fixed","category":"fixed"}},
      {"type":"fixed","new_in_2031!":{"type!":"text"}}],
    "stop_reason":"fixed","stop_sequence":"fixed","stop_details":{"type":"fixed","category":"fixed","explanation":"text",
      "fallback_credit_token":"fixed"},
    "usage":{"service_tier":"fixed","anything":{"deep":"fixed"}},"container":{"id":"fixed","expires_at":"fixed"}})");
}

TEST(AnthropicFields, OfErrorsBatchesModelsAndFiles) {
  expect_says_itself(
      Zone::AnthropicResponse,
      R"({"type":"fixed","error":{"type":"fixed","message":"text"},"request_id":"fixed"})");
  expect_says_itself(Zone::AnthropicResponse, R"({"custom_id":"fixed","result":{"type":"fixed",
    "message":{"content":[{"type":"fixed","text":"text"}],"id":"fixed"}}})");
  expect_says_itself(Zone::AnthropicResponse, R"({"custom_id":"fixed","result":{"type":"fixed",
    "error":{"type":"fixed","error":{"type":"fixed","message":"text"},"request_id":"fixed"}}})");
  expect_says_itself(Zone::AnthropicResponse,
                     R"({"data":[{"type":"fixed","id":"fixed","display_name!":"text",
    "created_at":"fixed"},{"id":"fixed","results_url":"fixed","filename!":"text","mime_type":"fixed"}],
    "has_more!":false,"first_id":"fixed","last_id":"fixed"})");
}

TEST(AnthropicFields, OfARequestAreEverythingThePersonAndTheToolsSaid) {
  expect_says_itself(Zone::AnthropicRequest, R"({"model":"fixed","max_tokens":1,"stream":true,
    "system":[{"type":"fixed","text":"text","cache_control":{"type":"fixed","ttl":"fixed"}}],
    "messages":[{"role":"fixed","content":"text"},
      {"role":"fixed","content":[{"type":"fixed","tool_use_id":"fixed","content":"text","is_error":false},
        {"type":"fixed","tool_use_id":"fixed","content":[{"type":"fixed","text":"text"},
          {"type":"fixed","source":{"type":"base64","media_type":"fixed","data":"base64"}}]},
        {"type":"fixed","source":{"type":"fixed","media_type":"fixed","data":"text"},"title":"text","context":"text"},
        {"type":"fixed","source":{"data":"text","type":"base64"}},
        {"type":"fixed","source":{"type":"fixed","content":[{"type":"fixed","text":"text"}]}},
        {"type":"fixed","source":"text","title":"text","content":[{"type":"fixed","text":"text"}]},
        {"type":"fixed","thinking":"text","signature":"fixed"}]}],
    "tools":[{"name":"fixed","type":"fixed","description":"text","input_schema":{"type!":"text","name!":"text"},
      "input_examples":[{"id!":"text"}]}],
    "tool_choice":{"type":"fixed","name":"fixed"},"metadata":{"user_id":"fixed"},"stop_sequences":["text"],
    "mcp_servers":[{"type":"fixed","name":"fixed","url":"text","authorization_token":"text"}]})");
  expect_says_itself(Zone::AnthropicRequest,
                     R"({"requests":[{"custom_id":"fixed","params":{"model":"fixed","system":"text",
    "messages":[{"role":"fixed","content":"text"}]}}]})");
}

TEST(AnthropicFields, OfEventsGoOnInTheNextEvent) {
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"type":"fixed","index":0,"delta":{"type":"fixed","text":"text piece"}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"delta":{"thinking":"thinking piece","estimated_tokens!":3}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"delta":{"type":"fixed","partial_json":"input piece"}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"delta":{"content":"text","encrypted_content":"fixed"}})");
  expect_says_itself(Zone::AnthropicEvent, R"({"delta":{"type":"fixed","signature":"fixed"}})");
  expect_says_itself(
      Zone::AnthropicEvent,
      R"({"type":"fixed","event_id":"fixed","delta":{"content":{"type":"fixed","text":"text piece"}}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"delta":{"citation":{"type":"fixed","cited_text":"text",
    "encrypted_index":"fixed","document_title":"text"}}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"type":"fixed","index":0,"content_block":{"type":"fixed",
    "text":"text piece","thinking":"thinking piece","signature":"fixed","content":"text"}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"content_block":{"type":"fixed","tool_use_id":"fixed",
    "content":[{"type":"fixed","text":"text","title":"text"}]}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"content_block":{"content":{"type":"fixed","stdout":"text"}}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"type":"fixed","message":{"id":"fixed","content":[{"text":"text"}]}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"type":"fixed","error":{"type":"fixed","message":"text"}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"delta":{"stop_reason":"fixed","stop_sequence":"fixed"},"usage":{}})");
  expect_says_itself(Zone::AnthropicEvent,
                     R"({"delta":{"text":{"no string!":"text"},"new!":"text"}})");
}

TEST(McpFields, OfARequest) {
  expect_says_itself(Zone::McpFromClient,
                     R"({"jsonrpc":"fixed","id":"fixed","method":"fixed","params":{"name":"fixed",
    "arguments":{"id!":"text","method!":{"params!":"text"}},"_meta":{"progressToken":"fixed","mine!":"text",
    "io.modelcontextprotocol/protocolVersion":"fixed","io.modelcontextprotocol/clientInfo":{"name!":"text"}},
    "requestState":"fixed","cursor":"fixed"}})");
  expect_says_itself(Zone::McpFromClient,
                     R"([{"id":"fixed","result":{"action":"fixed","content":{"data!":"text"}}},
    {"id":"fixed","result":{"role":"fixed","content":{"type":"fixed","data":"base64","mimeType":"fixed"},"model":"fixed"}},
    {"id":"fixed","result":{"roots":[{"uri":"text","name":"text"}]}}])");
  expect_says_itself(Zone::McpFromClient,
                     R"({"params":{"inputResponses":{"any key":{"action":"fixed",
    "content":{"type!":"text"}}}}})");
}

TEST(McpFields, OfAResult) {
  expect_says_itself(Zone::McpFromServer,
                     R"({"jsonrpc":"fixed","id":"fixed","result":{"resultType":"fixed","content":[
    {"type":"fixed","text":"text","annotations":{"audience":["fixed"],"lastModified":"fixed"},"_meta":{"id!":"text"}},
    {"type":"fixed","data":"base64","mimeType":"fixed"},
    {"type":"fixed","uri":"text","name":"text","title":"text","description":"text","mimeType":"fixed"},
    {"type":"fixed","resource":{"uri":"text","mimeType":"fixed","text":"text"}},
    {"type":"fixed","resource":{"uri":"text","mimeType":"fixed","blob":"base64"}}],
    "structuredContent":{"data!":"text","id!":["text",{"type!":"text"}]}}})");
  expect_says_itself(Zone::McpFromServer,
                     R"({"result":{"tools":[{"name":"fixed","title":"text","description":"text",
    "inputSchema":{"type!":"text","properties!":{"name!":{"default!":"text"}}},"execution":{"taskSupport":"fixed"}}],
    "nextCursor":"fixed"}})");
  expect_says_itself(Zone::McpFromServer,
                     R"({"result":{"inputRequests":{"any key":{"method":"fixed","params":{
    "message":"text","requestedSchema":{"type!":"text"},"messages":[{"role":"fixed","content":{"type":"fixed",
    "text":"text"}}]}}},"requestState":"fixed"}})");
  expect_says_itself(Zone::McpFromServer,
                     R"({"result":{"protocolVersion":"fixed","instructions":"text",
    "serverInfo":{"name!":"text"},"prompts":[{"name":"fixed","arguments":[{"name":"fixed","description":"text"}]}]}})");
  expect_says_itself(
      Zone::McpFromServer,
      R"({"error":{"code!":1,"message!":"text","data!":{"id!":"text"}},"id":"fixed"})");
  expect_says_itself(Zone::McpFromServer,
                     R"({"method":"fixed","params":{"level":"fixed","logger":"text",
    "data":{"password!":"text"},"progressToken":"fixed","message":"text"}})");
  expect_says_itself(Zone::McpFromServer,
                     R"({"result":{"taskId":"fixed","status":"fixed","statusMessage":"text"}})");
}

TEST(Fields, TokensThatALoginIssuesStayAtTheRootAlone) {
  for (const Zone root :
       {Zone::Generic, Zone::AnthropicResponse, Zone::McpFromServer, Zone::McpFromClient}) {
    expect_says_itself(root, R"({"access_token":"credential","refresh_token":"credential"})");
  }
  expect_says_itself(Zone::Generic, R"({"data!":{"access_token!":"text"}})");
  expect_says_itself(Zone::McpFromServer,
                     R"({"result":{"structuredContent":{"access_token!":"text"}}})");
}

TEST(Fields, OfUnknownShapeAreText) {
  for (std::size_t zone = static_cast<std::size_t>(Zone::AnthropicRequest); zone < kZones; ++zone) {
    if (static_cast<Zone>(zone) == Zone::McpInputRequests ||
        static_cast<Zone>(zone) == Zone::McpInputResponses)
      continue;
    expect_says_itself(static_cast<Zone>(zone),
                       R"({"zzz!":{"type!":"text","id!":["text",["text"]]}})");
  }
  expect_says_itself(Zone::Generic, R"("text")");
  expect_says_itself(Zone::AnthropicRequest, R"(["text"])");
}

TEST(Fields, OfTheLastOfRepeatedMembersDecide) {
  expect_says_itself(Zone::AnthropicRequest,
                     R"({"system":[{"source":{"type":"base64","type":"fixed","data":"text"}}]})");
}

TEST(Fields, SurviveUnbalancedTokens) {
  FieldWalker walker(Zone::McpFromServer);
  walker.end();
  EXPECT_TRUE(walker.key("id"));
  walker.string_value("base64");
  walker.end();
  EXPECT_EQ(walker.zone(), Zone::McpFromServer);
}

}  // namespace
}  // namespace veilwire::message
