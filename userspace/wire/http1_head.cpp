// The head reader; see http1_head.h. Tested by tests/unit/wire/http1_test.cpp and
// smuggling_test.cpp.
#include "userspace/wire/http1_head.h"

#include "userspace/base/limits.h"

#include <utility>

namespace veilwire::wire {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

Span span(std::size_t offset, std::size_t size) {
  return {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(size)};
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// VCHAR without "#": a target has no fragment (RFC 9112, 3.2), and recipients differ on what to do
// with one.
bool is_target_char(char c) { return c > ' ' && c < 0x7f && c != '#'; }

}  // namespace

HeadReader::HeadReader(Kind kind)
    : kind_(kind),
      limit_(kind == Kind::Trailers ? limits::kHttpTrailers : limits::kHttpHead),
      start_line_read_(kind == Kind::Trailers) {}

Unexpected<HttpFault> HeadReader::fault(HttpError error, std::size_t offset) const {
  return Unexpected{HttpFault{error, offset}};
}

Result<std::size_t, HttpFault> HeadReader::feed(std::string_view bytes) {
  std::string& raw = section_.raw;
  std::size_t taken = 0;
  while (taken < bytes.size() && !done_) {
    const char c = bytes[taken];
    if (raw.size() == limit_) {
      return fault(kind_ == Kind::Trailers ? HttpError::TrailersTooLarge : HttpError::HeadTooLarge,
                   limit_);
    }
    const bool after_cr = raw.size() > line_begin_ && raw.back() == '\r';
    if (after_cr && c != '\n') return fault(HttpError::BareCr, raw.size() - 1);
    if (c == '\n') {
      if (!after_cr) return fault(HttpError::BareLf, raw.size());
      raw.push_back(c);
      ++taken;
      if (auto ended = end_line(); !ended) return Unexpected{ended.error()};
      continue;
    }
    if (c != '\r' && !is_field_value({&c, 1})) return fault(HttpError::ControlByte, raw.size());
    raw.push_back(c);
    ++taken;
  }
  return taken;
}

Result<void, HttpFault> HeadReader::end_line() {
  const std::string_view line =
      std::string_view(section_.raw).substr(line_begin_, section_.raw.size() - line_begin_ - 2);
  Result<void, HttpFault> read;
  if (!start_line_read_) {
    read = kind_ == Kind::Request ? read_request_line(line) : read_status_line(line);
    start_line_read_ = true;
  } else if (line.empty()) {
    done_ = true;
  } else {
    read = read_field_line(line);
  }
  line_begin_ = section_.raw.size();
  return read;
}

// method SP request-target SP HTTP-version, single spaces (RFC 9112, 3): the lenient reading of
// white space is how two recipients come to see two targets.
Result<void, HttpFault> HeadReader::read_request_line(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && is_token(line.substr(at, 1))) ++at;
  if (at == 0 || at == line.size() || line[at] != ' ') return fault(HttpError::BadMethod, at);
  method_ = span(0, at);
  const std::size_t target = ++at;
  while (at < line.size() && is_target_char(line[at])) ++at;
  if (at == target || at == line.size() || line[at] != ' ') return fault(HttpError::BadTarget, at);
  target_ = span(target, at - target);
  const std::string_view version = line.substr(++at);
  if (version.size() != kVersion.size() + 1 || version.substr(0, kVersion.size()) != kVersion ||
      (version.back() != '0' && version.back() != '1')) {
    return fault(HttpError::BadVersion, at);
  }
  minor_version_ = version.back() - '0';
  return {};
}

Result<void, HttpFault> HeadReader::read_status_line(std::string_view line) {
  constexpr std::size_t kMinor = kVersion.size();
  if (line.substr(0, kMinor) != kVersion || line.size() < kMinor + 2 ||
      (line[kMinor] != '0' && line[kMinor] != '1') || line[kMinor + 1] != ' ') {
    return fault(HttpError::BadVersion, 0);
  }
  minor_version_ = line[kMinor] - '0';
  constexpr std::size_t kStatus = kMinor + 2;
  if (line.size() < kStatus + 4 || line[kStatus + 3] != ' ') {
    return fault(HttpError::BadStatus, kStatus);
  }
  status_ = 0;
  for (std::size_t i = kStatus; i < kStatus + 3; ++i) {
    if (line[i] < '0' || line[i] > '9') return fault(HttpError::BadStatus, i);
    status_ = status_ * 10 + (line[i] - '0');
  }
  if (status_ < 100) return fault(HttpError::BadStatus, kStatus);
  reason_ = span(kStatus + 4, line.size() - kStatus - 4);
  return {};
}

Result<void, HttpFault> HeadReader::read_field_line(std::string_view line) {
  if (is_blank(line.front())) return fault(HttpError::ObsFold, line_begin_);
  if (section_.fields.size() == limits::kHttpFields) {
    return fault(HttpError::TooManyFields, line_begin_);
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return fault(HttpError::MissingColon, line_begin_);
  const std::string_view name = line.substr(0, colon);
  if (!name.empty() && is_blank(name.back())) {
    return fault(HttpError::SpaceBeforeColon, line_begin_ + colon - 1);
  }
  if (!is_token(name)) return fault(HttpError::BadFieldName, line_begin_);
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  const auto value_at =
      value.empty() ? colon + 1 : static_cast<std::size_t>(value.data() - line.data());
  section_.fields.push_back({span(line_begin_, line.size() + 2), span(line_begin_, colon),
                             span(line_begin_ + value_at, value.size())});
  return {};
}

void HeadReader::restart() { *this = HeadReader(kind_); }

RequestHead HeadReader::take_request() {
  RequestHead head;
  static_cast<FieldSection&>(head) = std::move(section_);
  head.method_span = method_;
  head.target_span = target_;
  head.minor_version = minor_version_;
  restart();
  return head;
}

ResponseHead HeadReader::take_response() {
  ResponseHead head;
  static_cast<FieldSection&>(head) = std::move(section_);
  head.status = status_;
  head.reason_span = reason_;
  head.minor_version = minor_version_;
  restart();
  return head;
}

FieldSection HeadReader::take_trailers() {
  FieldSection section = std::move(section_);
  restart();
  return section;
}

Result<RequestHead, HttpFault> parse_request_head(std::string_view bytes) {
  HeadReader reader(HeadReader::Kind::Request);
  if (auto taken = reader.feed(bytes); !taken) return Unexpected{taken.error()};
  if (!reader.done()) return Unexpected{HttpFault{HttpError::EndedEarly, bytes.size()}};
  return reader.take_request();
}

Result<ResponseHead, HttpFault> parse_response_head(std::string_view bytes) {
  HeadReader reader(HeadReader::Kind::Response);
  if (auto taken = reader.feed(bytes); !taken) return Unexpected{taken.error()};
  if (!reader.done()) return Unexpected{HttpFault{HttpError::EndedEarly, bytes.size()}};
  return reader.take_response();
}

}  // namespace veilwire::wire
