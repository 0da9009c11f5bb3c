// Why an IdP gave no answer that we can use, and what follows from that. The difference that
// matters most: an IdP that says no ends a session, one that fails leaves it to the last answer
// until that is too old. Tested by tests/unit/identity/idp_fault_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/strict_json.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

enum class IdpError : std::uint8_t {
  Unreachable,       // no answer at all: name, connection, TLS, time
  UnexpectedStatus,  // neither success nor an error of OAuth: a redirect, an error page, a 5xx
  Refused,           // an error of OAuth; `code` says which
  TooLarge,          // over the request's most_answer
  NotJson,           // another media type, or no JSON object: an error page under status 200
  DuplicateMember,   // an object in it has a member twice
  TooComplex,        // nested too deeply, or too many values
  MemberMissing,
  MemberMalformed,   // of another kind, out of range, or a byte that must not be there
  WrongIssuer,       // the document is another issuer's (RFC 8414, 3.3)
  InsecureEndpoint,  // an endpoint that is no https URL
  UnknownTokenType,  // not Bearer
};
std::string_view to_string(IdpError error);  // a clause for a person

// RFC 6749, 4.1.2.1 and 5.2; RFC 6750, 3.1; RFC 7009, 2.2.1; RFC 8628, 3.5; OpenID Connect
// Core 1.0, 3.1.2.6.
enum class OAuthError : std::uint8_t {
  InvalidRequest,
  InvalidClient,
  InvalidGrant,
  UnauthorizedClient,
  UnsupportedGrantType,
  InvalidScope,
  AccessDenied,
  UnsupportedResponseType,
  ServerError,
  TemporarilyUnavailable,
  UnsupportedTokenType,
  InvalidToken,
  AuthorizationPending,
  SlowDown,
  ExpiredToken,
  InteractionRequired,
  LoginRequired,
  ConsentRequired,
  AccountSelectionRequired,
  UseDpopNonce,
  InvalidDpopProof,
  Other,  // one that we do not know
};
OAuthError oauth_error(std::string_view code);
std::string_view to_string(OAuthError code);  // invalid_grant; of Other: "another error"

struct IdpFault {
  IdpError error{};
  std::string_view about = {};          // the member, from the code and never from the answer
  int status = 0;                       // of the answer; 0: there was none
  OAuthError code = OAuthError::Other;  // of Refused
  std::string said = {};                // by the IdP, as shown_text()
  std::optional<std::chrono::seconds> retry_after = {};  // at most limits::kIdpRetryMost
};
std::string to_string(const IdpFault& fault);  // for records and status

enum class IdpVerdict : std::uint8_t {
  Denied,         // the IdP says no to this person or grant: it is over
  Misconfigured,  // it says no to us as a client, or is another than configured: for the operator
  Failing,        // it may pass: try again, and use the last answer until it is too old
};
IdpVerdict verdict(const IdpFault& fault);

// What an IdP wants a person to read, fit for a terminal and a record: the characters that RFC
// 6749, 5.2 allows stay, any other byte becomes "?", and the end is cut at limits::kIdpText.
std::string shown_text(std::string_view text);

// Seconds alone (RFC 9110, 10.2.3): a date would make our wait depend on two clocks. nullopt: none.
std::optional<std::chrono::seconds> retry_after(const IdpResponse& response);

// The object of an answer that says yes, with status 200 and as application/json; otherwise the
// fault that it is.
Result<JsonValue, IdpFault> read_answer(const IdpResponse& response,
                                        std::size_t most_bytes = limits::kIdpAnswer);
// Of an answer without a body that matters, with status 200.
Result<void, IdpFault> read_empty_answer(const IdpResponse& response);

// Takes the text of a member out of an object, which is wiped there. nullopt: none of that kind.
std::optional<Secret> take_secret(JsonValue& object, std::string_view name);
// A token, code or the like as RFC 6749, appendix A writes it: visible ASCII, not empty, at most
// limits::kToken.
bool is_credential(std::string_view text);

}  // namespace veilwire::identity
