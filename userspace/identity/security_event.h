// What an IdP tells unasked: Security Event Tokens (RFC 8417) of the Shared Signals Framework, and
// what each means for the sessions here. A token is a statement about the past, so that carrying
// it out twice, or late, does no more than once and in time: sign-ins behind its moment stay.
//
// Event types: OpenID CAEP 1.0, 3 and RISC 1.0, 2; those about the stream itself: Shared Signals
// Framework 1.0, 8.1.4 and 8.1.5. Subjects: RFC 9493, 3, in `sub_id` or where older transmitters
// put them, in the event's `subject` (SSF 1.0, 3.1). Where a subject is narrower than what we know
// of a session (this device, that tenant), whoever it may be is meant: it costs them a sign-in.
//
// Whoever owns the table carries events out with event_poll.h. Tested by
// tests/unit/identity/security_event_test.cpp with the specifications' examples.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/claims.h"
#include "userspace/identity/jwk_set.h"
#include "userspace/identity/session_table.h"
#include "userspace/identity/token_error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

struct EventExpectation {
  std::string transmitter;  // `iss` of the tokens
  std::string audience;     // our name with it: one of `aud`
  std::string issuer;       // whose people they are about; often the transmitter itself
};

enum class EventKind : std::uint8_t {
  SessionRevoked,        // CAEP 1.0, 3.1
  CredentialChange,      // 3.3: ends the sessions of before, unless a credential was added
  AssuranceLevelChange,  // 3.4: the same, unless it increased
  AccountPurged,         // RISC 1.0, 2.2
  AccountDisabled,       // 2.3
  CredentialCompromise,  // 2.7
  SessionsRevoked,       // 2.11; deprecated and sent all the same
  StreamTest,            // SSF 1.0, 8.1.4.1
  StreamUpdated,         // 8.1.5: it may have been paused, which an operator should know
  Other,                 // of no meaning to us
};
std::string_view to_string(EventKind kind);  // session-revoked

enum class EventMeaning : std::uint8_t {
  EndsSessions,
  EndsNothing,     // by its kind, or by what it says
  UnknownSubject,  // named in a way that we cannot look up: an address, a device
  OtherIssuer,     // about somebody else's people
};
std::string_view to_string(EventMeaning meaning);  // a clause for records

struct SecurityEvent {
  EventKind kind = EventKind::Other;
  EventMeaning meaning = EventMeaning::EndsNothing;
  std::string type;                     // as it came, printable
  std::vector<Revocation> revocations;  // of EndsSessions
  // By subject, where it is one session that is meant: sessions of theirs for which the IdP has
  // given no `sid` may be the one.
  std::vector<Revocation> where_unnamed;
};

struct SecurityEvents {
  std::string id;  // jti
  std::vector<SecurityEvent> events;
};

// UnknownKey may go away with a key set that is fetched anew, as for any token.
Result<SecurityEvents, TokenFault> read_security_events(std::string_view token, const JwkSet& keys,
                                                        const EventExpectation& expected,
                                                        WallTime now);
// Of a token that has been verified as TokenKind::SecurityEvent.
Result<SecurityEvents, TokenFault> security_events(const VerifiedToken& token,
                                                   const EventExpectation& expected);

// Gives the bindings whose sessions it ended.
std::vector<Binding> carry_out(const SecurityEvent& event, SessionTable& table, Now now);

// What a transmitter is told about a token that is refused (RFC 8935, 2.4): invalid_key.
std::string_view set_error_code(TokenError error);

}  // namespace veilwire::identity
