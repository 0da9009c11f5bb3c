// What an IdP says about a person now (OpenID Connect Core 1.0, 5.3). For IdPs that give no ID
// token at a refresh (12.2 leaves it open, glewlwyd is one): there the groups of a session would
// stay what they were at the sign-in. Tested by tests/unit/identity/userinfo_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/token_request.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// nullopt: the IdP has no such endpoint.
std::optional<IdpRequest> userinfo_request(const OidcProvider& provider, const Tokens& tokens);

struct UserInfo {
  // nullopt: the answer names none. An IdP may have left an empty list out, or may never tell of
  // groups here: which of them it is, its answer at the sign-in has shown.
  std::optional<std::vector<std::string>> groups;
};

// subject: of the session. An answer about somebody else is no answer (5.3.2). groups: names that
// lead to them, as in TokenExpectation; empty: none are read.
Result<UserInfo, IdpFault> read_userinfo(const IdpResponse& response, std::string_view subject,
                                         const std::vector<std::string>& groups);

}  // namespace veilwire::identity
