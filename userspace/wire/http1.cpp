// Readers and chunk writers of HTTP/1; see http1.h. Tested by tests/unit/wire/http1_test.cpp,
// smuggling_test.cpp and http1_oracle_test.cpp.
#include "userspace/wire/http1.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace veilwire::wire {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes from `text` what `accept` accepts; says whether there was any.
template <class Accept>
bool skip_some(std::string_view& text, Accept accept) {
  const std::size_t before = text.size();
  while (!text.empty() && accept(text.front())) text.remove_prefix(1);
  return text.size() != before;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_token_char(char c) { return is_token({&c, 1}); }

// *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), RFC 9112, 7.1.1. Control bytes
// have been refused.
bool are_chunk_extensions(std::string_view text) {
  while (!text.empty()) {
    skip_some(text, is_blank);
    if (text.empty() || text.front() != ';') return false;
    text.remove_prefix(1);
    skip_some(text, is_blank);
    if (!skip_some(text, is_token_char)) return false;
    std::string_view behind = text;
    skip_some(behind, is_blank);
    if (behind.empty() || behind.front() != '=') continue;
    text = behind.substr(1);
    skip_some(text, is_blank);
    if (skip_some(text, is_token_char)) continue;
    if (text.empty() || text.front() != '"') return false;
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
      if (text.front() == '\\') text.remove_prefix(1);
      if (text.empty()) return false;
      text.remove_prefix(1);
    }
    if (text.empty()) return false;
    text.remove_prefix(1);
  }
  return true;
}

Result<std::uint64_t, HttpError> read_chunk_line(std::string_view line) {
  std::uint64_t size = 0;
  std::string_view rest = line;
  while (!rest.empty() && hex_value(rest.front()) >= 0) {
    if (size > (std::numeric_limits<std::int64_t>::max() >> 4)) {
      return Unexpected{HttpError::ChunkSizeOverflow};
    }
    size = size * 16 + static_cast<std::uint64_t>(hex_value(rest.front()));
    rest.remove_prefix(1);
  }
  if (rest.size() == line.size()) return Unexpected{HttpError::BadChunkSize};
  if (!rest.empty() && rest.front() != ';' && !is_blank(rest.front())) {
    return Unexpected{HttpError::BadChunkSize};
  }
  if (!are_chunk_extensions(rest)) return Unexpected{HttpError::BadChunkExtension};
  return size;
}

// Fields that are decided on before the body; behind it they could only contradict (RFC
// 9110, 6.5.1).
constexpr std::array<std::string_view, 15> kNotInTrailers = {
    "Transfer-Encoding",
    "Content-Length",
    "Host",
    "Trailer",
    "Content-Encoding",
    "Content-Type",
    "Content-Range",
    "Connection",
    "Keep-Alive",
    "Upgrade",
    "TE",
    "Expect",
    "Authorization",
    "Cookie",
    "Set-Cookie",
};

const Field* forbidden_trailer(const FieldSection& trailers) {
  for (const Field& field : trailers.fields) {
    for (const std::string_view name : kNotInTrailers) {
      if (equal_ignoring_case(trailers.name(field), name)) return &field;
    }
  }
  return nullptr;
}

}  // namespace

void BodyReader::begin(const Framing& framing) {
  offset_ = 0;
  left_ = 0;
  chunk_line_.clear();
  switch (framing.kind) {
    case Framing::Kind::None:
    case Framing::Kind::Tunnel:
      state_ = State::Done;
      break;
    case Framing::Kind::Length:
      left_ = framing.length;
      state_ = left_ == 0 ? State::Done : State::Counted;
      break;
    case Framing::Kind::Chunked:
      state_ = State::ChunkLine;
      break;
    case Framing::Kind::UntilClose:
      state_ = State::UntilClose;
      break;
  }
}

Result<void, HttpFault> BodyReader::take_chunk_line_byte(char c) {
  if (chunk_line_.size() == limits::kChunkLine) return fault(HttpError::ChunkLineTooLong);
  const bool after_cr = !chunk_line_.empty() && chunk_line_.back() == '\r';
  if (after_cr != (c == '\n')) return fault(after_cr ? HttpError::BareCr : HttpError::BareLf);
  if (c == '\n') {
    chunk_line_.pop_back();
    const auto size = read_chunk_line(chunk_line_);
    if (!size) return fault(size.error());
    left_ = *size;
    chunk_line_.clear();
    state_ = left_ == 0 ? State::TrailerSection : State::ChunkData;
    return {};
  }
  if (c != '\r' && !is_field_value({&c, 1})) return fault(HttpError::ControlByte);
  chunk_line_.push_back(c);
  return {};
}

Result<std::size_t, HttpFault> BodyReader::feed(std::string_view bytes,
                                                std::vector<HttpEvent>& out) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ != State::Done) {
    const std::string_view rest = bytes.substr(taken);
    std::size_t step = 1;
    switch (state_) {
      case State::Done:
        break;
      case State::UntilClose:
        out.emplace_back(BodyData{rest});
        step = rest.size();
        break;
      case State::Counted:
      case State::ChunkData:
        step = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
        out.emplace_back(BodyData{rest.substr(0, step)});
        left_ -= step;
        if (left_ == 0) state_ = state_ == State::Counted ? State::Done : State::ChunkDataCr;
        break;
      case State::ChunkLine:
        if (auto read = take_chunk_line_byte(rest.front()); !read) return Unexpected{read.error()};
        break;
      case State::ChunkDataCr:
        if (rest.front() != '\r') return fault(HttpError::BadChunkEnd);
        state_ = State::ChunkDataLf;
        break;
      case State::ChunkDataLf:
        if (rest.front() != '\n') return fault(HttpError::BadChunkEnd);
        state_ = State::ChunkLine;
        break;
      case State::TrailerSection: {
        const auto read = trailers_.feed(rest);
        if (!read)
          return Unexpected{HttpFault{read.error().error, trailers_at_ + read.error().offset}};
        step = *read;
        if (!trailers_.done()) break;
        FieldSection section = trailers_.take_trailers();
        if (const Field* field = forbidden_trailer(section)) {
          return Unexpected{
              HttpFault{HttpError::ForbiddenTrailer, trailers_at_ + field->line.offset}};
        }
        if (!section.fields.empty()) out.emplace_back(Trailers{std::move(section)});
        state_ = State::Done;
        break;
      }
    }
    taken += step;
    offset_ += step;
    if (state_ == State::TrailerSection && !trailers_.started()) trailers_at_ = offset_;
  }
  return taken;
}

