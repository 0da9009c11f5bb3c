// Canonical bytes back to a record: for the ledger's index, for show, replay and the projections.
// The bytes may come from a writer that was taken over, so nothing here trusts them.
// Tested by tests/unit/audit/parse_test.cpp and fuzzed by tests/fuzz/audit_record.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::audit {

enum class ParseError : std::uint8_t {
  TooLarge,      // above kRecordBytes
  NotJson,       // not one JSON object of valid UTF-8
  WrongVersion,  // "v" is absent or names a format that this program does not know
  UnknownKind,
  WrongMember,  // a member is absent, has another type or is out of range
};
std::string_view to_string(ParseError error);

struct Parsed {
  Record record;
  std::string writer;
  std::uint64_t seq = 0;
};

// Members that are not known are passed over. For every record r that canonical() wrote,
// canonical(parse_record(r)) is r.
Result<Parsed, ParseError> parse_record(std::string_view json);

}  // namespace veilwire::audit
