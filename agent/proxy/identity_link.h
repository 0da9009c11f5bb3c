// Asks veilwire-identity who a peer is and keeps each answer until it expires or is taken back: a
// check costs no round trip while the answer is good. Lives on one thread. Tested by
// tests/unit/proxy/identity_link_test.cpp.
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
    std::string message;   // for the person: why, and what to do
    bool silent = false;   // no answer came: the same question may be answered in a moment
    bool sign_in = false;  // would help, and the message says how
  };
  using Answer = Result<identity::Person, Nobody>;
  using Callback = std::function<void(Answer)>;
  // Whether what was said about a peer may not hold any more.
  using Doubt = std::function<bool(const identity::Peer&)>;

  // doubted: told when answers are taken back, once they are not kept any more; and when the
  // program is there again, which may have missed to tell. Who acts on answers asks again.
  IdentityLink(boost::asio::io_context& io, std::string socket_path,
               std::function<void(const Doubt&)> doubted = {});
  ~IdentityLink();
  IdentityLink(const IdentityLink&) = delete;
  IdentityLink& operator=(const IdentityLink&) = delete;

  // The callback may be called at once. No answer is a refusal, after a few seconds where the
  // program cannot be asked, else when it has had the time to let somebody sign in: nobody passes
  // unidentified.
  // at_once: something goes on for the peer meanwhile, and nobody is waited for who may sign in.
  void ask(const identity::Peer& peer, bool at_once, Callback callback);
  bool connected() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
