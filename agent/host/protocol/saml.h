// Two questions: where a browser is sent to sign in at the SAML IdP, and what the response says
// that it came back with. Asked by veilwire-identity, answered by veilwire-saml over a local
// SOCK_SEQPACKET socket, one message each, in the order of the questions. A response goes in as the
// browser posted it; what comes out is bounded printable text or the name of what is wrong with it,
// so that no byte of foreign XML reaches the asker.
//
// Integers are in the host's byte order: both ends are on this host, built together; another
// version is refused. Tested by tests/unit/host/saml_protocol_test.cpp and
// tests/fuzz/saml_protocol.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/saml_assertion.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kSamlVersion = 2;
inline constexpr std::size_t kSamlUrl = 8192;
inline constexpr std::size_t kSamlCallback = 512;
inline constexpr std::size_t kSamlId = 256;  // of requests and assertions: real ones have 30 to 70

struct SamlBegin {
  std::string relay_state;    // comes back with the response: which sign-in it belongs to
  bool sign_in_anew = false;  // ForceAuthn: a session at the IdP does not count
  friend bool operator==(const SamlBegin&, const SamlBegin&) = default;
};
struct SamlFinish {
  std::string response;        // base64, as it was posted
  std::string in_response_to;  // SamlBegun::request_id
  WallTime now;                // whole seconds
  friend bool operator==(const SamlFinish&, const SamlFinish&) = default;
};
struct SamlQuestion {
  std::uint64_t id = 0;  // the asker's own
  std::variant<SamlBegin, SamlFinish> what;
  friend bool operator==(const SamlQuestion&, const SamlQuestion&) = default;
};

// Why a response is no sign-in. What is not said here is not told apart.
enum class SamlError : std::uint8_t {
  TooLarge,        // over a limit: bytes, elements, depth, attributes, values, a text
  NotBase64,       // not RFC 4648, white space aside
  NotXml,          // not well-formed, or not UTF-8
  ForbiddenXml,    // a document type, an entity, a comment or a processing instruction
  NotAResponse,    // XML of another kind, or out of the order that the schema has
  RefusedByIdp,    // a status other than success
  Encrypted,       // an assertion, a name or an attribute is encrypted
  NotOne,          // no assertion, or several
  Unsigned,        // the assertion carries no signature of its own
  BadSignature,    // it does not verify with a pinned key
  WeakSignature,   // SHA-1, or another algorithm that is not taken
  WrappedContent,  // an identifier twice, or a signature that covers something else
  WrongIssuer,     // not the IdP that is configured
  WrongAudience,   // for somebody else, or for nobody in particular
  WrongRecipient,  // for another address
  WrongRequest,    // no answer to what was asked
  NotYet,          // by our clock, with a minute of grace
  Expired,         // the same
  Replayed,        // it has been used before
  Unprintable,     // a text that may not go into records
  Busy,            // too many sign-ins to remember: try again later
  Unusable,        // a request could not be made from what is configured
};
inline constexpr SamlError kLastSamlError = SamlError::Unusable;
std::string_view to_string(SamlError error);  // a clause for a person

struct SamlBegun {
  std::string url;  // for the browser, of the IdP that is configured
  std::string request_id;
  std::string callback;  // the address on loopback where the response is posted
  friend bool operator==(const SamlBegun&, const SamlBegun&) = default;
};
struct SamlRefused {
  SamlError error{};
  std::string said;  // by the IdP or about the place; printable, may be empty
  friend bool operator==(const SamlRefused&, const SamlRefused&) = default;
};
struct SamlAnswer {
  std::uint64_t id = 0;
  std::variant<SamlBegun, identity::SamlAssertion, SamlRefused> what;
  friend bool operator==(const SamlAnswer&, const SamlAnswer&) = default;
};

// nullopt: does not fit the bounds.
std::optional<std::string> encode(const SamlQuestion& question);
std::optional<std::string> encode(const SamlAnswer& answer);
// nullopt: another version, or a message that no encoder writes. The sender is not what it should
// be: close.
std::optional<SamlQuestion> decode_saml_question(std::string_view message);
std::optional<SamlAnswer> decode_saml_answer(std::string_view message);

// Asks over a connected socket and waits. For tests; the error is an errno value.
Result<SamlAnswer, int> ask_saml(int fd, const SamlQuestion& question, int timeout_ms);

}  // namespace veilwire::host::protocol
