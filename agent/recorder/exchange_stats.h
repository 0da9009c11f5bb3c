// What `veilwire audit stats` counts. Tested by tests/unit/recorder/exchange_query_test.cpp.
#pragma once

#include "agent/recorder/ledger_reader.h"

#include <vector>

namespace veilwire::recorder {

// See LedgerReader::count(). What is chosen is kept in a temporary table of the connection, so that
// the ledger itself is not written to and everything is counted of the same entries.
std::vector<std::vector<ExchangeCount>> count_exchanges(Database& database,
                                                        const ExchangeFilter& filter,
                                                        const std::vector<CountBy>& by);

}  // namespace veilwire::recorder
