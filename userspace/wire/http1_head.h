// Reads a start line and field lines, or a trailer section, as their bytes arrive, and refuses
// everything that two recipients could read in two ways (RFC 9112, 2.2, 5, 11.1). What it accepts
// it keeps as it came.
//
// Each line is judged when it is complete, each byte when it comes, so the first error does not
// depend on how the input was cut. Tested by tests/unit/wire/http1_test.cpp and
// smuggling_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/wire/http.h"

#include <cstddef>
#include <string_view>

namespace veilwire::wire {

class HeadReader {
 public:
  enum class Kind { Request, Response, Trailers };
  explicit HeadReader(Kind kind);

  // Takes bytes up to the end of the empty line, at most; says how many. Fault offsets count from
  // the head's first byte. Not to be called once done() or after a fault.
  Result<std::size_t, HttpFault> feed(std::string_view bytes);
  bool done() const { return done_; }
  bool started() const { return !section_.raw.empty(); }
  std::size_t taken() const { return section_.raw.size(); }

  // Once done(): the result, by the kind asked for. The reader then begins anew.
  RequestHead take_request();
  ResponseHead take_response();
  FieldSection take_trailers();

 private:
  Result<void, HttpFault> end_line();
  Result<void, HttpFault> read_request_line(std::string_view line);
  Result<void, HttpFault> read_status_line(std::string_view line);
  Result<void, HttpFault> read_field_line(std::string_view line);
  Unexpected<HttpFault> fault(HttpError error, std::size_t offset) const;
  void restart();

  Kind kind_;
  std::size_t limit_;
  FieldSection section_;
  std::size_t line_begin_ = 0;
  bool start_line_read_ = false;
  bool done_ = false;
  Span method_;
  Span target_;
  Span reason_;
  int status_ = 0;
  int minor_version_ = 1;
};

// A whole head at once; bytes behind the empty line are an error of the caller and ignored.
// EndedEarly where the empty line is missing.
Result<RequestHead, HttpFault> parse_request_head(std::string_view bytes);
Result<ResponseHead, HttpFault> parse_response_head(std::string_view bytes);

}  // namespace veilwire::wire
