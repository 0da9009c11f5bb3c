#include "agent/forwarder/header_lines.h"

#include <algorithm>
#include <array>

namespace veilwire::forwarder {
namespace {

// They say where a request ends, what it is and whom it is for.
constexpr std::array<std::string_view, 6> kOurs = {"host",           "connection",
                                                   "content-type",   "content-encoding",
                                                   "content-length", "transfer-encoding"};

// RFC 9110, 5.6.2.
bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != kMarks.npos;
  });
}

bool is_ours(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::find(kOurs.begin(), kOurs.end(), lower) != kOurs.end();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) + 1 - from);
}

}  // namespace

Result<HeaderFields, std::string> read_header_lines(std::string_view text) {
  HeaderFields fields;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty() || content.front() == '#') continue;
    const auto wrong = [&](const char* why) {
      return Unexpected{"line " + std::to_string(line) + ": " + why};
    };
    const std::size_t colon = std::min(content.find(':'), content.size());
    const std::string_view name = content.substr(0, colon);
    if (colon == content.size() || !is_token(name)) return wrong("is not \"Name: value\"");
    if (is_ours(name)) return wrong("is a field that is ours to write");
    const std::string_view value = trimmed(content.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; }))
      return wrong("has a value that is not printable ASCII");
    fields.emplace_back(name, value);
  }
  return fields;
}

}  // namespace veilwire::forwarder
