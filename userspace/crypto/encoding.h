// Bytes as text: hex and base64 (RFC 4648). Decoding is strict, so that one value has one spelling:
// no white space, no missing or extra padding, no bits set behind the last byte. Tested by
// tests/unit/crypto/encoding_test.cpp.
#pragma once

#include "userspace/crypto/hash.h"

#include <optional>
#include <string>
#include <string_view>

namespace veilwire::crypto {

std::string hex_encode(std::string_view bytes);  // lower case
std::string hex_encode(const Digest& digest);
std::optional<std::string> hex_decode(std::string_view text);  // either case

std::string base64_encode(std::string_view bytes);  // padded
std::optional<std::string> base64_decode(std::string_view text);

// The URL-safe alphabet without padding, as JWT (RFC 7515) and PKCE (RFC 7636) spell it.
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace veilwire::crypto
