// Whether a token still stands, asked of the IdP that gave it (RFC 7662). It says no in one way
// only, by an answer; whatever else comes is a failure of the IdP, or of ours as its client, and
// says nothing about the person. Tested by tests/unit/identity/introspection_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// Lets an IdP look in the right place first; it looks in the others too (2.1; RFC 7009, 2.1).
enum class TokenHint : std::uint8_t { AccessToken, RefreshToken };
std::string_view to_string(TokenHint hint);  // access_token

// nullopt: the IdP has no introspection endpoint.
std::optional<IdpRequest> introspection_request(const ClientContext& context, const Secret& token,
                                                TokenHint hint);

// 2.2. Texts are printable and at most limits::kTokenText long; one that is absent is empty.
struct Introspection {
  bool active = false;  // where it is not, nothing else is read
  std::string issuer;
  std::string subject;
  std::string username;
  std::string client_id;
  std::string scope;
  std::optional<WallTime> expires_at;
  // nullopt: the answer names none, so that those of the token stand.
  std::optional<std::vector<std::string>> groups;
};

// groups: names that lead to them, as in TokenExpectation; empty: none are read.
Result<Introspection, IdpFault> read_introspection(const IdpResponse& response,
                                                   const std::vector<std::string>& groups);

// Whether it is about the session that we hold: active, not expired, and the issuer and subject
// that it names, if it does, are the session's. Otherwise the session is over.
bool confirms(const Introspection& answer, std::string_view issuer, std::string_view subject,
              WallTime now);

}  // namespace veilwire::identity
