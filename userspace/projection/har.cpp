#include "userspace/projection/har.h"

#include "userspace/crypto/encoding.h"
#include "userspace/projection/call.h"
#include "userspace/projection/ip_text.h"
#include "userspace/projection/record_tree.h"
#include "userspace/projection/time_text.h"
#include "userspace/projection/tree_parts.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace veilwire::projection {
namespace {

double ms(std::chrono::nanoseconds time) {
  return std::max(0.0, std::chrono::duration<double, std::milli>(time).count());
}

// Bytes that no URL holds, as %XX.
std::string url_text(std::string_view text) {
  constexpr std::string_view kNever = "\"<>\\^`{|}";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text.substr(0, kLongestText)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && kNever.find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  return out;
}

// An authority that every reader takes for one: a name or an address and a port.
std::string authority(std::string_view host, std::string_view port) {
  std::string out = url_text(host);
  std::erase_if(
      out, [](char c) { return std::string_view("/?#@[]").find(c) != std::string_view::npos; });
  const bool address = is_ipv6(out);
  if (!address) std::erase(out, ':');
  if (out.empty()) out = "unknown.invalid";
  if (address) out = '[' + out + ']';
  return port.empty() || port == "443" ? out : out + ':' + std::string(port);
}

std::string url_of(const audit::RequestHead& head, const Call& call, Level level) {
  std::string_view target = shown_target(head.target, level);
  std::string at = authority(call.server, std::to_string(call.port));
  // Absolute form, as proxies get it.
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::string_view all = target.substr(0, target.find_first_of("/?#"));
    const std::size_t end = all.find_last_not_of("0123456789");
    const bool port = end != std::string_view::npos && all[end] == ':' && end + 1 < all.size();
    at = authority(all.substr(0, port ? end : all.size()), port ? all.substr(end + 1) : "");
    target.remove_prefix(std::min(target.find_first_of("/?#"), target.size()));
  }
  return "https://" + at + (target.starts_with('/') ? "" : "/") + url_text(target);
}

Value headers_of(const audit::Fields& fields, Level level) {
  Value out = Value::list();
  for (const auto& [name, value] : fields) {
    const bool shown = shows_value(name, level);
    Value header = Value::map();
    header.add("name", Value::text(name)).add("value", Value::text(shown ? value : ""));
    if (!shown) header.add("_bytes", Value::number(value.size()));
    out.push(std::move(header));
  }
  return out;
}

Value query_of(std::string_view target) {
  Value out = Value::list();
  const std::size_t at = target.find('?');
  if (at == std::string_view::npos) return out;
  std::string_view rest = target.substr(at + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    Value parameter = Value::map();
    parameter.add("name", Value::text(one.substr(0, equals)))
        .add("value", Value::text(one.substr(std::min(equals + 1, one.size()))));
    out.push(std::move(parameter));
  }
  return out;
}

// HAR has a word for what is not text in answers alone.
void add_text(Value& out, const ShownBody& body, const char* encoding) {
  Value text = Value::content(body.content);
  if (std::holds_alternative<Value::Bytes>(text.any())) {
    out.add("text", Value::content(crypto::base64_encode(body.content)))
        .add(encoding, Value::text("base64"));
  } else {
    out.add("text", std::move(text));
  }
  if (!body.whole()) out.add("_cut", Value::boolean(true));
}

std::string_view type_of(const audit::Fields& fields) {
  return field(fields, "content-type").value_or("application/octet-stream");
}

Value request_of(const Exchange& x, const Call& call, Level level) {
  const audit::RequestHead& head = *x.request;
  Value out = Value::map();
  out.add("method", Value::text(head.method))
      .add("url", Value::content(url_of(head, call, level)))
      .add("httpVersion", Value::text("HTTP/1.1"))
      .add("cookies", Value::list())  // digests alone are recorded of them
      .add("headers", headers_of(head.fields, level))
      .add("queryString", query_of(shown_target(head.target, level)))
      .add("headersSize", Value::integer(-1))
      .add("bodySize", Value::number(x.request_body.bytes));
  if (level == Level::Masked && x.request_body.bytes > 0) {
    Value data = Value::map();
    data.add("mimeType", Value::text(type_of(head.fields)));
    add_text(data, x.request_body, "_encoding");
    out.add("postData", std::move(data));
  }
  return out;
}

// As browsers write an answer that never came: status 0.
Value response_of(const Exchange& x, Level level) {
  const audit::ResponseHead none;
  const audit::ResponseHead& head = x.response ? *x.response : none;
  Value content = Value::map();
  content.add("size", Value::number(x.response_body.bytes))
      .add("mimeType", Value::text(type_of(head.fields)));
  if (level == Level::Masked) add_text(content, x.response_body, "encoding");
  std::string_view location;
  if (level == Level::Masked) location = field(head.fields, "location").value_or("");
  Value out = Value::map();
  out.add("status", Value::integer(head.status))
      .add("statusText", Value::text(""))
      .add("httpVersion", Value::text("HTTP/1.1"))
      .add("cookies", Value::list())
      .add("headers", headers_of(head.fields, level))
      .add("content", std::move(content))
      .add("redirectURL", Value::content(url_text(location)))
      .add("headersSize", Value::integer(-1))
      .add("bodySize", Value::number(x.response_body.bytes));
  return out;
}

Value own(const Exchange& x, Level level) {
  Value out = decisions_tree(x, level);
  out.add("key", Value::text(exchange_key(x)))
      .add("session", Value::text(x.context.session))
      .add("exchange", Value::number(x.context.exchange))
      .add("decision", Value::text(decision(x)))
      .add("outcome", Value::text(x.close ? x.close->outcome : "unknown"))
      .add("person", person_tree(x.request->person, x.begun.mono))
      .add_text("model", x.request->model)
      .add_text("mcp_method", x.request->mcp_method)
      .add_text("tool", x.request->tool)
      .add_text("upstream_error", x.upstream_error);
  return out;
}

}  // namespace

std::string har_begin(const Source& source) {
  Value creator = Value::map();
  creator.add("name", Value::text("veilwire")).add("version", Value::text(source.version));
  return R"({"log":{"version":"1.2","creator":)" + to_json(creator) + R"(,"entries":[)";
}

std::string har_end() { return "]}}\n"; }

std::optional<std::string> har_entry(const Exchange& x, Level level) {
  if (level == Level::Findings || !x.request) return std::nullopt;
  const Call call = call_of(x);
  const Now answered = x.answered.value_or(x.ended);
  const double wait = ms(answered.mono - x.begun.mono);
  const double receive = ms(x.ended.mono - answered.mono);
  Value timings = Value::map();
  timings.add("send", Value::integer(0))
      .add("wait", Value::real(wait))
      .add("receive", Value::real(receive));
  Value out = Value::map();
  out.add("startedDateTime", Value::text(time_text(x.begun.wall)))
      .add("time", Value::real(wait + receive))
      .add("request", request_of(x, call, level))
      .add("response", response_of(x, level))
      .add("cache", Value::map())
      .add("timings", std::move(timings))
      .add("_veilwire", own(x, level));
  return to_json(out);
}

}  // namespace veilwire::projection
