// The rest of a request that is larger than what is ever held and that policy lets through unseen:
// it goes on as it comes, in its own framing. Tested by tests/unit/flow/relay_refusal_test.cpp.
#pragma once

#include "userspace/flow/exchange.h"
#include "userspace/flow/http_relay.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::flow {

class UnseenUpload {
 public:
  // Both outlive it. Head and held beginning have gone upstream.
  UnseenUpload(Exchange& exchange, RelaySink& sink, std::optional<Original> original)
      : exchange_(exchange), sink_(sink), original_(std::move(original)) {}

  void data(std::string_view bytes);  // transfer coding removed
  void trailers(wire::FieldSection section);
  void end();
  // No more comes, whether all has come or not.
  void close();

 private:
  Original::Put put_original();
  bool chunked() const { return exchange_.framing.kind == wire::Framing::Kind::Chunked; }

  Exchange& exchange_;
  RelaySink& sink_;
  std::optional<Original> original_;  // where policy keeps it
  std::string trailers_;
};

}  // namespace veilwire::flow
