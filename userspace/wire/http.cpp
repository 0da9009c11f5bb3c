// Lookup and edits on the head of a message; see http.h. Tested by tests/unit/wire/http_test.cpp.
#include "userspace/wire/http.h"

#include "userspace/base/ascii.h"
#include "userspace/base/secret.h"

#include <algorithm>
#include <array>

namespace veilwire::wire {
namespace {

// Edits keep spans right by moving every one that begins at or behind the edited place.
void shift(Span& span, std::size_t from, std::ptrdiff_t by) {
  if (span.offset >= from) {
    span.offset = static_cast<std::uint32_t>(static_cast<std::ptrdiff_t>(span.offset) + by);
  }
}

void shift_fields(std::vector<Field>& fields, std::size_t first, std::size_t from,
                  std::ptrdiff_t by) {
  for (std::size_t i = first; i < fields.size(); ++i) {
    shift(fields[i].line, from, by);
    shift(fields[i].name, from, by);
    shift(fields[i].value, from, by);
  }
}

// part: the only span of the start line that is not in front of what changes.
void replace_in_start_line(FieldSection& section, Span& part, std::string_view text) {
  const std::string copy(text);  // it may lie in raw
  const std::ptrdiff_t by =
      static_cast<std::ptrdiff_t>(copy.size()) - static_cast<std::ptrdiff_t>(part.size);
  section.raw.replace(part.offset, part.size, copy);
  part.size = static_cast<std::uint32_t>(copy.size());
  shift_fields(section.fields, 0, part.offset, by);
}

bool is_token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// Named in Connection these stay nevertheless: without them the message would be another one.
constexpr std::array<std::string_view, 11> kEndToEnd = {
    "Host",          "Content-Length",   "Content-Type",  "Content-Encoding",
    "Content-Range", "Authorization",    "Cookie",        "Set-Cookie",
    "X-Api-Key",     "WWW-Authenticate", "Cache-Control",
};

bool is_end_to_end(std::string_view name) {
  return std::any_of(kEndToEnd.begin(), kEndToEnd.end(),
                     [&](std::string_view kept) { return equal_ignoring_case(kept, name); });
}

}  // namespace

std::string_view to_string(HttpError error) {
  switch (error) {
    case HttpError::HeadTooLarge:
      return "head too large";
    case HttpError::TooManyFields:
      return "too many fields";
    case HttpError::BareLf:
      return "line ends in LF without CR";
    case HttpError::BareCr:
      return "CR without LF";
    case HttpError::ControlByte:
      return "control byte in head";
    case HttpError::BadMethod:
      return "bad method";
    case HttpError::BadTarget:
      return "bad request target";
    case HttpError::BadVersion:
      return "bad HTTP version";
    case HttpError::BadStatus:
      return "bad status";
    case HttpError::ObsFold:
      return "folded field line";
    case HttpError::MissingColon:
      return "field line without colon";
    case HttpError::BadFieldName:
      return "bad field name";
    case HttpError::SpaceBeforeColon:
      return "white space before colon";
    case HttpError::BadFieldValue:
      return "bad field value";
    case HttpError::LengthAndCoding:
      return "Content-Length with Transfer-Encoding";
    case HttpError::RepeatedLength:
      return "repeated Content-Length";
    case HttpError::BadLength:
      return "bad Content-Length";
    case HttpError::LengthOverflow:
      return "Content-Length too large";
    case HttpError::BadTransferCoding:
      return "transfer coding other than chunked";
    case HttpError::CodingInHttp10:
      return "Transfer-Encoding in HTTP/1.0";
    case HttpError::BodyNotAllowed:
      return "framing fields where no body can be";
    case HttpError::BadConnection:
      return "bad Connection";
    case HttpError::MissingHost:
      return "missing Host";
    case HttpError::RepeatedHost:
      return "repeated Host";
    case HttpError::BadHost:
      return "bad Host";
    case HttpError::AuthorityMismatch:
      return "target and Host differ";
    case HttpError::UnexpectedUpgrade:
      return "upgrade not asked for";
    case HttpError::UnexpectedAnswer:
      return "response without request";
    case HttpError::TooManyInterim:
      return "too many interim responses";
    case HttpError::BadChunkSize:
      return "bad chunk size";
    case HttpError::ChunkSizeOverflow:
      return "chunk size too large";
    case HttpError::BadChunkExtension:
      return "bad chunk extension";
    case HttpError::ChunkLineTooLong:
      return "chunk line too long";
    case HttpError::BadChunkEnd:
      return "chunk does not end in CRLF";
    case HttpError::TrailersTooLarge:
      return "trailers too large";
    case HttpError::ForbiddenTrailer:
      return "forbidden trailer";
    case HttpError::EndedEarly:
      return "ended early";
  }
  return "unknown";
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_value_char);
}

std::string_view trim_blanks(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t FieldSection::count(std::string_view wanted) const {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(),
                    [&](const Field& field) { return equal_ignoring_case(name(field), wanted); }));
}

const Field* FieldSection::find(std::string_view wanted) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
    return equal_ignoring_case(name(field), wanted);
  });
  return found == fields.end() ? nullptr : &*found;
}

std::optional<std::string_view> FieldSection::sole_value(std::string_view wanted) const {
  if (count(wanted) != 1) return std::nullopt;
  return value(*find(wanted));
}

std::vector<std::string_view> FieldSection::values(std::string_view wanted) const {
  std::vector<std::string_view> result;
  for (const Field& field : fields) {
    if (equal_ignoring_case(name(field), wanted)) result.push_back(value(field));
  }
  return result;
}

