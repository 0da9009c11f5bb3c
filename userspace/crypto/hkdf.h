// HKDF-SHA256 (RFC 5869): one key becomes as many as it has uses, and none of them tells of
// another. Tested by tests/unit/crypto/hkdf_test.cpp against the RFC's vectors.
#pragma once

#include "userspace/base/secret.h"

#include <cstddef>
#include <string_view>

namespace veilwire::crypto {

inline constexpr std::size_t kHkdfMost = 255 * 32;  // RFC 5869, 2.3

// key: not empty. salt may be, and is for a key that is random already. info: what the new key is
// for. size: 1 to kHkdfMost.
Secret hkdf_sha256(std::string_view key, std::string_view salt, std::string_view info,
                   std::size_t size);

}  // namespace veilwire::crypto
