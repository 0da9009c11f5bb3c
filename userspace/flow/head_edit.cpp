#include "userspace/flow/head_edit.h"

#include "userspace/base/ascii.h"
#include "userspace/flow/head_value.h"

#include <algorithm>
#include <array>
#include <span>

namespace veilwire::flow {
namespace {

bool one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names,
                             [name](std::string_view n) { return equal_ignoring_case(n, name); });
}

// Identifiers and descriptions of the protocol: a mask there would break the exchange. Exact names
// only: a server chooses the names of its fields, and "x-token" is as good a place for a leak as
// any.
constexpr std::array<std::string_view, 13> kProtocolFields{
    "set-cookie",       "mcp-session-id",    "request-id",     "x-request-id", "etag",
    "last-event-id",    "content-type",      "content-length", "date",         "cf-ray",
    "content-encoding", "transfer-encoding", "connection"};

constexpr std::array<std::string_view, 5> kHopFields{"te", "proxy-connection", "proxy-authenticate",
                                                     "proxy-authorization", "upgrade"};

}  // namespace

std::string media_type(const wire::FieldSection& head) {
  const auto value = head.sole_value("content-type");
  if (!value) return {};
  return to_lower(wire::trim_blanks(value->substr(0, value->find(';'))));
}

void remove_hop_fields(wire::FieldSection& head, wire::UpgradeFields upgrade) {
  const auto options = head.list("connection");
  const bool plain = std::ranges::all_of(options, [](std::string_view option) {
    return equal_ignoring_case(option, "keep-alive") || equal_ignoring_case(option, "close");
  });
  const bool has_hop_field = std::ranges::any_of(
      head.fields, [&head](const wire::Field& f) { return one_of(head.name(f), kHopFields); });
  if (plain && !has_hop_field) return;
  // Transfer-Encoding says how the body that we send on is framed, which is as it came: it goes
  // back where it was.
  const bool chunked = head.has("transfer-encoding");
  wire::strip_hop_by_hop(head, upgrade);
  if (chunked) (void)wire::set_field(head, "Transfer-Encoding", "chunked");
}

void ask_for_the_whole(wire::FieldSection& request) {
  wire::remove_fields(request, "range");
  wire::remove_fields(request, "if-range");
}

bool is_part(const wire::ResponseHead& head) {
  return head.status == 206 || media_type(head) == "multipart/byteranges";
}

audit::MaskedSpan to_span(const masking::Finding& finding, std::uint64_t offset) {
  return {finding.rule,   finding.category,
          offset,         finding.length,
          finding.digest, finding.treatment == masking::Treatment::Block ? "block" : "mask"};
}

std::vector<audit::MaskedSpan> mask_fields(wire::FieldSection& head,
                                           const masking::Engine& engine) {
  std::vector<audit::MaskedSpan> masks;
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const std::string_view name = head.name(head.fields[i]);
    if (one_of(name, kProtocolFields)) continue;
    std::vector<masking::Finding> findings;
    const std::string masked = masking::mask_all(engine, head.value(head.fields[i]), &findings);
    if (findings.empty()) continue;
    for (const masking::Finding& finding : findings) masks.push_back(to_span(finding, 0));
    if (!wire::replace_value(head, i, masked)) wire::remove_field(head, i--);
  }
  return masks;
}

std::vector<audit::MaskedSpan> mask_head(wire::ResponseHead& head, const masking::Engine& engine) {
  std::vector<audit::MaskedSpan> masks;
  const std::string reason = masked_value(head.reason(), engine, &masks);
  if (!masks.empty()) wire::replace_reason(head, reason);
  for (audit::MaskedSpan& mask : mask_fields(head, engine)) masks.push_back(std::move(mask));
  return masks;
}

audit::Fields fields_for_record(const wire::FieldSection& head, const Ruleset& ruleset) {
  audit::Fields fields;
  fields.reserve(head.fields.size());
  for (const wire::Field& field : head.fields)
    fields.emplace_back(head.name(field), head.value(field));
  ruleset.redact(fields);
  for (auto& [name, value] : fields) value = masked_value(value, *ruleset.record_engine(), nullptr);
  return fields;
}

}  // namespace veilwire::flow
