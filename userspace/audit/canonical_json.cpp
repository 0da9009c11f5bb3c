#include "userspace/audit/canonical_json.h"

#include "userspace/audit/record.h"
#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <cstring>

namespace veilwire::audit {
namespace {

// Length of the well-formed sequence at the front of bytes, 0 when there is none. The second byte's
// range excludes overlong forms (E0, F0), surrogates (ED) and what is above U+10FFFF (F4).
std::size_t sequence_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (length == 0 || bytes.size() < length || at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xBF) return 0;
  }
  return length;
}

bool stands_for_itself(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += "01"[c >> 4];
      out += "0123456789abcdef"[c & 15];
  }
}

std::string quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_string(out, text);
  return out;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    // Most text is ASCII: eight bytes at a time for as long as that holds.
    std::uint64_t word = 0;
    while (bytes.size() >= sizeof(word)) {
      std::memcpy(&word, bytes.data(), sizeof(word));
      if ((word & 0x8080808080808080U) != 0) break;
      bytes.remove_prefix(sizeof(word));
    }
    if (bytes.empty()) break;
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && stands_for_itself(text[run])) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) break;
    append_escape(out, text.front());
    text.remove_prefix(1);
  }
  out += '"';
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  if (!is_utf8(value)) return bytes(name, value);
  members_.emplace_back(name, quoted(value));
  return *this;
}

JsonObject& JsonObject::bytes(std::string_view name, std::string_view value) {
  members_.emplace_back(std::string(name) + "_base64", quoted(crypto::base64_encode(value)));
  return *this;
}

JsonObject& JsonObject::number(std::string_view name, std::uint64_t value) {
  members_.emplace_back(name, std::to_string(std::min(value, kLargestInteger)));
  return *this;
}

JsonObject& JsonObject::decimal(std::string_view name, std::uint64_t value) {
  members_.emplace_back(name, quoted(std::to_string(value)));
  return *this;
}

JsonObject& JsonObject::decimal(std::string_view name, std::int64_t value) {
  members_.emplace_back(name, quoted(std::to_string(value)));
  return *this;
}

JsonObject& JsonObject::json(std::string_view name, std::string value) {
  members_.emplace_back(name, std::move(value));
  return *this;
}

std::string JsonObject::finish() {
  // RFC 8785 sorts by UTF-16 code units; for ASCII names that is the order of the bytes.
  std::sort(members_.begin(), members_.end());
  std::string out = "{";
  for (const auto& [name, value] : members_) {
    if (out.size() > 1) out += ',';
    append_string(out, name);
    out += ':';
    out += value;
  }
  members_.clear();
  return out += '}';
}

JsonArray& JsonArray::text(std::string_view value) {
  return json(is_utf8(value)
                  ? quoted(value)
                  : JsonObject().json("base64", quoted(crypto::base64_encode(value))).finish());
}

JsonArray& JsonArray::json(std::string_view value) {
  if (out_.size() > 1) out_ += ',';
  out_ += value;
  return *this;
}

std::string JsonArray::finish() {
  std::string out = std::move(out_) + "]";
  out_ = "[";
  return out;
}

}  // namespace veilwire::audit
