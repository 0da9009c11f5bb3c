// What of a record an auditor's SQL searches by, beside its canonical bytes. Tested by
// tests/unit/witness/record_columns_test.cpp.
#pragma once

#include "userspace/audit/parse.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::witness {

// Texts are UTF-8 without NUL, which PostgreSQL's text can hold, and cut at kColumnBytes.
struct RecordColumns {
  std::string kind;  // "unreadable": it is no record, and nothing else is known of it
  std::string host, session;
  std::uint64_t exchange = 0;
  std::int64_t wall_ns = 0;
  // Of records that say whom a request came from.
  struct Person {
    std::string issuer, subject, name;
  };
  std::optional<Person> person;
};

// An index takes no more than a third of a page of 8 kB.
inline constexpr std::size_t kColumnBytes = 512;

RecordColumns columns_of(const std::optional<audit::Parsed>& parsed);

// As above: what cannot stand in such a text is written as \xNN.
std::string column_text(std::string_view text);

}  // namespace veilwire::witness
