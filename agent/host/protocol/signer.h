// One question and one answer: a certificate chain for this host name and this public key. Spoken
// by the proxy (asks) and veilwire-signer (answers) over a local SOCK_SEQPACKET socket. No private
// key crosses it: the proxy makes its own and sends the public half. Both messages are fixed-size
// structs in the host's byte order; many requests may be open on one connection, answers come in
// the order of the requests. Another version is refused. Tested by
// tests/unit/signer/protocol_test.cpp and tests/fuzz/signer_protocol.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kSignerVersion = 1;
inline constexpr std::size_t kSignerName = 253;     // the longest DNS name
inline constexpr std::size_t kSignerKey = 128;      // a P-256 SubjectPublicKeyInfo has 91 bytes
inline constexpr std::size_t kSignerChain = 16384;  // all certificates together
inline constexpr std::size_t kSignerCertificates = 7;

struct SignerRequest {
  std::uint64_t id = 0;  // the asker's own
  std::string name;      // the host name that a client asked for
  std::string spki;      // SubjectPublicKeyInfo, DER

  friend bool operator==(const SignerRequest&, const SignerRequest&) = default;
};

enum class SignerStatus : std::uint16_t {
  Signed,
  NotPermitted,  // a name that is not configured or outside the CA's constraints: ask again after a
                 // change of both
  BadRequest,    // not a host name, or not a key on P-256
  TooMany,       // more new certificates a second than any honest proxy needs: try again later
  Unavailable,   // the CA's certificate has expired
};
inline constexpr std::uint16_t kSignerStatuses = 5;
std::string_view to_string(SignerStatus status);

struct SignerReply {
  std::uint64_t id = 0;
  SignerStatus status = SignerStatus::Unavailable;
  std::vector<std::string> chain;  // DER, the leaf first; empty unless Signed
  WallTime not_after;              // of the leaf, whole seconds

  friend bool operator==(const SignerReply&, const SignerReply&) = default;
};

// nullopt: does not fit the bounds above.
std::optional<std::string> encode(const SignerRequest& request);
std::optional<std::string> encode(const SignerReply& reply);
// nullopt: another version, or a message that no encoder writes. The sender is not what it should
// be: close.
std::optional<SignerRequest> decode_signer_request(std::string_view message);
std::optional<SignerReply> decode_signer_reply(std::string_view message);

// Asks over a connected socket and waits. For tests and command-line tools; the error is an errno
// value, ETIMEDOUT when no answer came in time, EPROTO for one that is none.
Result<SignerReply, int> ask_signer(int fd, const SignerRequest& request, int timeout_ms);

}  // namespace veilwire::host::protocol
