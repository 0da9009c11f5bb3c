#include "userspace/projection/ocsf_objects.h"

#include "userspace/projection/ip_text.h"
#include "userspace/projection/ocsf_names.h"
#include "userspace/projection/tree_parts.h"

#include <algorithm>
#include <string>
#include <utility>

namespace veilwire::projection::ocsf {
namespace {

// Letters, digits and what names are joined by.
bool is_hostname(std::string_view text) {
  return !text.empty() && text.find_first_of(": /\\\"<>") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7F; });
}

Value headers(const audit::Fields& fields, Level level) {
  Value out = Value::list();
  for (const auto& [name, value] : fields) {
    // Both members are required: what is not shown is not listed.
    if (!shows_value(name, level)) continue;
    Value header = Value::map();
    header.add("name", Value::text(name)).add("value", Value::text(value));
    out.push(std::move(header));
  }
  return out;
}

}  // namespace

Value integer(std::uint64_t value) {
  return Value::number(std::min<std::uint64_t>(value, INT32_MAX));
}

Value user(const identity::Person& person) {
  Value groups = Value::list();
  for (const std::string& name : person.groups) {
    Value group = Value::map();
    groups.push(group.add("name", Value::text(name)));
  }
  const bool human = person.person_class == identity::PersonClass::Human ||
                     person.person_class == identity::PersonClass::Derived;
  Value out = Value::map();
  out.add("uid", Value::text(person.subject))
      .add_text("name", person.name)
      .add_text("domain", person.issuer)
      .add("type_id", Value::integer(human ? kUser : kService))
      .add("groups", std::move(groups));
  return out;
}

Value actor(const identity::Person* person, const identity::Peer* peer) {
  Value out = Value::map();
  if (person != nullptr) {
    out.add("user", user(*person));
    if (!person->issuer.empty()) {
      Value idp = Value::map();
      idp.add("uid", Value::text(person->issuer)).add("issuer", Value::text(person->issuer));
      out.add("idp", std::move(idp));
    }
  }
  if (peer != nullptr) {
    Value account = Value::map();
    account.add("uid", Value::text(std::to_string(peer->uid)));
    Value process = Value::map();
    process.add("pid", integer(peer->tgid))
        .add("name", Value::text(peer->comm))
        .add("user", std::move(account));
    out.add("process", std::move(process));
  }
  if (out.empty()) out.add("app_name", Value::text("unknown"));
  return out;
}

Value device(const Source& source) {
  Value out = Value::map();
  out.add("uid", Value::text(source.host_id))
      .add("type_id", Value::integer(kUnknownDevice))
      .add_text("hostname", source.host_name);
  return out;
}

Value source_endpoint(const Source& source) {
  Value out = Value::map();
  out.add("uid", Value::text(source.host_id)).add_text("hostname", source.host_name);
  return out;
}

std::optional<Value> destination(const Call& call) {
  if (call.server.empty()) return std::nullopt;
  Value out = Value::map();
  const bool ip = is_ipv4(call.server) || is_ipv6(call.server);
  const char* kind = ip ? "ip" : is_hostname(call.server) ? "hostname" : "name";
  out.add(kind, Value::text(call.server)).add("port", Value::integer(call.port));
  return out;
}

Value http_request(const audit::RequestHead& head, const Call& call, std::uint64_t body_bytes,
                   Level level) {
  const std::string_view path = shown_target(head.target, Level::Metadata);
  Value url = Value::map();
  url.add("scheme", Value::text("https")).add("path", Value::text(path));
  if (is_hostname(call.server)) url.add("hostname", Value::text(call.server));
  if (level == Level::Masked && head.target.size() > path.size() + 1) {
    url.add("query_string", Value::text(std::string_view(head.target).substr(path.size() + 1)));
  }
  Value out = Value::map();
  if (std::find(kHttpMethods.begin(), kHttpMethods.end(), head.method) != kHttpMethods.end())
    out.add("http_method", Value::text(head.method));
  out.add("url", std::move(url)).add("body_length", integer(body_bytes));
  if (level == Level::Masked)
    out.add_text("user_agent", field(head.fields, "user-agent").value_or(""));
  if (Value list = headers(head.fields, level); !list.empty())
    out.add("http_headers", std::move(list));
  return out;
}

Value http_response(const audit::ResponseHead& head, std::uint64_t body_bytes, Level level) {
  Value out = Value::map();
  out.add("code", Value::integer(head.status))
      .add("body_length", integer(body_bytes))
      .add_text("content_type", field(head.fields, "content-type").value_or(""));
  if (Value list = headers(head.fields, level); !list.empty())
    out.add("http_headers", std::move(list));
  return out;
}

std::int64_t auth_protocol(std::string_view method) {
  for (const auto& [name, id] : kProtocols) {
    if (name == method) return id;
  }
  return kOther;
}

}  // namespace veilwire::projection::ocsf
