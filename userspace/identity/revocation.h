// Giving a token back at sign-out (RFC 7009). Tested by tests/unit/identity/revocation_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/introspection.h"

#include <optional>

namespace veilwire::identity {

// nullopt: the IdP has no revocation endpoint. The refresh token is the one to give back: the
// access tokens of its grant go with it (2.1).
std::optional<IdpRequest> revocation_request(const ClientContext& context, const Secret& token,
                                             TokenHint hint);

// Success says that the token is worth nothing now, also where the IdP has never known it (2.2). Of
// a fault that is IdpVerdict::Failing, the token still stands: try again (2.2.1).
Result<void, IdpFault> read_revocation(const IdpResponse& response);

}  // namespace veilwire::identity
