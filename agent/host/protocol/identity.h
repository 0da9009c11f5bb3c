// One question and one answer: who is this peer? Spoken by the proxy (asks) and veilwire-identity
// (answers) over a local SOCK_SEQPACKET socket, one message each. Many questions may be open on one
// connection; answers carry the question's id and come in any order, so that a slow directory holds
// up only those who need it.
//
// And one message unasked: the answers that were given on this connection for peers that may fall
// under some bindings are no more to be relied on (may_fall_under). It stands behind every answer
// that it takes back, and before every answer that knows better. A new connection starts with
// nothing to take back, so the asker forgets what an earlier one has said.
//
// A peer without a session may be let wait for its answer, so that somebody who is just signing in
// passes: for kIdentityLongestHold at most, and the asker has more patience than that.
//
// Integers are in the host's byte order: both ends are on this host, built together; another
// version is refused. Tested by tests/unit/identity/protocol_test.cpp and
// tests/fuzz/identity_protocol.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/binding.h"
#include "userspace/identity/person.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kIdentityVersion = 3;
// A directory server decides how long names are and how many groups somebody has; these bounds keep
// an answer within one local message. Somebody with more groups is refused, not cut: a policy may
// make an exception for the last one.
inline constexpr std::size_t kIdentityText = 1024;
inline constexpr std::size_t kIdentityGroups = 4096;
inline constexpr std::size_t kIdentityMessage = 96 * 1024;
// An answer is good for at most this long; a longer one is a broken or hostile identity program.
inline constexpr std::chrono::hours kIdentityLongestValidity{24};
// The word that an answer goes by may be this old. An older one is cut: it is for the record alone.
inline constexpr std::chrono::hours kIdentityOldestWord{1000};
inline constexpr std::chrono::seconds kIdentityLongestHold{20};
// With more bindings than this, everything has changed.
inline constexpr std::size_t kIdentityChanges = 1024;

enum class IdentityProtocolError : std::uint8_t {
  OtherVersion,  // or not this protocol at all
  Malformed,     // lengths, enumerators or bounds that no encoder writes
  TooLarge,      // encoding only: does not fit the bounds above
};

struct IdentityQuestion {
  std::uint64_t id = 0;
  identity::Peer peer;
  // Something goes on for the peer meanwhile: nobody is waited for who may still sign in.
  bool at_once = false;
};

// Also of a person whose standing is Stale: whether they pass is for policy to say.
struct KnownPerson {
  // valid_until and confirmed_at are the asker's own: the time of decoding, plus valid_for and less
  // age.
  identity::Person person;
  std::chrono::milliseconds valid_for{0};
  std::chrono::milliseconds age{0};  // of the word that it goes by
};
struct NobodyKnown {
  std::string reason;    // for the person at the client and for the record
  bool sign_in = false;  // it would help
};
struct IdentityAnswer {
  std::uint64_t id = 0;
  std::variant<KnownPerson, NobodyKnown> who;
};

struct IdentityChanged {
  // nullopt: everything may have.
  std::optional<std::vector<identity::Binding>> bindings;
};
using IdentityWord = std::variant<IdentityAnswer, IdentityChanged>;

std::string encode(const IdentityQuestion& question);
Result<IdentityQuestion, IdentityProtocolError> decode_identity_question(std::string_view message);

// A reason that is too long is cut; a person who does not fit is TooLarge.
Result<std::string, IdentityProtocolError> encode(const IdentityAnswer& answer);
std::string encode(const IdentityChanged& changed);
// Whether bindings are what is_well_formed() takes is for the asker to see.
Result<IdentityWord, IdentityProtocolError> decode_identity_word(std::string_view message,
                                                                 Monotonic now);

}  // namespace veilwire::host::protocol
