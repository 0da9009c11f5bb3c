// Asks veilwire-identity who a peer is and keeps each answer until it expires: a check costs no
// round trip while the answer is good. Lives on one thread.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/person.h"

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class IdentityLink {
 public:
  struct Nobody {
    std::string message;  // for the person: why, and what to do
    bool silent = false;  // no answer came: the same question may be answered in a moment
  };
  using Answer = Result<identity::Person, Nobody>;
  using Callback = std::function<void(Answer)>;

  IdentityLink(boost::asio::io_context& io, std::string socket_path);
  ~IdentityLink();
  IdentityLink(const IdentityLink&) = delete;
  IdentityLink& operator=(const IdentityLink&) = delete;

  // The callback may be called at once. No answer within a few seconds is a refusal: nobody passes
  // unidentified.
  void ask(const identity::Peer& peer, Callback callback);
  bool connected() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
