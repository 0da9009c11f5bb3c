// JSON of tokens and key sets as plain values. Parsers differ over a member that comes twice, and
// so a signed header could say `RS256` to one and `none` to another: here it is an error at every
// depth (RFC 8725, 2.4; RFC 7515, 4). Keeps nlohmann's parser in one .cpp. Tested by
// tests/unit/identity/strict_json_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

struct JsonMember;

struct JsonValue {
  enum class Kind : std::uint8_t { Null, Boolean, Integer, Real, String, Array, Object };
  Kind kind = Kind::Null;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;   // written with a fraction or an exponent, or beyond 64 bits; always finite
  std::string text;  // UTF-8; may hold any character, U+0000 too
  std::vector<JsonValue> elements;
  std::vector<JsonMember> members;  // in the order of the text, no name twice

  // The member of that name, or what several names lead to, each inside of the one before. nullptr:
  // none.
  const JsonValue* find(std::string_view name) const;
  const JsonValue* find(const std::vector<std::string>& path) const;

  // The member of that name where it is there and of that kind.
  const std::string* text_at(std::string_view name) const;
  std::optional<bool> boolean_at(std::string_view name) const;
  std::optional<std::int64_t> integer_at(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

enum class JsonFault : std::uint8_t {
  TooLarge,         // over the caller's bound
  NotAnObject,      // the text does not begin with "{" behind white space
  NotJson,          // not RFC 8259: grammar, UTF-8, a lone surrogate, anything behind the object
  NumberTooLarge,   // beyond a double, such as 1e400
  DuplicateMember,  // an object, at any depth, has a name twice once escapes are decoded
  TooDeep,          // over limits::kTokenJsonDepth
  TooManyValues,    // over limits::kTokenJsonValues
};

Result<JsonValue, JsonFault> read_json_object(std::string_view json, std::size_t most_bytes);

}  // namespace veilwire::identity
