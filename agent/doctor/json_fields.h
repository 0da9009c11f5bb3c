// Members of a JSON document that another program wrote: what is absent or of another type is the
// fallback, since a newer program may say it otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::doctor {

using Json = nlohmann::json;

// An empty object for what is none.
inline Json object_of(std::string_view text) {
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_object() ? parsed : Json::object();
}

inline Json member(const Json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : Json();
}

inline bool is_true(const Json& object, std::string_view key) {
  return member(object, key) == Json(true);
}

inline std::string text_of(const Json& object, std::string_view key) {
  const Json value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::uint64_t count_of(const Json& object, std::string_view key) {
  const Json value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

inline Json list_of(const Json& object, std::string_view key) {
  Json value = member(object, key);
  return value.is_array() ? value : Json::array();
}

}  // namespace veilwire::doctor
