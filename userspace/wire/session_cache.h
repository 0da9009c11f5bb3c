// The sessions that upstreams gave us, by the name they were verified for. A resumed handshake does
// not look at a certificate again, so a session never outlives the certificate that was verified,
// nor a day. For tls_context.cpp and tls_engine.cpp alone. Tested by
// tests/unit/tls/resumption_test.cpp.
#pragma once

#include "userspace/base/time.h"

#include <list>
#include <memory>
#include <string>
#include <string_view>

struct ssl_session_st;

namespace veilwire::wire {

struct FreeSession {
  void operator()(ssl_session_st* session) const;
};
using OwnedSession = std::unique_ptr<ssl_session_st, FreeSession>;

class SessionCache {
 public:
  // Upstreams give as many tickets as they like: memory.
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kMostForName = 4;

  void put(std::string_view name, OwnedSession session, WallTime now);
  // nullptr when there is none. A TLS 1.3 session is handed out once (RFC 8446, C.4: else
  // connections can be linked).
  OwnedSession take(std::string_view name, WallTime now);
  void forget(std::string_view name);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    OwnedSession session;
    WallTime expires;
  };
  std::list<Entry>
      entries_;  // the newest first; 256 comparisons cost less than the handshake they save
};

}  // namespace veilwire::wire
