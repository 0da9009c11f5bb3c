#include "userspace/projection/conversation.h"

#include "userspace/projection/json_tree.h"

#include <algorithm>
#include <array>
#include <utility>

namespace veilwire::projection {
namespace {

// Levels of lists and maps that stand around the content of a part in a list of messages.
constexpr std::size_t kAround = 5;

Value inner(const Value& value) { return flatten(value, kDeepestTree - kAround); }

Value part(std::string_view type) {
  Value out = Value::map();
  out.add("type", Value::content(type));
  return out;
}

Value with_content(std::string_view type, const Value& content) {
  Value out = part(type);
  // The schemas want a string, whatever the peer sent.
  out.add("content", Value::content(text_of(content)));
  return out;
}

// Of an image or a document: inline, by address, or uploaded before.
Value media(std::string_view modality, const Value& source) {
  const std::string_view kind = text_of(member(source, "type"));
  if (kind == "text") return with_content("text", member(source, "data"));
  const bool inlined = kind == "base64";
  const bool file = kind == "file";
  Value out = part(inlined ? "blob" : file ? "file" : "uri");
  if (const Value& type = member(source, "media_type"); !text_of(type).empty())
    out.add("mime_type", type);
  out.add("modality", Value::content(modality));
  const std::string_view at = inlined ? "data" : file ? "file_id" : "url";
  out.add(inlined ? "content"
          : file  ? "file_id"
                  : "uri",
          Value::content(text_of(member(source, at))));
  return out;
}

Value tool_call(const Value& block) {
  Value out = part("tool_call");
  if (const Value& id = member(block, "id"); !text_of(id).empty()) out.add("id", id);
  out.add("name", Value::content(text_of(member(block, "name"))));
  if (const Value& input = member(block, "input"); !is_null(input))
    out.add("arguments", inner(input));
  return out;
}

// What a tool gave: blocks, of which images are parts as well.
Value response_of(const Value& content) {
  if (list_of(content).empty()) return inner(content);
  return inner(parts_of(content));
}

// Calls that the provider answers itself, such as of a web search.
Value server_call(const Value& block) {
  Value call = part(text_of(member(block, "name")));
  if (const Value& input = member(block, "input"); !is_null(input))
    call.add("arguments", inner(input));
  Value out = part("server_tool_call");
  if (const Value& id = member(block, "id"); !text_of(id).empty()) out.add("id", id);
  out.add("name", Value::content(text_of(member(block, "name"))));
  out.add("server_tool_call", std::move(call));
  return out;
}

Value server_response(const Value& block) {
  Value response = part(text_of(member(block, "type")));
  if (const Value& content = member(block, "content"); !is_null(content))
    response.add("content", inner(content));
  Value out = part("server_tool_call_response");
  if (const Value& id = member(block, "tool_use_id"); !text_of(id).empty()) out.add("id", id);
  out.add("server_tool_call_response", std::move(response));
  return out;
}

}  // namespace

Value part_of(const Value& block) {
  if (!text_of(block).empty()) return with_content("text", block);
  const std::string_view type = text_of(member(block, "type"));
  if (type == "text") return with_content("text", member(block, "text"));
  if (type == "thinking") return with_content("reasoning", member(block, "thinking"));
  if (type == "compaction") return with_content("compaction", member(block, "content"));
  if (type == "tool_use") return tool_call(block);
  if (type == "server_tool_use" || type == "mcp_tool_use") return server_call(block);
  if (type == "tool_result") {
    Value out = part("tool_call_response");
    if (const Value& id = member(block, "tool_use_id"); !text_of(id).empty()) out.add("id", id);
    out.add("response", response_of(member(block, "content")));
    if (is_true(member(block, "is_error"))) out.add("is_error", Value::boolean(true));
    return out;
  }
  if (type.ends_with("_tool_result")) return server_response(block);
  if (type == "image" || type == "document") return media(type, member(block, "source"));
  Value out = part(type.empty() ? "unknown" : type);
  out.add("content", inner(block));
  return out;
}

Value parts_of(const Value& content) {
  Value out = Value::list();
  if (std::holds_alternative<std::string>(content.any())) {
    out.push(with_content("text", content));
  } else {
    for (const Value& block : list_of(content)) out.push(part_of(block));
  }
  return out;
}

std::optional<ModelRequest> read_model_request(std::string_view body) {
  const std::optional<Value> json = parse_json(body);
  if (!json || !is_map(*json)) return std::nullopt;
  ModelRequest out;
  // Claude Code names its session behind the user.
  constexpr std::string_view kSession = "_session_";
  const std::string_view user = text_of(member(member(*json, "metadata"), "user_id"));
  if (const std::size_t at = user.rfind(kSession); at != std::string_view::npos)
    out.conversation_id = user.substr(at + kSession.size());
  out.max_tokens = number_of(member(*json, "max_tokens"));
  out.stream = is_true(member(*json, "stream"));
  for (const Value& message : list_of(member(*json, "messages"))) {
    Value turn = Value::map();
    turn.add("role", Value::content(text_of(member(message, "role"))));
    turn.add("parts", parts_of(member(message, "content")));
    out.messages.push(std::move(turn));
  }
  out.system = parts_of(member(*json, "system"));
  return out;
}

std::string rpc_id(const Value& id) {
  if (const auto* number = std::get_if<std::int64_t>(&id.any())) return std::to_string(*number);
  return std::string(text_of(id));
}

std::optional<McpRequest> read_mcp_request(std::string_view body) {
  const std::optional<Value> json = parse_json(body);
  if (!json || !is_map(*json)) return std::nullopt;
  const std::string_view method = text_of(member(*json, "method"));
  const Value& params = member(*json, "params");
  McpRequest out;
  out.id = rpc_id(member(*json, "id"));
  // Until 2025-11 the first request names it, since 2026-07 every one.
  const Value& meta = member(params, "_meta");
  out.version = text_of(member(meta, "io.modelcontextprotocol/protocolVersion"));
  if (method == "initialize") out.version = text_of(member(params, "protocolVersion"));
  if (method.starts_with("resources/")) out.resource = text_of(member(params, "uri"));
  if (method == "prompts/get") out.prompt = text_of(member(params, "name"));
  if (method == "tools/call") out.arguments = flatten(member(params, "arguments"));
  return out;
}

}  // namespace veilwire::projection
