// Whether 32 bytes are a public key of Ed25519 that proves anything. OpenSSL takes any 32 bytes for
// a key; and under a point of small order a signature can be made without a private key (RFC 8032,
// 5.1.7 leaves refusing them open). Tested by tests/unit/crypto/public_key_test.cpp.
#pragma once

#include <cstddef>
#include <string_view>

namespace veilwire::crypto {

inline constexpr std::size_t kEd25519Key = 32;

// A point of the curve in its one encoding (RFC 8032, 5.1.3), and none of the eight whose order
// divides 8.
bool is_ed25519_public_key(std::string_view encoded);

}  // namespace veilwire::crypto
