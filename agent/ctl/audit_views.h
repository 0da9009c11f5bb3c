// `veilwire audit list`, `stats`, `report`, `show` and `replay`. Each returns the exit code: 0, or
// those of audit_ledger.h. Tested by tests/unit/ctl/audit_commands_test.cpp.
#pragma once

#include "agent/recorder/ledger_reader.h"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace veilwire::ctl {

// Where a command writes, and whether a person looks at it there.
struct Screen {
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;
};

int audit_list(recorder::LedgerReader& ledger, const recorder::ExchangeFilter& filter, bool json,
               const Screen& screen);

struct StatsOptions {
  recorder::ExchangeFilter filter;  // limit: values of each kind that are shown
  std::vector<std::string> by;      // of stats_names(); none: all
  bool json = false;
};
std::vector<std::string> stats_names();
int audit_stats(recorder::LedgerReader& ledger, const StatsOptions& options, const Screen& screen);

// What a policy that only observes would have done.
struct ReportOptions {
  recorder::ExchangeFilter filter;  // limit: values of each kind that are shown
  std::size_t examples = 3;         // of each rule
  bool json = false;
};
int audit_report(recorder::LedgerReader& ledger, const ReportOptions& options,
                 const Screen& screen);

// Everything about one exchange; with json its records, each as it was committed.
int audit_show(recorder::LedgerReader& ledger, const std::string& id, bool json,
               const Screen& screen);

struct ReplayOptions {
  std::string id;
  double speed = 1;      // above 0; 2 is twice as fast
  bool no_wait = false;  // everything at once
  bool raw = false;      // the released bytes and nothing else
  // Waits as long; a test looks at the times instead.
  std::function<void(std::chrono::nanoseconds)> sleep;
};
int audit_replay(recorder::LedgerReader& ledger, const ReplayOptions& options,
                 const Screen& screen);

}  // namespace veilwire::ctl
