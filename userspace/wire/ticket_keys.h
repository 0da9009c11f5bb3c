// The keys that seal TLS session tickets (RFC 5077, RFC 8446 4.6.1), shared by every server context
// of a process so that a client resumes whichever context, listener or thread it meets. A ticket
// key opens every session resumed with it in TLS 1.2, so keys live for two periods and are then
// wiped. Tested by tests/unit/tls/resumption_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/crypto/random.h"

#include <chrono>
#include <memory>

struct ssl_ctx_st;

namespace veilwire::wire {

class TicketKeys {
 public:
  static constexpr std::chrono::hours kPeriod{6};  // also the lifetime of a ticket

  TicketKeys(crypto::RandomSource random, Monotonic now);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Cheap; to be called now and then (a tick, an accepted connection). Does nothing until a period
  // is over.
  void rotate(Monotonic now);

  // Makes the context seal and open its tickets with these keys. They must outlive it.
  void install(ssl_ctx_st* context);

  struct State;  // opaque

 private:
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::wire
