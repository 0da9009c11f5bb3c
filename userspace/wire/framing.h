// Where a message ends. All of it is decided here and nowhere else, and whatever two recipients
// could answer in two ways is refused rather than repaired (RFC 9112, 6 and 11.2; RFC 9110, 7.2).
//
// Tested by tests/unit/wire/framing_test.cpp and smuggling_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/wire/http.h"

#include <cstdint>
#include <string_view>

namespace veilwire::wire {

struct Framing {
  enum class Kind {
    None,        // no body
    Length,      // exactly `length` bytes
    Chunked,     // until the last chunk and its trailers
    UntilClose,  // responses only: until the connection ends
    Tunnel,      // HTTP ends here: 101, or 2xx to CONNECT. What follows belongs to another protocol
  };
  Kind kind = Kind::None;
  std::uint64_t length = 0;
  friend bool operator==(const Framing&, const Framing&) = default;
};

// What of a request decides how its response is framed.
struct Expectation {
  bool head = false;     // HEAD: no body, whatever the fields say
  bool connect = false;  // CONNECT: 2xx makes it a tunnel
  bool upgrade = false;  // Upgrade was asked for: 101 may come
};
Expectation expectation_of(const RequestHead& head);

// Also checks the target's form, Host, and that both name the same authority. Never UntilClose or
// Tunnel: what follows a CONNECT or an Upgrade request is decided by the response.
Result<Framing, HttpFault> decide_framing(const RequestHead& head);
Result<Framing, HttpFault> decide_framing(const ResponseHead& head, const Expectation& request);

// 1xx, other than 101: another response to the same request follows.
inline bool is_interim(const ResponseHead& head) { return head.status < 200 && head.status != 101; }

// Whether the sender lets the connection live on behind this message (RFC 9112, 9.3). The body's
// framing can still forbid it: UntilClose.
bool wants_persistence(const RequestHead& head);
bool wants_persistence(const ResponseHead& head);

// host[:port] of the request: the target's where it names one, else Host's. Empty where neither is
// there.
std::string_view authority(const RequestHead& head);

}  // namespace veilwire::wire
