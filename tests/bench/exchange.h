// What the benchmark's upstream says and its client expects: both sides make it from here, so that
// every byte that a relay passes on can be checked. A stream has the form of the Messages API with
// one field of our own in each delta, "at": when the event was written, on the clock that all
// processes of one machine share. Tested by tests/bench/exchange_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::bench {

// Nanoseconds of CLOCK_MONOTONIC.
std::uint64_t clock_ns();

// What the n-th delta says, as it stands in JSON: prose, ten to twenty bytes, nothing that a rule
// would claim.
std::string_view delta_text(std::size_t n);

// What a client wants, carried by one request field.
struct Order {
  std::size_t events = 0;         // deltas of a stream; 0: a JSON answer
  std::uint64_t interval_us = 0;  // between two events; 0: as fast as they can be written
  std::size_t json_bytes = 0;     // at least that many of a JSON answer's text

  std::string to_field() const;  // "x-bench: ...", without the line end
  static std::optional<Order> from_head(std::string_view head);
};

// A whole request, whose body has about that many bytes, in the form that coding assistants send.
std::string request(std::string_view host, const Order& order, std::size_t body_bytes);
// The value of a head's content-length; 0 where there is none.
std::size_t content_length(std::string_view head);

// Pieces of a streamed answer, framed as HTTP chunks. Each appends.
void append_stream_begin(std::string& out);
void append_stream_event(std::size_t n, std::uint64_t at_ns, std::string& out);
void append_stream_end(std::size_t events, std::string& out);
std::string json_body(std::size_t text_bytes);

}  // namespace veilwire::bench
