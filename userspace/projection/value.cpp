#include "userspace/projection/value.h"

#include "userspace/audit/canonical_json.h"
#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace veilwire::projection {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kCut = "...";

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

struct Writer {
  std::string& out;

  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { out += std::to_string(value); }
  void operator()(double value) const {
    char text[32];  // the shortest that names the double has at most 24
    const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
    out.append(text, error == std::errc{} ? static_cast<std::size_t>(end - text) : 0);
  }
  void operator()(const std::string& text) const { audit::append_string(out, text); }
  void operator()(const Value::Bytes& bytes) const {
    out += R"({"base64":")";
    out += crypto::base64_encode(bytes.bytes);
    out += R"("})";
  }
  void operator()(const Value::List& list) const {
    out += '[';
    bool first = true;
    for (const Value& value : list) {
      if (!std::exchange(first, false)) out += ',';
      std::visit(*this, value.any());
    }
    out += ']';
  }
  void operator()(const Value::Members& members) const {
    out += '{';
    bool first = true;
    for (const auto& [name, value] : members) {
      if (!std::exchange(first, false)) out += ',';
      audit::append_string(out, name);
      out += ':';
      std::visit(*this, value.any());
    }
    out += '}';
  }
};

}  // namespace

std::string_view prefix(std::string_view clean, std::size_t most) {
  if (clean.size() <= most) return clean;
  while (most > 0 && continues(clean[most])) --most;
  return clean.substr(0, most);
}

std::string clean(std::string_view text) {
  if (audit::is_utf8(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    // The longest that a character can be; the shortest beginning that is one, else one byte less.
    std::size_t length = 1;
    while (length <= std::min<std::size_t>(4, text.size()) &&
           !audit::is_utf8(text.substr(0, length)))
      ++length;
    if (length <= std::min<std::size_t>(4, text.size())) {
      out += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      out += kReplacement;
      text.remove_prefix(1);
    }
  }
  return out;
}

Value Value::text(std::string_view text) {
  // A replacement is three bytes for one: what is looked at is bounded, and then what is kept.
  std::string kept = clean(text.substr(0, std::min(text.size(), kLongestText + 4)));
  if (text.size() > kLongestText || kept.size() > kLongestText) {
    kept = std::string(prefix(kept, kLongestText - kCut.size())) + std::string(kCut);
  }
  return Value(Any(std::move(kept)));
}

Value Value::content(std::string_view content) {
  if (audit::is_utf8(content)) return Value(Any(std::string(content)));
  return Value(Any(Bytes{std::string(content)}));
}

Value Value::boolean(bool value) { return Value(Any(value)); }

Value Value::number(std::uint64_t value) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return integer(static_cast<std::int64_t>(std::min(value, kMost)));
}

Value Value::integer(std::int64_t value) { return Value(Any(value)); }

Value Value::real(double value) { return Value(Any(std::isfinite(value) ? value : 0.0)); }

Value Value::list(List values) { return Value(Any(std::move(values))); }

Value Value::map() { return Value(Any(Members{})); }

Value& Value::add(std::string_view name, Value value) {
  std::get<Members>(any_).emplace_back(name, std::move(value));
  return *this;
}

Value& Value::add_text(std::string_view name, std::string_view text) {
  return text.empty() ? *this : add(name, Value::text(text));
}

Value& Value::add_foreign(std::string_view name, Value value) {
  std::get<Members>(any_).emplace_back(clean(name), std::move(value));
  return *this;
}

Value& Value::push(Value value) {
  std::get<List>(any_).push_back(std::move(value));
  return *this;
}

bool Value::empty() const {
  if (const auto* list = std::get_if<List>(&any_)) return list->empty();
  const auto* members = std::get_if<Members>(&any_);
  return members != nullptr && members->empty();
}

std::string to_json(const Value& value) {
  std::string out;
  std::visit(Writer{out}, value.any());
  return out;
}

}  // namespace veilwire::projection
