// A connection whose bytes pass untouched, both ways, and are counted: for what policy does not
// intercept, and for what it lets pass though nobody can look into it. The client's own destination
// is dialled first. Its connect to us has succeeded whatever that is worth, so a client that would
// have gone on to another address of the name cannot: we do, where it has said one.
// Tested by tests/unit/flow/connection_test.cpp.
#pragma once

#include "userspace/flow/connection.h"

#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

class Splice {
 public:
  // first: what the client has sent so far.
  explicit Splice(std::string first) : early_(std::move(first)) {}

  // name: what the client says whom it wants, or empty.
  void start(const std::string& name, const Destination& destination, Outputs& out) const;
  void connected(Outputs& out);
  void from_client(std::string_view bytes, Outputs& out);
  void from_upstream(std::string_view bytes, Outputs& out) const;

  // The reason of the end, where it is over with this. A side that ends properly may still receive.
  std::optional<std::string_view> client_ended(bool reset, Outputs& out);
  std::optional<std::string_view> upstream_ended(bool reset, Outputs& out);

 private:
  // What came before there was an upstream; the client is not read while it is more than
  // limits::kPeerBacklog.
  std::string early_;
  bool connected_ = false;
  bool client_ended_ = false;
  bool upstream_ended_ = false;
};

}  // namespace veilwire::flow
