#include "agent/ctl/browser_request.h"

#include <algorithm>
#include <charconv>

namespace veilwire::ctl {
namespace {

constexpr std::size_t kMostHead = 16 * 1024;
constexpr std::string_view kLine = "\r\n", kEnd = "\r\n\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The value of the one field of this name; nullopt: there is none, or several.
std::optional<std::string> only_field(std::string_view fields, std::string_view name) {
  std::optional<std::string> value;
  while (!fields.empty()) {
    const std::string_view line = fields.substr(0, fields.find(kLine));
    fields.remove_prefix(std::min(line.size() + kLine.size(), fields.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || lower(line.substr(0, colon)) != name) continue;
    if (value) return std::nullopt;
    value = lower(trimmed(line.substr(colon + 1)));
  }
  return value;
}

std::optional<std::size_t> number(const std::string& text) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

BrowserRead read_browser_request(std::string_view bytes, std::size_t most_form,
                                 BrowserRequest& request) {
  const std::size_t end = bytes.find(kEnd);
  if (std::min(end, bytes.size()) > kMostHead) return BrowserRead::TooLarge;
  if (end == std::string_view::npos) return BrowserRead::More;
  const std::string_view head = bytes.substr(0, end);
  const std::string_view line = head.substr(0, head.find(kLine));
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last ||
      !line.substr(last + 1).starts_with("HTTP/1."))
    return BrowserRead::Refused;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.empty() || target.find(' ') != std::string_view::npos) return BrowserRead::Refused;
  request = {.target = std::string(target)};
  if (method == "GET") return BrowserRead::Whole;
  if (method != "POST" || most_form == 0) return BrowserRead::Refused;

  const std::string_view fields = head.substr(std::min(line.size() + kLine.size(), head.size()));
  const auto type = only_field(fields, "content-type");
  const auto length = number(only_field(fields, "content-length").value_or(""));
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  if (!type || trimmed(std::string_view(*type).substr(0, type->find(';'))) != kForm || !length)
    return BrowserRead::Refused;
  if (*length > most_form) return BrowserRead::TooLarge;
  const std::string_view body = bytes.substr(end + kEnd.size());
  if (body.size() < *length) return BrowserRead::More;
  request.form = body.substr(0, *length);
  return BrowserRead::Whole;
}

}  // namespace veilwire::ctl
