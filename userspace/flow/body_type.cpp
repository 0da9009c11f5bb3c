#include "userspace/flow/body_type.h"

#include "userspace/base/ascii.h"
#include "userspace/flow/body_editor.h"
#include "userspace/flow/head_edit.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace veilwire::flow {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kJsonLines = "application/jsonl";
constexpr std::string_view kEvents = "text/event-stream";
constexpr std::string_view kText = "text/plain";
constexpr std::string_view kNoText = "application/octet-stream";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Text that is not named so shows itself within these; archives and media do not last as long.
constexpr std::size_t kLook = 512;
// The scanner may give one event for each byte: a slice bounds them.
constexpr std::size_t kSlice = 4096;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Never text, and the client is not told to read it as anything else.
bool is_media(std::string_view type) {
  return type.starts_with("image/") || type.starts_with("audio/") || type.starts_with("video/") ||
         type.starts_with("font/") || type == "application/pdf" || type == "application/zip" ||
         type == "application/gzip";
}

// Encodings in which no rule would find its ASCII: what one recipient reads in them, another one
// reads as UTF-8.
bool hides_ascii(std::string_view value) {
  constexpr std::string_view kCharset = "charset=";
  for (std::size_t at = 0; (at = value.find(kCharset, at)) != std::string_view::npos;) {
    at += kCharset.size();
    std::string_view name = wire::trim_blanks(value.substr(at, value.find(';', at) - at));
    if (name.starts_with('"')) name.remove_prefix(1);
    for (const std::string_view one : {"utf-16", "utf16", "utf-32", "utf32", "utf-7", "ucs-",
                                       "ucs2", "ucs4", "unicode", "iso-10646"})
      if (name.starts_with(one)) return true;
  }
  return false;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\x1b') ||
         byte == 0x7f;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Fields of a server-sent stream; a line that begins with a colon is a comment.
constexpr std::array<std::string_view, 5> kEventFields{"data:", "event:", "id:", "retry:", ":"};

}  // namespace

BodyType body_type(const wire::FieldSection& head, policy::Service service, bool stream_asked) {
  const std::string type = media_type(head);
  const std::string value = to_lower(head.sole_value("content-type").value_or(""));
  if (hides_ascii(value)) return {.media_type = type, .fault = "an encoding other than UTF-8"};
  if (service != policy::Service::Generic) {
    const bool json = has(value, kJson), events = has(value, kEvents);
    if (json && events) return {.media_type = type, .fault = "a type of two meanings"};
    if (type != kJson && json) return {.media_type = std::string(kJson)};
    if (type != kEvents && events) return {.media_type = std::string(kEvents)};
  }
  if (type == kEvents || is_json_type(type) || is_json_lines_type(type))
    return {.media_type = type};
  if (stream_asked) return {.media_type = std::string(kEvents)};
  const bool text = is_text_type(type);
  const bool look = !is_media(type) && !(text && service == policy::Service::Generic);
  return {.media_type = type, .look = look};
}

BodyLook::BodyLook(policy::Service service, std::string_view media_type)
    : events_(service != policy::Service::Generic),
      named_(media_type.empty() || is_text_type(media_type)) {}

std::optional<std::string_view> BodyLook::feed(std::string_view bytes) {
  for (const char c : bytes.substr(0, kLook - checked_)) {
    if (is_control(c) || !utf8_.take(static_cast<unsigned char>(c))) no_text_ = true;
    ++checked_;
  }
  const bool began = like_ != Like::Unknown;
  while (like_ == Like::Unknown && !bytes.empty()) {
    // In front of the first value a scanner skips white space too, as clients do.
    if (!start_.empty() || !is_blank(bytes.front())) start_ += bytes.front();
    bytes.remove_prefix(1);
    look_at_start();
  }
  if (like_ == Like::Json && !began) read_json(start_);
  if (like_ == Like::Json) read_json(bytes);
  if (lines_) return kJsonLines;
  if (like_ == Like::Events) return kEvents;
  if (like_ == Like::Text && (named_ || no_text_ || checked_ == kLook)) return text();
  return std::nullopt;
}

void BodyLook::look_at_start() {
  std::string_view start = start_;
  if (kByteOrderMark.starts_with(start)) return;
  if (start.starts_with(kByteOrderMark)) start.remove_prefix(kByteOrderMark.size());
  while (!start.empty() && is_blank(start.front())) start.remove_prefix(1);
  if (start.empty()) return;
  like_ = Like::Text;
  if (start.front() == '{' || start.front() == '[') like_ = Like::Json;
  if (!events_) return;
  for (const std::string_view field : kEventFields) {
    if (start.starts_with(field)) like_ = Like::Events;
    if (field.size() > start.size() && field.starts_with(start)) like_ = Like::Unknown;
  }
}

void BodyLook::read_json(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view slice = bytes.substr(0, kSlice);
    const std::uint64_t begin = scanner_.offset();
    events_seen_.clear();
    const auto scanned = scanner_.feed(slice, events_seen_);
    // Of a number or an escape that began in front of the slice the fault may lie there.
    const auto fault = static_cast<std::size_t>(
        scanned ? slice.size() : std::max(scanned.error().offset, begin) - begin);
    std::string_view behind = slice.substr(0, fault);
    if (scanner_.depth() == 0) {
      if (!value_ended_)
        behind.remove_prefix(std::min(behind.find_last_of("}]") + 1, behind.size()));
      value_ended_ = true;
      line_ended_ = line_ended_ || has(behind, "\n");
    }
    if (!scanned) {
      lines_ = line_ended_ && (slice[fault] == '{' || slice[fault] == '[');
      if (!lines_) like_ = Like::Text;
      return;
    }
    bytes.remove_prefix(slice.size());
  }
}

std::string_view BodyLook::finish() {
  if (like_ != Like::Json) return text();
  events_seen_.clear();
  return scanner_.finish(events_seen_) ? kJson : text();
}

std::string_view BodyLook::give_up() const { return like_ == Like::Json ? kJson : text(); }

std::string_view BodyLook::text() const { return named_ || !no_text_ ? kText : kNoText; }

}  // namespace veilwire::flow
