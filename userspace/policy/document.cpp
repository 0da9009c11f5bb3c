#include "userspace/policy/document.h"

#include <algorithm>

#include <toml++/toml.h>

namespace veilwire::policy {
namespace {

Place place_of(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line),
          static_cast<std::uint32_t>(region.begin.column)};
}

// Depth is bounded by toml++ (TOML_MAX_NESTED_VALUES), so the recursion is too.
Value convert(const toml::node& node) {
  Value value;
  value.place = place_of(node.source());
  if (const auto* table = node.as_table()) {
    value.kind = Value::Kind::Table;
    for (const auto& [key, child] : *table)
      value.members.push_back({std::string(key.str()), place_of(key.source()), convert(child)});
    // toml++ keeps a sorted map; messages and "first match wins" want the order of the file.
    std::stable_sort(
        value.members.begin(), value.members.end(), [](const Member& a, const Member& b) {
          return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
        });
  } else if (const auto* array = node.as_array()) {
    value.kind = Value::Kind::Array;
    for (const auto& child : *array) value.items.push_back(convert(child));
  } else if (const auto* text = node.as_string()) {
    value.kind = Value::Kind::String;
    value.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Value::Kind::Integer;
    value.number = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.kind = Value::Kind::Boolean;
    value.number = boolean->get() ? 1 : 0;
  } else if (node.is_floating_point()) {
    value.kind = Value::Kind::Float;
  } else {
    value.kind = Value::Kind::Time;
  }
  return value;
}

}  // namespace

std::string_view to_string(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::String:
      return "a string";
    case Value::Kind::Integer:
      return "an integer";
    case Value::Kind::Float:
      return "a fractional number";
    case Value::Kind::Boolean:
      return "true or false";
    case Value::Kind::Time:
      return "a date or time";
    case Value::Kind::Array:
      return "a list";
    case Value::Kind::Table:
      return "a table";
  }
  return "a value";
}

Result<Value, PolicyError> parse_document(std::string_view toml, std::string_view file) {
  const toml::parse_result parsed = toml::parse(toml, file);
  if (!parsed) {
    const Place place = place_of(parsed.error().source());
    return Unexpected{PolicyError{std::string(file), place.line, place.column,
                                  std::string(parsed.error().description())}};
  }
  return convert(parsed.table());
}

}  // namespace veilwire::policy
