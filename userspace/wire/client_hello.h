// Reads a TLS ClientHello before anything is decided about a connection: which name the client asks
// for and which protocols it offers. The bytes stay with the caller, who hands them on unchanged
// (to a TLS engine or to the upstream).
//
// A parser of its own, because OpenSSL only offers these values from inside a handshake that a
// spliced connection never makes. RFC 8446 (4.1.2, 4.2, 5.1), RFC 6066 (3), RFC 7301 (3.1). Tested
// by tests/unit/tls/client_hello_test.cpp and tests/fuzz/client_hello.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

enum class Peek : std::uint8_t {
  NeedMore,   // a prefix of a ClientHello, below every limit: ask again with more bytes
  Tls,        // a whole ClientHello
  NotTls,     // does not begin like a TLS handshake record
  Malformed,  // begins like one, and no continuation makes it a ClientHello that we accept
};

struct ClientHello {
  std::string server_name;        // lower case, a DNS host name; empty when the client sent none
  std::vector<std::string> alpn;  // in the client's order; empty when it offered none
  // The extension is there, real or GREASE: server_name may be a cover name.
  bool encrypted_client_hello = false;
  // The highest TLS version offered (0x0304 is TLS 1.3), 0 when there is none.
  std::uint16_t max_version = 0;

  friend bool operator==(const ClientHello&, const ClientHello&) = default;
};

struct PeekResult {
  Peek peek = Peek::NeedMore;
  ClientHello hello;  // filled for Peek::Tls only

  friend bool operator==(const PeekResult&, const PeekResult&) = default;
};

// bytes: everything that the client has sent so far, from its first byte; what follows the
// ClientHello is not looked at. At most limits::kClientHello bytes (and kHelloRecords records) are
// read before the answer is Malformed. A call costs no more than a walk over the record headers
// until the message is complete, so byte-by-byte senders cost nothing.
PeekResult peek_client_hello(std::string_view bytes);

}  // namespace veilwire::wire
