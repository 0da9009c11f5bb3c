#include "userspace/flow/notice.h"

#include "userspace/flow/body_editor.h"
#include "userspace/message/pick.h"
#include "userspace/wire/json_scanner.h"

#include <array>

namespace veilwire::flow {
namespace {

// "Internal error" of JSON-RPC 2.0, section 5.1, the one server-side code that every MCP revision
// has and no revision gives a meaning that a client acts on.
constexpr std::string_view kJsonRpcCode = "-32603";

constexpr int kForbidden = 403, kUnavailable = 503;

// A client shows the message of a refused tool call only where the exchange itself succeeded. A 403
// is the server's own matter to it: Claude Code 2.1.330 then asks the server nothing for a quarter
// of an hour (mcp-needs-auth-cache.json), whoever signs in here.
int status_for_mcp(const EditorContext& context, int status) {
  if (context.mcp_method == "tools/call") return 200;
  if (status != kForbidden) return status;
  return context.request_id.empty() ? kUnavailable : 200;
}

bool is_id(std::string_view json) {
  message::Pick root{};
  return message::pick(json, {&root, 1}) &&
         (root.json.starts_with('"') || root.json.find_first_of("0123456789") != std::string::npos);
}

}  // namespace

std::string json_quote(std::string_view text) {
  std::string quoted = "\"";
  wire::append_json_escaped(text, quoted);
  quoted += '"';
  return quoted;
}

std::string anthropic_error(std::string_view kind, std::string_view message) {
  return R"({"type":"error","error":{"type":)" + json_quote(kind) + R"(,"message":)" +
         json_quote(message) + "}}";
}

std::string json_rpc_error(std::string_view id, std::string_view message) {
  std::string error = R"({"jsonrpc":"2.0",)";
  if (is_id(id)) error.append(R"("id":)").append(id).append(",");
  error.append(R"("error":{"code":)").append(kJsonRpcCode).append(R"(,"message":)");
  return error + json_quote(message) + "}}";
}

std::string error_json(policy::Service service, std::string_view id, std::string_view kind,
                       std::string_view message) {
  switch (service) {
    case policy::Service::Anthropic:
      return anthropic_error(kind, message);
    case policy::Service::Mcp:
      return json_rpc_error(id, message);
    case policy::Service::Generic:
      break;
  }
  return R"({"error":{"message":)" + json_quote(message) + "}}";
}

ErrorBody error_body(const EditorContext& context, int status, std::string_view kind,
                     std::string_view message) {
  if (context.service == policy::Service::Mcp) status = status_for_mcp(context, status);
  return {.status = status,
          .media_type = "application/json",
          .body = error_json(context.service, context.request_id, kind, message)};
}

}  // namespace veilwire::flow
