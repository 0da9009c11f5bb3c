// Keeps the tables that `veilwire audit list` reads in step with the records, in the transaction
// that stores them. Most records are fragments without a mask: those touch nothing here.
// Tested by tests/unit/recorder/exchange_index_test.cpp.
#pragma once

#include "agent/recorder/sqlite.h"
#include "userspace/audit/record.h"

#include <string_view>
#include <vector>

namespace veilwire::recorder {

// The reason of the gap that the recorder puts at the end of what a writer has left open. In the
// index it is the outcome.
inline constexpr std::string_view kProxyGone = "proxy gone";

class ExchangeIndex {
 public:
  explicit ExchangeIndex(Database& database);
  // false: the database refused; its last error says why.
  bool add(const audit::Record& record, std::string_view session);

 private:
  struct Add;
  bool count_findings(std::string_view session, std::uint64_t exchange,
                      const std::vector<audit::MaskedSpan>& masks);

  Statement begin_, session_, head_, status_, blocked_, gap_, close_, finding_;
};

}  // namespace veilwire::recorder
