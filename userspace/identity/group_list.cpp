#include "userspace/identity/group_list.h"

#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

bool fit_for_records(const JsonValue& value) {
  return value.kind == JsonValue::Kind::String && printable(value.text) &&
         value.text.size() <= limits::kTokenText;
}

}  // namespace

std::optional<std::vector<std::string>> read_group_list(const JsonValue& value) {
  std::vector<std::string> out;
  if (fit_for_records(value)) return out.push_back(value.text), out;
  if (value.kind != JsonValue::Kind::Array || value.elements.size() > limits::kTokenGroups)
    return std::nullopt;
  for (const JsonValue& element : value.elements) {
    if (!fit_for_records(element)) return std::nullopt;
    out.push_back(element.text);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace veilwire::identity