void RequestReader::fail(HttpFault fault, std::vector<HttpEvent>& out) {
  state_ = State::Failed;
  out.emplace_back(fault);
}

std::size_t RequestReader::feed(std::string_view bytes, std::vector<HttpEvent>& out) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ == State::Head) {
    if (!head_.started() && skipped_ < 2 && bytes[taken] == "\r\n"[skipped_]) {
      ++skipped_;
      ++taken;
      ++offset_;
      continue;
    }
    if (skipped_ == 1) return fail({HttpError::BareCr, offset_ - 1}, out), taken;
    const auto read = head_.feed(bytes.substr(taken));
    if (!read) {
      return fail({read.error().error, offset_ + read.error().offset}, out), taken;
    }
    taken += *read;
    if (!head_.done()) return taken;
    RequestHead head = head_.take_request();
    const auto framing = decide_framing(head);
    if (!framing) {
      return fail({framing.error().error, offset_ + framing.error().offset}, out), taken;
    }
    offset_ += head.raw.size();
    within_ = 0;
    persistent_ = wants_persistence(head);
    body_.begin(*framing);
    out.emplace_back(RequestStart{std::move(head), *framing});
    state_ = State::Body;
  }
  if (state_ != State::Body) return taken;
  const auto read = body_.feed(bytes.substr(taken), out);
  if (!read) return fail({read.error().error, offset_ + read.error().offset}, out), taken;
  taken += *read;
  within_ += *read;
  if (!body_.done()) return taken;
  out.emplace_back(MessageEnd{persistent_});
  offset_ += within_;
  within_ = 0;
  skipped_ = 0;
  state_ = State::Head;
  return taken;
}

void RequestReader::end_of_input(std::vector<HttpEvent>& out) {
  if (state_ == State::Failed || between_messages()) return;
  fail({HttpError::EndedEarly, offset_ + within_ + head_.taken()}, out);
}

bool ResponseReader::expect(const Expectation& request) {
  if (expected_.size() >= limits::kPipelined) return false;
  expected_.push_back(request);
  return true;
}

void ResponseReader::fail(HttpFault fault, std::vector<HttpEvent>& out) {
  state_ = State::Failed;
  out.emplace_back(fault);
}

void ResponseReader::end_message(bool persistent, std::vector<HttpEvent>& out) {
  out.emplace_back(MessageEnd{persistent});
  expected_.pop_front();
  interim_ = 0;
  state_ = State::Head;
}

std::size_t ResponseReader::feed(std::string_view bytes, std::vector<HttpEvent>& out) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ == State::Head) {
    if (expected_.empty()) return fail({HttpError::UnexpectedAnswer, offset_}, out), taken;
    const auto read = head_.feed(bytes.substr(taken));
    if (!read) {
      return fail({read.error().error, offset_ + read.error().offset}, out), taken;
    }
    taken += *read;
    if (!head_.done()) return taken;
    ResponseHead head = head_.take_response();
    const auto framing = decide_framing(head, expected_.front());
    if (!framing) {
      return fail({framing.error().error, offset_ + framing.error().offset}, out), taken;
    }
    const bool interim = is_interim(head);
    if (interim && ++interim_ > limits::kInterimResponses) {
      return fail({HttpError::TooManyInterim, offset_}, out), taken;
    }
    offset_ += head.raw.size();
    within_ = 0;
    persistent_ = wants_persistence(head) && framing->kind != Framing::Kind::UntilClose;
    body_.begin(*framing);
    out.emplace_back(ResponseStart{std::move(head), *framing, interim});
    if (interim) continue;
    state_ = framing->kind == Framing::Kind::Tunnel ? State::Tunnel : State::Body;
  }
  if (state_ != State::Body) return taken;
  const auto read = body_.feed(bytes.substr(taken), out);
  if (!read) return fail({read.error().error, offset_ + read.error().offset}, out), taken;
  taken += *read;
  within_ += *read;
  if (!body_.done()) return taken;
  offset_ += within_;
  within_ = 0;
  end_message(persistent_, out);
  return taken;
}

void ResponseReader::end_of_input(std::vector<HttpEvent>& out) {
  if (state_ == State::Failed || state_ == State::Tunnel) return;
  if (state_ == State::Body && body_.until_close()) return end_message(false, out);
  if (state_ == State::Head && !head_.started() && expected_.empty()) return;
  fail({HttpError::EndedEarly, offset_ + within_ + head_.taken()}, out);
}

void encode_chunk(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16);
  out.append(digits.data(), end.ptr).append("\r\n").append(bytes).append("\r\n");
}

void encode_last_chunk(std::string_view trailers, std::string& out) {
  out.append("0\r\n").append(trailers.empty() ? std::string_view("\r\n") : trailers);
}

}  // namespace veilwire::wire
