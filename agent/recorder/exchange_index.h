// Keeps the tables that `veilwire audit list` reads in step with the records, in the transaction
// that stores them. Most records are fragments without a mask: those touch nothing here.
// Tested by tests/unit/recorder/exchange_index_test.cpp.
#pragma once

#include "agent/recorder/exchange_terms.h"
#include "agent/recorder/sqlite.h"
#include "userspace/audit/record.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::recorder {

using audit::kProxyGone;  // as a reason; in the index it is the outcome

class ExchangeIndex {
 public:
  explicit ExchangeIndex(Database& database);
  // false: the database refused; its last error says why.
  bool add(const audit::Record& record, std::string_view session);

 private:
  struct Add;
  struct Entry {
    std::int64_t id = 0;
    std::int64_t started_ns = 0;
    std::int64_t decisions = 0;
  };

  // Made when there is none. An empty optional: the database refused.
  std::optional<Entry> entry(std::string_view session, std::uint64_t exchange, std::int64_t wall);
  std::optional<std::int64_t> term(TermKind kind, std::string_view text);
  bool file(const Entry& entry, TermKind kind, std::string_view text);
  bool file(const Entry& entry, const identity::Person& person);
  bool decide(Entry& entry, Decision decision);
  bool found(const Entry& entry, std::string_view rule, std::string_view category,
             std::uint64_t count);
  bool found(Entry& entry, const std::vector<audit::MaskedSpan>& masks);

  Database& database_;
  Statement find_, begin_, session_, head_, status_, blocked_, gap_, close_, decide_, finding_,
      find_term_, add_term_, file_, unfile_;
};

// Fills the index of a ledger of an earlier version from its records, in portions that are
// committed, so that an interrupted one goes on where it stood; then drops the tables of before.
// Does nothing where it is complete. Throws SqliteError.
void fill_index(Database& database, ExchangeIndex& index, const std::string& path);

}  // namespace veilwire::recorder
