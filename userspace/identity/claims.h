// What a token claims, judged once its signature has been: by whom it was issued, for whom, when,
// and about whom. Tested by tests/unit/identity/claims_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/strict_json.h"
#include "userspace/identity/token_error.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// Each has its own `typ`, so that a token of one kind is never taken for one of another. All have
// iss, aud and iat.
enum class TokenKind : std::uint8_t {
  Id,             // OpenID Connect Core 1.0, 2, and what build systems give a job; with sub and exp
  Access,         // RFC 9068; with sub, exp, jti and client_id
  Logout,         // Back-Channel Logout 1.0, 2.4; with jti, the logout event, and sub or sid
  SecurityEvent,  // RFC 8417; with jti and events
};

// What a token must be to be taken.
struct TokenExpectation {
  TokenKind kind = TokenKind::Id;
  std::string issuer;    // compared byte by byte
  std::string audience;  // one of `aud`: our client_id, or our name as a resource
  // Where an ID token says to which client it was issued, it must be this one; empty: the audience.
  std::string authorized_party = {};
  std::optional<std::string> nonce = {};              // of our request; none: not asked for
  std::optional<std::chrono::seconds> max_age = {};   // since `iat`
  std::optional<std::chrono::seconds> max_auth = {};  // since `auth_time`, which must then be there
  // Names that lead to the groups: {"groups"}, {"realm_access", "roles"}; empty: none are read.
  std::vector<std::string> groups = {};
  std::chrono::seconds skew = limits::kClockSkew;
};

// Texts that have a member here are printable and at most limits::kTokenText long; an optional one
// that is absent or null is empty.
struct VerifiedToken {
  std::string issuer;
  std::string subject;  // unique within the issuer; may be empty for Logout and SecurityEvent
  std::vector<std::string> audience;
  std::string authorized_party;  // azp, or client_id of an access token
  std::string id;                // jti
  std::string session;           // sid
  WallTime issued_at;
  std::optional<WallTime> expires_at;  // always there for Id and Access
  std::optional<WallTime> signed_in_at;
  std::string acr;
  std::vector<std::string> amr;
  std::vector<std::string> groups;
  std::string preferred_username;
  std::string name;
  std::string email;
  bool email_verified = false;
  std::vector<std::string> events;  // names; what they hold is in claims
  JsonValue claims;                 // all of them as they came, for rules over others
};

// The claims of a payload that has been verified.
Result<VerifiedToken, TokenFault> check_claims(std::string_view payload,
                                               const TokenExpectation& expected, WallTime now);

}  // namespace veilwire::identity
