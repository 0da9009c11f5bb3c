// The conversation of a model call in the form of the OpenTelemetry GenAI conventions (their JSON
// schemas gen-ai-input-messages, gen-ai-output-messages, gen-ai-system-instructions): messages of
// parts. A block of the Messages API becomes the part that says the same, or a part of its own type
// where the conventions have none. Tested by tests/unit/projection/conversation_test.cpp.
#pragma once

#include "userspace/projection/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::projection {

// One block of a message's content.
Value part_of(const Value& block);
// Content of a message: a text or a list of blocks.
Value parts_of(const Value& content);

struct ModelRequest {
  std::string conversation_id;  // where the client says one
  std::optional<std::uint64_t> max_tokens;
  bool stream = false;
  Value messages = Value::list();  // gen_ai.input.messages
  Value system = Value::list();    // gen_ai.system_instructions
};
// Nothing where the body is not a JSON object.
std::optional<ModelRequest> read_model_request(std::string_view body);

struct McpRequest {
  std::string id;        // of JSON-RPC: "17"; empty for a notification
  std::string version;   // of the protocol, where the body names it
  std::string resource;  // params.uri
  std::string prompt;    // name of prompts/get
  Value arguments;       // of tools/call; null where there are none
};
std::optional<McpRequest> read_mcp_request(std::string_view body);

// As the conventions spell an id of JSON-RPC; empty where it is none.
std::string rpc_id(const Value& id);

}  // namespace veilwire::projection
