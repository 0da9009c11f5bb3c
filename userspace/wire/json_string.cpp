// Decodes and encodes the content of JSON strings; see json_scanner.h. Tested by
// tests/unit/wire/json_string_test.cpp.
#include "userspace/wire/json_scanner.h"

#include <algorithm>

namespace veilwire::wire {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char byte(unsigned value) { return static_cast<char>(static_cast<unsigned char>(value)); }

void append_unit(unsigned unit, std::string& out) {
  if (unit < 0x80) {
    out += byte(unit);
  } else if (unit < 0x800) {
    out += byte(0xC0 | (unit >> 6));
    out += byte(0x80 | (unit & 0x3F));
  } else {
    out += byte(0xE0 | (unit >> 12));
    out += byte(0x80 | ((unit >> 6) & 0x3F));
    out += byte(0x80 | (unit & 0x3F));
  }
}

// What the escape stands for; nothing where it is none. NUL is never one: it needs \u0000.
char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

void append_unicode_escape(unsigned unit, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 0xF];
}

void append_escaped_ascii(char c, std::string& out) {
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
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) < 0x20)
    return append_unicode_escape(static_cast<unsigned char>(c), out);
  out += c;
}

}  // namespace

Result<void, JsonError> JsonStringDecoder::feed(std::string_view raw, std::string& out,
                                                std::vector<Run>& runs) {
  return decode(raw, out, &runs);
}

Result<void, JsonError> JsonStringDecoder::feed(std::string_view raw, std::string& out) {
  return decode(raw, out, nullptr);
}

Result<void, JsonError> JsonStringDecoder::decode(std::string_view raw, std::string& out,
                                                  std::vector<Run>* runs) {
  const auto add_run = [&](std::size_t raw_size, std::size_t decoded) {
    if (runs == nullptr) return;
    runs->push_back({static_cast<std::uint32_t>(raw_size), static_cast<std::uint32_t>(decoded)});
  };
  while (!raw.empty()) {
    if (escape_.empty() && raw.front() != '\\') {
      const std::size_t size = std::min(raw.find('\\'), raw.size());
      out += raw.substr(0, size);
      add_run(size, size);
      raw.remove_prefix(size);
      continue;
    }
    const char c = raw.front();
    raw.remove_prefix(1);
    escape_ += c;
    if (escape_.size() == 1 || (escape_.size() == 2 && c == 'u')) continue;
    if (escape_.size() == 2) {
      const char decoded = simple_escape(c);
      if (decoded == '\0') return Unexpected{JsonError::BadEscape};
      out += decoded;
      add_run(2, 1);
      escape_.clear();
      continue;
    }
    if (hex_value(c) < 0) return Unexpected{JsonError::BadEscape};
    if (escape_.size() < 6) continue;
    unsigned unit = 0;
    for (const char digit : std::string_view(escape_).substr(2)) {
      unit = unit * 16 + static_cast<unsigned>(hex_value(digit));
    }
    const std::size_t before = out.size();
    append_unit(unit, out);
    add_run(6, out.size() - before);
    escape_.clear();
  }
  return {};
}

void append_json_escaped(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (static_cast<unsigned char>(bytes.front()) < 0x80) {
      append_escaped_ascii(bytes.front(), out);
      bytes.remove_prefix(1);
      continue;
    }
    Utf8Checker checker(Utf8::Surrogates);
    std::size_t size = 0;
    bool valid = true;
    do {
      valid = size < bytes.size() && checker.take(static_cast<unsigned char>(bytes[size]));
      if (valid) ++size;
    } while (valid && !checker.complete());
    if (!valid) {
      out += "\xEF\xBF\xBD";
      size = std::max<std::size_t>(size, 1);
    } else if (size == 3 && bytes[0] == '\xED' && static_cast<unsigned char>(bytes[1]) >= 0xA0) {
      const auto middle = static_cast<unsigned>(static_cast<unsigned char>(bytes[1]) & 0x3FU);
      const auto last = static_cast<unsigned>(static_cast<unsigned char>(bytes[2]) & 0x3FU);
      append_unicode_escape(0xD000U | (middle << 6U) | last, out);
    } else {
      out += bytes.substr(0, size);
    }
    bytes.remove_prefix(size);
  }
}

}  // namespace veilwire::wire
