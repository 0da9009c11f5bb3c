// A token from bytes to who it is about: envelope, kind, signature, claims. Takes no step before
// the one ahead of it has succeeded, so that nothing of a forged token is looked at but its header.
// Whether the token has been revoked, and whether its jti has been seen before, is the caller's
// matter. Tested by tests/unit/identity/jwt_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/claims.h"
#include "userspace/identity/jwk_set.h"
#include "userspace/identity/token_error.h"

#include <string>
#include <string_view>

namespace veilwire::identity {

// UnknownKey is the one error that may go away: with a key set that is fetched anew, at a rate that
// the caller bounds.
Result<VerifiedToken, TokenFault> verify_token(std::string_view token, const JwkSet& keys,
                                               const TokenExpectation& expected, WallTime now);

// Who a token says has issued it, verified by nobody: good for choosing among the issuers that are
// configured which one's keys and expectation to verify it with, and for nothing else.
Result<std::string, TokenFault> claimed_issuer(std::string_view token);

}  // namespace veilwire::identity
