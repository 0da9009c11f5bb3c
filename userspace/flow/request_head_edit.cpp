#include "userspace/flow/request_head_edit.h"

#include "userspace/audit/redact.h"
#include "userspace/base/ascii.h"
#include "userspace/wire/json_scanner.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::flow {
namespace {

// One slice's events stay small whatever the document is.
constexpr std::size_t kSlice = std::size_t{16} * 1024;

// What frames, routes and describes the message or names it: a mask there would make it another
// message, and no rule that is worth having finds anything in it.
constexpr std::array<std::string_view, 24> kProtocolFields{"host",
                                                           "connection",
                                                           "content-length",
                                                           "content-type",
                                                           "content-encoding",
                                                           "content-digest",
                                                           "content-md5",
                                                           "repr-digest",
                                                           "digest",
                                                           "transfer-encoding",
                                                           "te",
                                                           "trailer",
                                                           "upgrade",
                                                           "expect",
                                                           "date",
                                                           "if-match",
                                                           "if-none-match",
                                                           "mcp-protocol-version",
                                                           "mcp-session-id",
                                                           "last-event-id",
                                                           "traceparent",
                                                           "tracestate",
                                                           "idempotency-key",
                                                           "x-request-id"};

// Beyond what a record takes for a credential: names that servers chose for their own.
constexpr std::array<std::string_view, 4> kOwnEndings{"-key", "-auth", "-session", "-session-id"};

bool ends_with(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() &&
         equal_ignoring_case(name.substr(name.size() - ending.size()), ending);
}

bool stays(std::string_view name) {
  const auto is = [name](std::string_view one) { return equal_ignoring_case(name, one); };
  return audit::is_credential_field(name) || std::ranges::any_of(kProtocolFields, is) ||
         std::ranges::any_of(kOwnEndings,
                             [name](std::string_view ending) { return ends_with(name, ending); });
}

// Ahead of stays(): a tool may have a parameter of any name.
bool repeats_the_body(std::string_view name) {
  constexpr std::string_view kParameter = "mcp-param-";
  return equal_ignoring_case(name, "mcp-name") || equal_ignoring_case(name, "mcp-method") ||
         equal_ignoring_case(name.substr(0, kParameter.size()), kParameter);
}

// Calls visit with every string and number of a JSON text, decoded.
template <class Visit>
void each_scalar(std::string_view json, Visit visit) {
  using Kind = wire::JsonEvent::Kind;
  wire::JsonScanner scanner({.utf8 = wire::Utf8::Any});
  wire::JsonStringDecoder decoder;
  std::vector<wire::JsonEvent> events;
  std::string value;
  bool open = false;
  const auto on = [&](const wire::JsonEvent& event) {
    if (event.kind == Kind::BeginString) open = true, value.clear(), decoder.reset();
    // The scanner has judged the escapes.
    if (event.kind == Kind::Piece && open) (void)decoder.feed(event.bytes, value);
    if (event.kind == Kind::EndString) open = false, visit(std::as_const(value));
    if (event.kind == Kind::Number) visit(std::string(event.bytes));
  };
  bool good = true;
  for (; good && !json.empty(); json.remove_prefix(std::min(kSlice, json.size()))) {
    events.clear();
    good = scanner.feed(json.substr(0, kSlice), events).has_value();
    std::ranges::for_each(events, on);
  }
  events.clear();
  if (good && scanner.finish(events)) std::ranges::for_each(events, on);
}

// A field that repeats a value of the body.
struct Repeated {
  std::size_t field = 0;
  std::string value;                        // decoded
  std::vector<std::size_t> where = {};      // it is these scalars of the body
  std::optional<std::string> becomes = {};  // what the body says there when it leaves
};

std::vector<Repeated> repeated_fields(const wire::FieldSection& head, const BodyChange& body) {
  std::vector<Repeated> fields;
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const wire::Field& field = head.fields[i];
    if (!repeats_the_body(head.name(field))) continue;
    const std::string_view value = head.value(field);
    fields.push_back({.field = i, .value = decoded_value(value).value_or(std::string(value))});
  }
  if (fields.empty()) return fields;
  std::size_t scalar = 0;
  each_scalar(body.plain, [&](const std::string& value) {
    for (Repeated& field : fields)
      if (field.value == value) field.where.push_back(scalar);
    ++scalar;
  });
  // Masks change what a scalar says, not which there are.
  scalar = 0;
  each_scalar(body.released, [&](const std::string& value) {
    for (Repeated& field : fields) {
      if (!std::ranges::binary_search(field.where, scalar)) continue;
      if (!field.becomes || *field.becomes == field.value) field.becomes = value;
    }
    ++scalar;
  });
  return fields;
}

void mask_one(wire::FieldSection& section, std::size_t index, const masking::Engine& engine,
              Masks& masks) {
  const std::string_view value = section.value(section.fields[index]);
  const std::string masked = masked_value(value, engine, &masks);
  // No mask breaks a line: it is the value, which came in one, with masks in it.
  if (masked != value) (void)wire::replace_value(section, index, masked);
}

}  // namespace

void mask_request_head(wire::RequestHead& head, policy::Service service, const BodyChange& body,
                       const std::shared_ptr<const masking::Engine>& engine, Masks& masks) {
  const PathOf path = service == policy::Service::Mcp ? PathOf::OwnServer : PathOf::Message;
  const std::string target = masked_target(head.target(), path, engine, &masks);
  if (target != head.target()) wire::replace_target(head, target);
  const auto repeated =
      service == policy::Service::Mcp ? repeated_fields(head, body) : std::vector<Repeated>();
  auto next = repeated.begin();
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    if (next != repeated.end() && next->field == i) {
      const Repeated& field = *next++;
      if (!field.becomes) {
        mask_one(head, i, *engine, masks);
      } else if (*field.becomes != field.value) {
        const std::string_view value = head.value(head.fields[i]);
        (void)wire::replace_value(head, i, encoded_value(*field.becomes, value));
      }
    } else if (!stays(head.name(head.fields[i]))) {
      mask_one(head, i, *engine, masks);
    }
  }
}

void mask_request_trailers(wire::FieldSection& trailers, const masking::Engine& engine,
                           Masks& masks) {
  for (std::size_t i = 0; i < trailers.fields.size(); ++i)
    if (!stays(trailers.name(trailers.fields[i]))) mask_one(trailers, i, engine, masks);
}

}  // namespace veilwire::flow
