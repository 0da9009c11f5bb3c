// What becomes of a connection, by its first bytes: the ClientHello says whom the client wants, and
// policy whether that is read, passed or refused. Tested by tests/unit/flow/hello_verdict_test.cpp.
#pragma once

#include "userspace/policy/policy.h"

#include <string>
#include <string_view>

namespace veilwire::flow {

// Fatal TLS alerts (RFC 8446, 6) for a client with whom no handshake has begun.
inline constexpr char kDecodeError = 50;
inline constexpr char kInternalError = 80;
inline constexpr char kUnrecognizedName = 112;

struct HelloVerdict {
  enum class What { NeedMore, Intercept, Splice, Refuse };
  What what = What::NeedMore;
  std::string server_name;                             // where there is one
  policy::Service service = policy::Service::Generic;  // Intercept: what the host speaks
  std::string_view reason;                             // Splice, Refuse: for the record
  char alert = 0;                                      // Refuse; 0: it was no TLS
};

HelloVerdict judge_hello(std::string_view bytes, const policy::Policy& policy);

}  // namespace veilwire::flow
