#include "userspace/wire/host_name.h"

#include "userspace/base/ascii.h"

#include <algorithm>

namespace veilwire::wire {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The last label of a name decides whether some resolver reads the whole as an IPv4 address:
// "1.2.3.4", "0x7f.1", "127.1" (WHATWG URL, "ends in a number"). No top-level domain is a number.
bool ends_in_a_number(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  std::string_view label = dot == name.npos ? name : name.substr(dot + 1);
  if (std::all_of(label.begin(), label.end(), is_digit)) return true;
  if (label.size() < 2 || label[0] != '0' || to_lower(label[1]) != 'x') return false;
  label.remove_prefix(2);
  return std::all_of(label.begin(), label.end(), [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
  });
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
    return false;
  return std::all_of(label.begin(), label.end(), [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
  });
}

}  // namespace

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || ends_in_a_number(name)) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace veilwire::wire
