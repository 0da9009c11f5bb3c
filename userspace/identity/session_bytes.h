// The table as bytes, so that a restart signs nobody out. The tokens are in it as they were sealed;
// names, groups and the state are in clear, and whoever could change them would be whom they like:
// the file is its writer's alone, and an authenticator over the whole is the caller's to add.
//
// One table has one spelling: sessions in the order of their bindings, every number and text as it
// is written here and nothing behind. What is read is held to all bounds of the table. Tables of
// another boot are refused, as their bindings mean nothing in this one. Tested by
// tests/unit/identity/session_bytes_test.cpp and tests/fuzz/session_bytes.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/session_table.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::identity {

enum class SessionBytesError : std::uint8_t {
  OtherVersion,  // or not such a table at all
  OtherBoot,     // good once, and of no use any more
  Malformed,     // lengths, enumerators, order or bounds that no writer writes
};
std::string_view to_string(SessionBytesError error);  // a clause for a person

std::string encode_sessions(const SessionTable& table, const BootId& boot);
Result<SessionTable, SessionBytesError> decode_sessions(std::string_view bytes, const BootId& boot,
                                                        const SessionTimes& times);

}  // namespace veilwire::identity
