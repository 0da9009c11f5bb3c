#include "userspace/identity/token_error.h"

namespace veilwire::identity {

std::string_view to_string(TokenError error) {
  switch (error) {
    case TokenError::TooLarge:
      return "the token is larger than 16 KiB";
    case TokenError::NotCompact:
      return "the token is not three parts between dots";
    case TokenError::Encrypted:
      return "the token is encrypted";
    case TokenError::NotBase64Url:
      return "a part of the token is not base64url without padding";
    case TokenError::NotJson:
      return "a part of the token is not a JSON object";
    case TokenError::DuplicateMember:
      return "an object of the token has a member twice";
    case TokenError::TooComplex:
      return "the token is nested too deeply or has too many values";
    case TokenError::AlgorithmNotAllowed:
      return "its algorithm is none of RS256, PS256, ES256, ES384 and EdDSA";
    case TokenError::HeaderNotAllowed:
      return "it has a header that is not allowed";
    case TokenError::HeaderMalformed:
      return "a header is not as it should be";
    case TokenError::WrongType:
      return "it is a token of another kind";
    case TokenError::UnknownKey:
      return "the key set has no key of its kid";
    case TokenError::AmbiguousKey:
      return "it names no key and several of the key set would serve";
    case TokenError::KeyOfOtherAlgorithm:
      return "the key that it names is one for other algorithms";
    case TokenError::UnusableKey:
      return "the key that it names was left out of the key set";
    case TokenError::BadSignature:
      return "its signature does not verify";
    case TokenError::ClaimMissing:
      return "a claim is missing";
    case TokenError::ClaimMalformed:
      return "a claim is not as it should be";
    case TokenError::ClaimNotAllowed:
      return "it has a claim that its kind must not have";
    case TokenError::WrongIssuer:
      return "it was issued by somebody else";
    case TokenError::WrongAudience:
      return "it is meant for somebody else";
    case TokenError::WrongParty:
      return "it was issued to another client";
    case TokenError::WrongNonce:
      return "it does not belong to this sign-in";
    case TokenError::Expired:
      return "it has expired";
    case TokenError::NotYetValid:
      return "it is not valid yet";
    case TokenError::IssuedInFuture:
      return "it was issued in the future: the clocks differ";
    case TokenError::TooOld:
      return "it was issued too long ago";
    case TokenError::SignedInTooLongAgo:
      return "the person signed in too long ago";
    case TokenError::WrongEvent:
      return "it holds no logout event";
    case TokenError::TooManyGroups:
      return "it has more than 1000 groups";
    case TokenError::GroupsElsewhere:
      return "the IdP left the groups out of it, as it does when they are many";
  }
  return "unknown";
}

std::string to_string(const TokenFault& fault) {
  std::string out(to_string(fault.error));
  if (!fault.about.empty()) out.append(" (").append(fault.about).append(")");
  return out;
}

TokenFault token_fault(JsonFault fault, std::string_view about) {
  switch (fault) {
    case JsonFault::TooLarge:
      return {TokenError::TooLarge, about};
    case JsonFault::DuplicateMember:
      return {TokenError::DuplicateMember, about};
    case JsonFault::TooDeep:
    case JsonFault::TooManyValues:
      return {TokenError::TooComplex, about};
    case JsonFault::NotAnObject:
    case JsonFault::NotJson:
    case JsonFault::NumberTooLarge:
      break;
  }
  return {TokenError::NotJson, about};
}

}  // namespace veilwire::identity
