// The inside of a TlsClientContext, for the engine that takes sessions from it. Not for other
// files.
#pragma once

#include "userspace/wire/session_cache.h"
#include "userspace/wire/tls_context.h"

#include <memory>
#include <string>

namespace veilwire::wire {

struct FreeContext {
  void operator()(ssl_ctx_st* context) const;
};
using OwnedContext = std::unique_ptr<ssl_ctx_st, FreeContext>;

// Where OpenSSL's callback finds what a new session belongs to: the engine's, as ex data 0 of its
// SSL.
struct SessionOwner {
  SessionCache* cache = nullptr;
  std::string name;
  WallTime now;
};

struct TlsClientContext::State {
  OwnedContext context;
  SessionCache sessions;
};

}  // namespace veilwire::wire
