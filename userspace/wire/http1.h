// HTTP/1.0 and 1.1 as a pure machine: bytes in, events out, any cut of the input gives the same
// events (body pieces joined). Strict, because a message that two recipients delimit differently is
// a message that nobody has inspected.
//
// A reader stops at the end of each message and says how many bytes it took, so that the caller
// decides when the next pipelined message is read. Bytes it did not take are fed again. Whoever
// changes nothing forwards the bytes taken as they are; whoever changes a body writes it with
// encode_chunk(). Tested by tests/unit/wire/http1_test.cpp, smuggling_test.cpp,
// http1_oracle_test.cpp and two fuzz targets.
#pragma once

#include "userspace/wire/framing.h"
#include "userspace/wire/http.h"
#include "userspace/wire/http1_head.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::wire {

struct RequestStart {
  RequestHead head;
  Framing framing;
};
struct ResponseStart {
  ResponseHead head;
  Framing framing;
  bool interim = false;  // 1xx: no body and no MessageEnd follow, but another ResponseStart
};
// A piece of the body, transfer coding removed. Points into the bytes given to feed(): dead at the
// next feed().
struct BodyData {
  std::string_view bytes;
};
// Between the last BodyData and MessageEnd, only where there are any.
struct Trailers {
  FieldSection section;
};
struct MessageEnd {
  bool persistent =
      false;  // the connection can carry another message after this one, as far as its sender goes
};
// The last event of a reader: HttpFault, offset counted from the connection's first byte.
using HttpEvent =
    std::variant<RequestStart, ResponseStart, BodyData, Trailers, MessageEnd, HttpFault>;

// The body of one message.
class BodyReader {
 public:
  // Takes bytes up to the end of the body, at most; appends BodyData and Trailers. Fault offsets
  // count from the body's first byte.
  Result<std::size_t, HttpFault> feed(std::string_view bytes, std::vector<HttpEvent>& out);
  void begin(const Framing& framing);
  bool done() const { return state_ == State::Done; }
  bool until_close() const { return state_ == State::UntilClose; }

 private:
  enum class State {
    Done,
    Counted,
    UntilClose,
    ChunkLine,
    ChunkData,
    ChunkDataCr,
    ChunkDataLf,
    TrailerSection
  };

  Result<void, HttpFault> take_chunk_line_byte(char c);
  Unexpected<HttpFault> fault(HttpError error) const {
    return Unexpected{HttpFault{error, offset_}};
  }

  State state_ = State::Done;
  std::uint64_t left_ = 0;    // bytes left of a counted body or of a chunk
  std::uint64_t offset_ = 0;  // body bytes taken, framing included
  std::uint64_t trailers_at_ = 0;
  std::string chunk_line_;
  HeadReader trailers_{HeadReader::Kind::Trailers};
};

class RequestReader {
 public:
  // Returns how many bytes were taken: all, or up to and including the end of a message, or up to a
  // fault. One empty line before a request is skipped (RFC 9112, 2.2). Behind CONNECT or Upgrade
  // the caller waits for the response before it feeds on: the bytes may no longer be HTTP.
  std::size_t feed(std::string_view bytes, std::vector<HttpEvent>& out);
  // The client ended its side. A fault EndedEarly in the middle of a request.
  void end_of_input(std::vector<HttpEvent>& out);
  bool between_messages() const {
    return state_ == State::Head && !head_.started() && skipped_ != 1;
  }
  bool failed() const { return state_ == State::Failed; }

 private:
  enum class State { Head, Body, Failed };
  void fail(HttpFault fault, std::vector<HttpEvent>& out);

  State state_ = State::Head;
  HeadReader head_{HeadReader::Kind::Request};
  BodyReader body_;
  std::uint64_t offset_ = 0;  // bytes taken before the head or body that is being read
  std::uint64_t within_ = 0;  // bytes taken of it
  unsigned skipped_ = 0;      // bytes of the one empty line
  bool persistent_ = false;
};

class ResponseReader {
 public:
  // A request has been sent: one more final response may come, in this order. False above
  // limits::kPipelined.
  [[nodiscard]] bool expect(const Expectation& request);
  // As for RequestReader. Behind a ResponseStart whose framing is Tunnel nothing more is taken, and
  // no MessageEnd comes: the rest is not HTTP.
  std::size_t feed(std::string_view bytes, std::vector<HttpEvent>& out);
  // The upstream ended its side: completes a body that only this ends; otherwise EndedEarly while
  // an answer is owed.
  void end_of_input(std::vector<HttpEvent>& out);
  // No bytes of a message that is not complete yet have been taken.
  bool between_messages() const {
    return state_ == State::Head && !head_.started() && interim_ == 0;
  }
  std::size_t owed() const { return expected_.size(); }
  bool failed() const { return state_ == State::Failed; }
  bool tunnel() const { return state_ == State::Tunnel; }

 private:
  enum class State { Head, Body, Tunnel, Failed };
  void fail(HttpFault fault, std::vector<HttpEvent>& out);
  void end_message(bool persistent, std::vector<HttpEvent>& out);

  State state_ = State::Head;
  HeadReader head_{HeadReader::Kind::Response};
  BodyReader body_;
  std::deque<Expectation> expected_;
  std::uint64_t offset_ = 0;
  std::uint64_t within_ = 0;
  std::size_t interim_ = 0;
  bool persistent_ = false;
};

// Appends one chunk. Nothing for no bytes: an empty chunk would end the body.
void encode_chunk(std::string_view bytes, std::string& out);
// Appends the end of a chunked body. trailers: a FieldSection's raw, with its empty line; or
// nothing.
void encode_last_chunk(std::string_view trailers, std::string& out);

}  // namespace veilwire::wire
