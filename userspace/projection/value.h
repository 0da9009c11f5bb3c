// What projections are made of before they become bytes: a tree that every format can spell.
// Whatever a peer sent, text in it is UTF-8 and numbers are finite, so that no format has to look
// again. Tested by tests/unit/projection/value_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace veilwire::projection {

// A name, an address, a reason: of a longer one the beginning (a header field of 64 KiB in each of
// ten attributes).
inline constexpr std::size_t kLongestText = 2048;

class Value {
 public:
  using List = std::vector<Value>;
  using Members = std::vector<std::pair<std::string, Value>>;  // in the order they were added
  struct Bytes {
    std::string bytes;
    friend bool operator==(const Bytes&, const Bytes&) = default;
  };
  using Any =
      std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes, List, Members>;

  Value() = default;  // null

  // What is not UTF-8 becomes U+FFFD; beyond kLongestText it ends in "...".
  static Value text(std::string_view text);
  // All of it: a string where it is UTF-8, else bytes.
  static Value content(std::string_view content);
  static Value boolean(bool value);
  static Value number(std::uint64_t value);  // at most INT64_MAX
  static Value integer(std::int64_t value);
  static Value real(double value);  // 0 for what is not finite
  static Value list(List values = {});
  static Value map();

  // To a map, whose names are ours and ASCII; each once.
  Value& add(std::string_view name, Value value);
  // The same where there is something to say.
  Value& add_text(std::string_view name, std::string_view text);
  // Names that came from outside, in texts that hold anything.
  Value& add_foreign(std::string_view name, Value value);
  // To a list.
  Value& push(Value value);

  const Any& any() const { return any_; }
  bool empty() const;  // a list or a map without anything in it
  friend bool operator==(const Value&, const Value&) = default;

 private:
  explicit Value(Any any) : any_(std::move(any)) {}
  Any any_;
};

// Well-formed UTF-8 in any case.
std::string clean(std::string_view text);
// At most `most` bytes of clean text, not cut inside of a character.
std::string_view prefix(std::string_view clean, std::size_t most);

// RFC 8259 without white space: no control characters, so that it is one line. Bytes are an object
// {"base64": "..."}.
std::string to_json(const Value& value);

}  // namespace veilwire::projection
