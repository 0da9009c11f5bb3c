// One question and one answer: the organisation's credential of this name. Asked by the proxy,
// answered by veilwire-credentials over a local SOCK_SEQPACKET socket, one message each. Many
// questions may be open on one connection; answers carry the question's id and come in any order,
// so that a slow source holds up only those who need it.
//
// A message that holds a credential is to be wiped by whoever has read or sent it. Integers are in
// the host's byte order: both ends are on this host, built together; another version is refused.
// Tested by tests/unit/credentials/protocol_test.cpp and tests/fuzz/credentials_protocol.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/secret.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kCredentialsVersion = 2;
inline constexpr std::size_t kCredentialReason = 256;
// A credential is asked for again after this long at the latest: what has been withdrawn at its
// source must not live on in the proxy.
inline constexpr std::chrono::hours kCredentialLongestValidity{1};

struct CredentialQuestion {
  std::uint64_t id = 0;  // the asker's own
  std::string name;
  bool anew = false;  // the host has refused what was given: its source is to be asked again

  friend bool operator==(const CredentialQuestion&, const CredentialQuestion&) = default;
};

struct KnownCredential {
  Secret value;
  std::chrono::milliseconds valid_for{0};
};
struct NoCredential {
  std::string reason;  // for an operator and the record; printable, never a part of a credential
};
struct CredentialAnswer {
  std::uint64_t id = 0;
  std::variant<KnownCredential, NoCredential> what;
};

// One word of a to z, 0 to 9, '-' and '_', up to limits::kCredentialName: it stands in records.
bool is_credential_name(std::string_view name);
// Printable ASCII without white space around it, up to limits::kCredential: what can stand in a
// field of a head and cannot end it.
bool is_credential_value(std::string_view value);

// nullopt: a name or a value that is none. A reason that is too long is cut.
std::optional<std::string> encode(const CredentialQuestion& question);
std::optional<std::string> encode(const CredentialAnswer& answer);
// nullopt: another version, or a message that no encoder writes. The sender is not what it should
// be: close.
std::optional<CredentialQuestion> decode_credential_question(std::string_view message);
std::optional<CredentialAnswer> decode_credential_answer(std::string_view message);

}  // namespace veilwire::host::protocol
