#include "userspace/identity/jwt.h"

#include "userspace/base/limits.h"
#include "userspace/identity/jws.h"
#include "userspace/identity/printable.h"
#include "userspace/identity/strict_json.h"

namespace veilwire::identity {
namespace {

bool is_of_kind(const Jws& jws, TokenKind kind) {
  switch (kind) {
    case TokenKind::Id:  // typed since later specifications only
      return !jws.type || *jws.type == "jwt";
    case TokenKind::Access:
      return jws.type == "at+jwt";
    case TokenKind::Logout:
      return jws.type == "logout+jwt";
    case TokenKind::SecurityEvent:
      return jws.type == "secevent+jwt";
  }
  return false;
}

}  // namespace

Result<VerifiedToken, TokenFault> verify_token(std::string_view token, const JwkSet& keys,
                                               const TokenExpectation& expected, WallTime now) {
  const auto jws = parse_jws(token);
  if (!jws) return Unexpected{jws.error()};
  if (!is_of_kind(*jws, expected.kind)) return Unexpected{TokenFault{TokenError::WrongType, "typ"}};
  if (const auto verified = verify(*jws, keys); !verified) return Unexpected{verified.error()};
  return check_claims(jws->payload, expected, now);
}

Result<std::string, TokenFault> claimed_issuer(std::string_view token) {
  const auto jws = parse_jws(token);
  if (!jws) return Unexpected{jws.error()};
  const auto claims = read_json_object(jws->payload, limits::kToken);
  if (!claims) return Unexpected{token_fault(claims.error(), "claims")};
  const std::string* const issuer = claims->text_at("iss");
  if (issuer == nullptr) return Unexpected{TokenFault{TokenError::ClaimMissing, "iss"}};
  if (!printable(*issuer) || issuer->size() > limits::kTokenText)
    return Unexpected{TokenFault{TokenError::ClaimMalformed, "iss"}};
  return *issuer;
}

}  // namespace veilwire::identity
