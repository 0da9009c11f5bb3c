#include "userspace/projection/call.h"

#include "userspace/base/ascii.h"
#include "userspace/projection/otel_names.h"
#include "userspace/projection/tree_parts.h"

#include <charconv>
#include <string_view>

namespace veilwire::projection {
namespace {

struct Place {
  std::string host;
  std::string port;
};

// "203.0.113.7:443", "[2001:db8::7]:443", "name", "name:8443".
Place split(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  std::string_view host = authority.substr(0, port ? colon : authority.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {std::string(host), std::string(port ? authority.substr(colon + 1) : "")};
}

void place(const Exchange& x, Call& call) {
  Place at;
  if (x.session) {
    at = split(x.session->destination);
    if (!x.session->server_name.empty()) at.host = x.session->server_name;
  } else if (x.request) {
    at = split(field(x.request->fields, "host").value_or(""));
  }
  call.server = prefix(clean(at.host), kLongestText);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(at.port.data(), at.port.data() + at.port.size(), port);
  if (error == std::errc{} && end == at.port.data() + at.port.size() && port != 0) call.port = port;
}

std::string provider(std::string_view service, std::string_view server) {
  const std::string host = to_lower(server);
  for (const auto& [ending, name] : otel::kProviders) {
    if (host.ends_with(ending)) return std::string(name);
  }
  return std::string(service == "anthropic" || server.empty() ? service : server);
}

std::string operation(std::string_view target) {
  const std::string_view path = shown_target(target, Level::Metadata);
  if (path.ends_with("/count_tokens")) return "count_tokens";
  if (path.ends_with("/complete") || path.ends_with("/completions"))
    return std::string(path.ends_with("/chat/completions") ? otel::kChat : otel::kTextCompletion);
  if (path.ends_with("/embeddings")) return std::string(otel::kEmbeddings);
  return std::string(otel::kChat);
}

std::string error_type(const Exchange& x) {
  if (!x.answer.error_type.empty()) return x.answer.error_type;
  if (!x.answer.rpc_error.empty()) return x.answer.rpc_error;
  if (x.answer.tool_error) return std::string(otel::kToolError);
  if (x.response && x.response->status >= 400) return std::to_string(x.response->status);
  if (decision(x) == "blocked") return "blocked";
  return x.upstream_error.empty() ? "" : "upstream_error";
}

}  // namespace

Call call_of(const Exchange& x) {
  Call call;
  place(x, call);
  call.error_type = error_type(x);
  if (!x.request) return call;
  const audit::RequestHead& head = *x.request;
  std::string_view body;
  if (x.request_body.whole()) body = x.request_body.content;
  if (head.service == "mcp" || !head.mcp_method.empty()) {
    call.kind = Call::Kind::Mcp;
    if (head.mcp_method == "tools/call") call.operation = otel::kExecuteTool;
    call.mcp = read_mcp_request(body);
  } else if (!head.model.empty()) {
    call.kind = Call::Kind::Model;
    call.provider = provider(head.service, call.server);
    call.operation = operation(head.target);
    call.model = read_model_request(body);
  }
  return call;
}

}  // namespace veilwire::projection
