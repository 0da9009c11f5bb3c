// Proof Key for Code Exchange (RFC 7636), S256 alone: who has caught a code cannot use it. Tested
// by tests/unit/identity/pkce_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/crypto/random.h"

#include <string>
#include <string_view>

namespace veilwire::identity {

// 32 random bytes as 43 characters, as 4.1 recommends. Good for state and nonce as well.
std::string random_text(const crypto::RandomSource& random);

// 4.2.
std::string code_challenge(std::string_view verifier);

}  // namespace veilwire::identity
