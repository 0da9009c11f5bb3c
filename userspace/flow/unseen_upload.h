// The rest of a request that is larger than what is ever held and that policy lets through unseen:
// it goes on as it comes, in its own framing. Tested by tests/unit/flow/relay_refusal_test.cpp.
#pragma once

#include "userspace/flow/exchange.h"
#include "userspace/flow/http_relay.h"

#include <string>
#include <string_view>
#include <utility>

namespace veilwire::flow {

class UnseenUpload {
 public:
  // Both outlive it. Head and held beginning have gone upstream.
  UnseenUpload(Exchange& exchange, RelaySink& sink) : exchange_(exchange), sink_(sink) {}

  void data(std::string_view bytes);  // transfer coding removed
  void trailers(wire::FieldSection section);
  void end();

 private:
  bool chunked() const { return exchange_.framing.kind == wire::Framing::Kind::Chunked; }

  Exchange& exchange_;
  RelaySink& sink_;
  std::string trailers_;
};

}  // namespace veilwire::flow
