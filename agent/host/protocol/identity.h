// One question and one answer: who is this peer? Spoken by the proxy (asks) and veilwire-identity
// (answers) over a local SOCK_SEQPACKET socket, one message each. Many questions may be open on one
// connection; answers carry the question's id and come in any order, so that a slow directory holds
// up only those who need it.
//
// Integers are in the host's byte order: both ends are on this host, built together; another
// version is refused. Tested by tests/unit/identity/protocol_test.cpp and
// tests/fuzz/identity_protocol.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/person.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kIdentityVersion = 1;
// A directory server decides how long names are and how many groups somebody has; these bounds keep
// an answer within one local message. Somebody with more groups is refused, not cut: a policy may
// make an exception for the last one.
inline constexpr std::size_t kIdentityText = 1024;
inline constexpr std::size_t kIdentityGroups = 4096;
inline constexpr std::size_t kIdentityMessage = 96 * 1024;
// An answer is good for at most this long; a longer one is a broken or hostile identity program.
inline constexpr std::chrono::hours kIdentityLongestValidity{24};

enum class IdentityProtocolError : std::uint8_t {
  OtherVersion,  // or not this protocol at all
  Malformed,     // lengths, enumerators or bounds that no encoder writes
  TooLarge,      // encoding only: does not fit the bounds above
};

struct IdentityQuestion {
  std::uint64_t id = 0;
  identity::Peer peer;
};

struct KnownPerson {
  identity::Person person;  // valid_until is the asker's own: the time of decoding plus valid_for
  std::chrono::milliseconds valid_for{0};
};
struct NobodyKnown {
  std::string reason;  // for the person at the client and for the record
};
struct IdentityAnswer {
  std::uint64_t id = 0;
  std::variant<KnownPerson, NobodyKnown> who;
};

std::string encode(const IdentityQuestion& question);
Result<IdentityQuestion, IdentityProtocolError> decode_identity_question(std::string_view message);

// A reason that is too long is cut; a person who does not fit is TooLarge.
Result<std::string, IdentityProtocolError> encode(const IdentityAnswer& answer);
Result<IdentityAnswer, IdentityProtocolError> decode_identity_answer(std::string_view message,
                                                                     Monotonic now);

}  // namespace veilwire::host::protocol
