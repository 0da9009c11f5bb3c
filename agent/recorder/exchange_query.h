// From a filter to SQL over the index. A filter may name several terms; the entries of the rarest
// one are walked, newest first, and the others are looked up, so that no combination reads more
// than that term's entries. SQLite itself would have to guess which index is the best.
// Tested by tests/unit/recorder/exchange_query_test.cpp.
#pragma once

#include "agent/recorder/ledger_reader.h"

#include <optional>
#include <string>

namespace veilwire::recorder {

struct EntryQuery {
  // Of the entries e that match: "FROM ... WHERE ...". ?1 is the first digits of a session.
  std::string from;
  std::string order;  // "ORDER BY ...", newest first
};

// nullopt: a term has no entry at all.
std::optional<EntryQuery> entry_query(Database& database, const ExchangeFilter& filter);

// All that a list says of each of them, the newest first.
std::string list_sql(const EntryQuery& query, std::size_t limit);

std::vector<ExchangeSummary> list_exchanges(Database& database, const ExchangeFilter& filter);

// Of a ledger whose index has not been filled yet. Throws SqliteError for a filter that the tables
// of before cannot answer.
std::vector<ExchangeSummary> list_earlier_exchanges(Database& database,
                                                    const ExchangeFilter& filter);
// Whether it is such a one.
bool is_earlier(Database& database);

}  // namespace veilwire::recorder
