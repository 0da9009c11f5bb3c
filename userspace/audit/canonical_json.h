// A writer of RFC 8785 objects as far as records need it: strings and integers occur, member names
// are ASCII. A general JSON library would print numbers and escapes its own way; here every byte is
// decided in this one file. Tested by tests/unit/audit/canonical_json_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::audit {

// Well-formed UTF-8 as in RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view bytes);

// Appends text as a JSON string with its quotes, RFC 8785 section 3.2.2.2. text must be UTF-8.
void append_string(std::string& out, std::string_view text);

// One object. Members may be added in any order; each name once.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);   // or NAME_base64
  JsonObject& bytes(std::string_view name, std::string_view value);  // always NAME_base64
  JsonObject& number(std::string_view name, std::uint64_t value);    // clamped, see kLargestInteger
  JsonObject& decimal(std::string_view name, std::uint64_t value);   // as a string, exact
  JsonObject& decimal(std::string_view name, std::int64_t value);
  JsonObject& json(std::string_view name, std::string value);  // canonical already
  std::string finish();

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

// An array whose elements are added one by one.
class JsonArray {
 public:
  JsonArray& text(std::string_view value);  // or {"base64": "..."}
  JsonArray& json(std::string_view value);
  std::string finish();

 private:
  std::string out_ = "[";
};

}  // namespace veilwire::audit