std::vector<std::string_view> FieldSection::list(std::string_view wanted) const {
  std::vector<std::string_view> members;
  const auto add = [&](std::string_view member) {
    member = trim_blanks(member);
    if (!member.empty()) members.push_back(member);
  };
  for (const std::string_view text : values(wanted)) {
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (quoted && text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        quoted = !quoted;
      } else if (text[i] == ',' && !quoted) {
        add(text.substr(begin, i - begin));
        begin = i + 1;
      }
    }
    add(text.substr(begin));
  }
  return members;
}

bool FieldSection::lists(std::string_view wanted, std::string_view token) const {
  const std::vector<std::string_view> members = list(wanted);
  return std::any_of(members.begin(), members.end(),
                     [&](std::string_view member) { return equal_ignoring_case(member, token); });
}

void remove_field(FieldSection& section, std::size_t index) {
  const Span line = section.fields.at(index).line;
  section.raw.erase(line.offset, line.size);
  section.fields.erase(section.fields.begin() + static_cast<std::ptrdiff_t>(index));
  shift_fields(section.fields, index, line.offset, -static_cast<std::ptrdiff_t>(line.size));
}

std::size_t remove_fields(FieldSection& section, std::string_view name) {
  std::size_t removed = 0;
  for (std::size_t i = section.fields.size(); i-- > 0;) {
    if (!equal_ignoring_case(section.name(section.fields[i]), name)) continue;
    remove_field(section, i);
    ++removed;
  }
  return removed;
}

Result<void, HttpError> replace_value(FieldSection& section, std::size_t index,
                                      std::string_view value) {
  if (!is_field_value(value)) return Unexpected{HttpError::BadFieldValue};
  Field& field = section.fields.at(index);
  const std::ptrdiff_t by =
      static_cast<std::ptrdiff_t>(value.size()) - static_cast<std::ptrdiff_t>(field.value.size);
  const std::string copy(value);  // it may lie in raw
  section.raw.replace(field.value.offset, field.value.size, copy);
  field.value.size = static_cast<std::uint32_t>(copy.size());
  field.line.size = static_cast<std::uint32_t>(static_cast<std::ptrdiff_t>(field.line.size) + by);
  shift_fields(section.fields, index + 1, field.value.offset, by);
  return {};
}

void replace_target(RequestHead& head, std::string_view target) {
  replace_in_start_line(head, head.target_span, target);
}

void replace_reason(ResponseHead& head, std::string_view reason) {
  replace_in_start_line(head, head.reason_span, reason);
}

Result<void, HttpError> append_field(FieldSection& section, std::string_view name,
                                     std::string_view value) {
  if (!is_token(name)) return Unexpected{HttpError::BadFieldName};
  if (!is_field_value(value)) return Unexpected{HttpError::BadFieldValue};
  std::string line;
  line.append(name).append(": ").append(value).append("\r\n");
  if (section.raw.empty()) section.raw = "\r\n";
  const std::size_t at = section.raw.size() - 2;
  section.raw.insert(at, line);
  wipe(line.data(), line.size());  // some values are credentials
  const auto begin = static_cast<std::uint32_t>(at);
  const auto name_size = static_cast<std::uint32_t>(name.size());
  section.fields.push_back({{begin, static_cast<std::uint32_t>(line.size())},
                            {begin, name_size},
                            {begin + name_size + 2, static_cast<std::uint32_t>(value.size())}});
  return {};
}

Result<void, HttpError> set_field(FieldSection& section, std::string_view name,
                                  std::string_view value) {
  const Field* first = section.find(name);
  if (first == nullptr) return append_field(section, name, value);
  const auto index = static_cast<std::size_t>(first - section.fields.data());
  if (auto replaced = replace_value(section, index, value); !replaced) return replaced;
  for (std::size_t i = section.fields.size(); i-- > index + 1;) {
    if (equal_ignoring_case(section.name(section.fields[i]), name)) remove_field(section, i);
  }
  return {};
}

void strip_hop_by_hop(FieldSection& section, UpgradeFields upgrade) {
  const bool keep = upgrade == UpgradeFields::Keep && section.lists("Connection", "upgrade");
  std::vector<std::string> named;
  for (const std::string_view option : section.list("Connection")) {
    if (is_end_to_end(option)) continue;
    if (equal_ignoring_case(option, "upgrade")) continue;
    named.emplace_back(option);
  }
  for (const std::string& name : named) remove_fields(section, name);
  for (const std::string_view name : {"Keep-Alive", "TE", "Transfer-Encoding"}) {
    remove_fields(section, name);
  }
  for (std::size_t i = section.fields.size(); i-- > 0;) {
    const std::string_view name = section.name(section.fields[i]);
    if (name.size() > 6 && equal_ignoring_case(name.substr(0, 6), "Proxy-")) {
      remove_field(section, i);
    }
  }
  if (!keep) {
    remove_fields(section, "Connection");
    remove_fields(section, "Upgrade");
    return;
  }
  if (section.count("Connection") == 1 && section.list("Connection").size() == 1) return;
  // Cannot fail: both are constants that fit.
  (void)set_field(section, "Connection", "Upgrade");
}

Result<ResponseHead, HttpError> make_response_head(
    int status, std::string_view reason,
    const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  if (status < 100 || status > 999) return Unexpected{HttpError::BadStatus};
  if (!is_field_value(reason)) return Unexpected{HttpError::BadFieldValue};
  ResponseHead head;
  head.status = status;
  head.raw = "HTTP/1.1 " + std::to_string(status) + " ";
  head.reason_span = {static_cast<std::uint32_t>(head.raw.size()),
                      static_cast<std::uint32_t>(reason.size())};
  head.raw.append(reason).append("\r\n\r\n");
  for (const auto& [name, value] : fields) {
    if (auto added = append_field(head, name, value); !added) return Unexpected{added.error()};
  }
  return head;
}

}  // namespace veilwire::wire
