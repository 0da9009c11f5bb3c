// Why a token is refused, precisely enough for an operator to mend the IdP's configuration or ours.
// For records and status only: a client is told no more than that its token was refused. Tested by
// tests/unit/identity/jwt_test.cpp.
#pragma once

#include "userspace/identity/strict_json.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::identity {

enum class TokenError : std::uint8_t {
  // Its form (RFC 7515, 3.1).
  TooLarge,         // over limits::kToken
  NotCompact,       // not three parts between dots
  Encrypted,        // five parts: a JWE (RFC 7516), which only its recipient can read
  NotBase64Url,     // a part is not in the one spelling of its bytes
  NotJson,          // header or claims are no JSON object
  DuplicateMember,  // an object in them has a member twice
  TooComplex,       // nested too deeply, or too many values
  // Its header.
  AlgorithmNotAllowed,  // `alg` is missing or none of crypto::SignatureAlgorithm
  HeaderNotAllowed,     // a header that brings a key or changes how the rest is read
  HeaderMalformed,      // a header that we read is of another kind or too long
  WrongType,            // `typ` is that of another kind of token (RFC 8725, 3.11)
  // The key.
  UnknownKey,           // no key of that `kid`: the key set may be out of date
  AmbiguousKey,         // no `kid`, and several keys that would serve
  KeyOfOtherAlgorithm,  // the key of that `kid` serves other algorithms
  UnusableKey,          // the key of that `kid` was left out of the set
  BadSignature,
  // Its claims.
  ClaimMissing,
  ClaimMalformed,      // of another kind, out of range, or not fit for a record
  ClaimNotAllowed,     // one that this kind of token must not have
  WrongIssuer,         // `iss` is not exactly the expected one
  WrongAudience,       // `aud` does not name us
  WrongParty,          // `azp` names another client
  WrongNonce,          // not the one of our request
  Expired,             // `exp` has passed, by more than the skew
  NotYetValid,         // `nbf` is to come, by more than the skew
  IssuedInFuture,      // `iat` is to come, by more than the skew
  TooOld,              // `iat` is further back than the caller allows
  SignedInTooLongAgo,  // `auth_time` is further back than the caller allows
  WrongEvent,          // `events` does not hold the one that makes a logout token
  TooManyGroups,       // over limits::kTokenGroups
  GroupsElsewhere,     // the IdP left them out of the token and says where to ask for them
};
std::string_view to_string(TokenError error);  // a clause for a person

struct TokenFault {
  TokenError error{};
  std::string_view about = {};  // the header or claim, from the code and never from the token
};
std::string to_string(const TokenFault& fault);  // the clause and what it is about

// `about` names the part that the fault is of.
TokenFault token_fault(JsonFault fault, std::string_view about);

}  // namespace veilwire::identity
