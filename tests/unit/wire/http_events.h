// Writes what the HTTP/1 readers say as text, so that a test compares with what a person can read.
// Body pieces are joined: where they are cut is the one thing that the cut of the input may change.
#pragma once

#include "tests/support/every_split.h"
#include "userspace/wire/http1.h"

#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

class EventLog {
 public:
  void add(const std::vector<HttpEvent>& events);
  std::string text();

 private:
  void add(const HttpEvent& event);
  void end_body();
  std::string text_;
  std::string body_;
};

std::string describe(const Framing& framing);

// Feeds the pieces, message after message, and ends the input.
std::string log_requests(const testing::Pieces& pieces);
std::string log_responses(const testing::Pieces& pieces,
                          const std::vector<Expectation>& expected = {{}});

// The log of the whole input, having checked that every split gives the same.
std::string requests(std::string_view input);
std::string responses(std::string_view input, const std::vector<Expectation>& expected = {{}});

}  // namespace veilwire::wire
