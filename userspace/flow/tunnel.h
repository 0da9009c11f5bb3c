// What is left of a relay behind a 101: bytes that are no HTTP any more pass both ways and are
// counted. Tested by tests/unit/flow/relay_refusal_test.cpp.
#pragma once

#include "userspace/flow/http_relay.h"

#include <cstdint>
#include <string_view>

namespace veilwire::flow {

class Tunnel {
 public:
  // sink outlives it. early: what the client has sent behind its request.
  Tunnel(RelaySink& sink, std::string_view early) : sink_(sink) {
    if (!early.empty()) from_client(early);
  }

  void from_client(std::string_view bytes) {
    bytes_ += bytes.size();
    sink_.to_upstream(bytes);
  }
  void from_upstream(std::string_view bytes) {
    bytes_ += bytes.size();
    sink_.to_client(bytes);
  }
  std::uint64_t bytes() const { return bytes_; }  // of both directions

 private:
  RelaySink& sink_;
  std::uint64_t bytes_ = 0;
};

}  // namespace veilwire::flow
