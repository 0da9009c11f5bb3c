// Reads one answer of the benchmark's upstream from whatever way it took, says when each delta's
// text had arrived, and whether the bytes are those that were sent. Its own small parser on
// purpose: a relay's mistake must not be repeated by what measures it. Tested by
// tests/bench/exchange_test.cpp.
#pragma once

#include "tests/bench/exchange.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::bench {

class AnswerReader {
 public:
  explicit AnswerReader(const Order& order) : order_(order) {}

  // now_ns: when these bytes were there. Bytes behind the answer's end are a fault.
  void feed(std::string_view bytes, std::uint64_t now_ns);

  bool done() const { return state_ == State::Done || state_ == State::Failed; }
  // Empty: complete, and what was ordered.
  const std::string& fault() const { return fault_; }
  bool closes() const { return closes_; }                  // the connection takes no other request
  std::uint64_t first_delta_ns() const { return first_; }  // 0: none yet
  std::size_t events() const { return events_; }           // deltas that came
  // From the moment a delta was written until the whole of its text was here.
  const std::vector<std::uint64_t>& latencies_ns() const { return latencies_; }

 private:
  enum class State { Head, Counted, ChunkLine, ChunkData, ChunkEnd, Last, Done, Failed };

  bool step(std::uint64_t now_ns);
  void take_body(std::string_view bytes, std::uint64_t now_ns);
  void take_line(std::string_view line, std::uint64_t now_ns);
  void take_text(std::string_view text, std::uint64_t now_ns);
  void finish();
  void fail(std::string why);

  struct Expected {
    std::uint64_t text_end;
    std::uint64_t at_ns;
  };

  Order order_;
  State state_ = State::Head;
  std::string fault_;
  std::string input_;
  std::size_t taken_ = 0;  // of input_
  std::size_t left_ = 0;   // of a counted body or a chunk
  bool closes_ = false;
  std::string line_;  // of the stream, begun
  std::string json_;
  bool stopped_ = false;  // message_stop was seen
  std::uint64_t first_ = 0;
  std::size_t events_ = 0;
  std::uint64_t sent_text_ = 0;      // bytes of text in the deltas so far, as they were sent
  std::uint64_t received_text_ = 0;  // bytes of text that came
  std::size_t compared_ = 0;         // the delta whose text is compared next,
  std::size_t compared_at_ = 0;      // and where in it
  std::deque<Expected> expected_;
  std::vector<std::uint64_t> latencies_;
};

}  // namespace veilwire::bench
