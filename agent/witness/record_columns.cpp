#include "agent/witness/record_columns.h"

#include "userspace/audit/canonical_json.h"

#include <algorithm>
#include <variant>

namespace veilwire::witness {
namespace {

const identity::Person* person_of(const audit::Record& record) {
  if (const auto* head = std::get_if<audit::RequestHead>(&record.body)) return &head->person;
  if (const auto* change = std::get_if<audit::IdentityChange>(&record.body)) return &change->person;
  return nullptr;
}

// At most so many bytes, and no part of a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= kColumnBytes) return text;
  std::size_t end = kColumnBytes;
  while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

std::string column_text(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool whole = audit::is_utf8(text);
  if (whole && text.find('\0') == text.npos) return std::string(cut(text));
  std::string out;
  for (const char c : whole ? cut(text) : text.substr(0, kColumnBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte != 0 && (whole || byte < 0x80)) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return std::string(cut(out));
}

RecordColumns columns_of(const std::optional<audit::Parsed>& parsed) {
  if (!parsed) return {.kind = "unreadable", .host = {}, .session = {}, .person = {}};
  const audit::Record& record = parsed->record;
  RecordColumns out{.kind = std::string(audit::kind(record)),
                    .host = column_text(record.context.host),
                    .session = column_text(record.context.session),
                    .exchange = record.context.exchange,
                    .wall_ns = record.time.wall.since_epoch.count(),
                    .person = {}};
  if (const auto* person = person_of(record)) {
    out.person = {column_text(person->issuer), column_text(person->subject),
                  column_text(person->name)};
  }
  return out;
}

}  // namespace veilwire::witness
