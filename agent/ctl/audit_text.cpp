#include "agent/ctl/audit_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace veilwire::ctl {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Character {
  std::size_t length = 0;  // 0: the bytes end inside of it
  bool valid = false;
  char32_t value = 0;
};

// The first character of bytes, which is not empty. Overlong forms, surrogates and what is above
// U+10FFFF are not valid, and then length is 1.
Character first_character(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true, lead};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {1, false, lead};
  char32_t value = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= bytes.size()) return {};
    const unsigned char next = byte(i);
    unsigned char low = 0x80, high = 0xBF;
    if (i == 1) {
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    }
    if (next < low || next > high) return {1, false, lead};
    value = (value << 6) | (next & 0x3FU);
  }
  return {length, true, value};
}

// Controls (C0, DEL, C1), and what makes the text on the screen differ from the text: direction
// marks, overrides and isolates, line and paragraph separators, invisible joiners, tags.
bool acts(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE0FFF);
}

void append_escape(std::string& out, const Character& c) {
  std::array<char, 16> text{};
  const auto value = static_cast<unsigned>(c.value);
  const int n = c.valid && value >= 0x80
                    ? std::snprintf(text.data(), text.size(), "\\u{%04x}", value)
                    : std::snprintf(text.data(), text.size(), "\\x%02x", value);
  out.append(text.data(), static_cast<std::size_t>(n));
}

// Returns how much of bytes was a whole number of characters.
std::size_t append_visible(std::string& out, std::string_view bytes, bool keep_lines) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Character c = first_character(bytes.substr(at));
    if (c.length == 0) break;
    const bool stays = keep_lines && (c.value == '\n' || c.value == '\t');
    if (c.valid && (stays || !acts(c.value))) {
      out.append(bytes.substr(at, c.length));
    } else {
      append_escape(out, c);
    }
    at += c.length;
  }
  return at;
}

void append_bytes(std::string& out, std::string_view bytes) {
  for (const char c : bytes) append_escape(out, {1, false, static_cast<unsigned char>(c)});
}

std::optional<std::int64_t> integer(std::string_view digits) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (digits.empty() || digits[0] == '-' || error != std::errc{} ||
      end != digits.data() + digits.size())
    return std::nullopt;
  return n;
}

std::tm calendar(std::int64_t wall_ns) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(wall_ns)).count();
  std::tm out{};
  ::gmtime_r(&seconds, &out);
  return out;
}

}  // namespace

std::string VisibleText::feed(std::string_view bytes) {
  std::string out;
  held_.append(bytes);
  held_.erase(0, append_visible(out, held_, /*keep_lines=*/true));
  return out;
}

std::string VisibleText::finish() {
  std::string out;
  append_bytes(out, held_);
  held_.clear();
  return out;
}

std::string visible_line(std::string_view bytes) {
  std::string out;
  append_bytes(out, bytes.substr(append_visible(out, bytes, /*keep_lines=*/false)));
  return out;
}

std::string visible_cell(std::string_view bytes, std::size_t columns) {
  const std::string line = visible_line(bytes);
  std::size_t at = 0, count = 0, before_last = 0;
  while (at < line.size()) {
    if (count + 1 == columns) before_last = at;
    if (count++ == columns) return line.substr(0, before_last) + "…";
    at += first_character(std::string_view(line).substr(at)).length;
  }
  return line;
}

std::string visible_json(std::string_view json) {
  std::string out;
  std::size_t at = 0;
  while (at < json.size()) {
    Character c = first_character(json.substr(at));
    if (c.length == 0) c = {1, false, static_cast<unsigned char>(json[at])};
    if (c.valid && (c.value == '\n' || !acts(c.value))) {
      out.append(json.substr(at, c.length));
    } else {
      std::array<char, 16> text{};
      int n = 0;
      if (c.value > 0xFFFF) {
        const auto high = static_cast<unsigned>(0xD800 + ((c.value - 0x10000) >> 10));
        const auto low = static_cast<unsigned>(0xDC00 + ((c.value - 0x10000) & 0x3FF));
        n = std::snprintf(text.data(), text.size(), "\\u%04x\\u%04x", high, low);
      } else {
        n = std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(c.value));
      }
      out.append(text.data(), static_cast<std::size_t>(n));
    }
    at += c.length;
  }
  return out;
}

std::string wall_text(std::int64_t wall_ns) {
  const std::tm t = calendar(wall_ns);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(wall_ns));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d %02d:%02d:%02d.%03d UTC",
                t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                static_cast<int>(((ms.count() % 1000) + 1000) % 1000));
  return text.data();
}

std::string seconds_text(std::int64_t ns) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.3f s", static_cast<double>(ns) / kSecond);
  return text.data();
}

std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now_wall_ns) {
  if (text.empty() || text.size() > 32) return std::nullopt;
  if (text == "today") {
    const std::int64_t day = 86'400 * kSecond;
    return now_wall_ns - now_wall_ns % day;
  }
  const std::size_t unit = std::string_view("smhd").find(text.back());
  if (unit != std::string_view::npos) {
    constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86'400};
    const auto count = integer(text.substr(0, text.size() - 1));
    if (!count || *count > 100'000'000'000 / kSeconds[unit]) return std::nullopt;
    const std::int64_t back = *count * kSeconds[unit];
    return back > now_wall_ns / kSecond ? 0 : now_wall_ns - back * kSecond;
  }
  std::string plain(text);
  if (plain.back() == 'Z') plain.pop_back();
  if (plain.size() > 10 && plain[10] == 'T') plain[10] = ' ';
  for (const char* form : {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"}) {
    std::tm t{};
    const char* end = ::strptime(plain.c_str(), form, &t);
    if (end == nullptr || *end != '\0') continue;
    const std::tm given = t;
    const std::time_t seconds = ::timegm(&t);
    // timegm() makes the 31st of April the 1st of May; nobody means that.
    if (t.tm_mday != given.tm_mday || seconds < 0 || seconds > INT64_MAX / kSecond)
      return std::nullopt;
    return seconds * kSecond;
  }
  return std::nullopt;
}

}  // namespace veilwire::ctl
