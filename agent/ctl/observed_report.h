// What a policy that only observes would have changed, blocked and refused, counted from records:
// what `veilwire audit report` prints. Tested by tests/unit/ctl/audit_report_test.cpp.
#pragma once

#include "agent/recorder/ledger_reader.h"
#include "userspace/audit/record.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::ctl {

// Of one value: a rule, a person, a server, ...
struct ObservedCount {
  std::uint64_t mask = 0, block = 0;  // findings
  std::uint64_t refused = 0;          // times that an exchange would have been ended otherwise
  std::uint64_t exchanges = 0;
  std::set<std::string> people;
};

// A finding where it stands, masked as its record has it.
struct ObservedExample {
  std::string id, direction, digest;
  std::string before, mask, behind;
};

struct ObservedRule : ObservedCount {
  std::string category;
  std::set<std::string> digests;  // of different values, up to kToldApart
  std::vector<ObservedExample> examples;
};

// What was not inspected, by its reason.
struct ObservedGap {
  std::uint64_t gaps = 0, bytes = 0;
  std::uint64_t would_block = 0;
};

struct ObservedReport {
  static constexpr std::size_t kDigestsToldApart = 10'000;

  std::uint64_t exchanges = 0;  // all that the filter finds
  ObservedCount all;            // of those that would have been touched
  std::uint64_t stopped = 0;    // of these, exchanges that would have ended
  std::map<std::string, ObservedRule> rules;
  std::map<std::string, ObservedCount> people, groups, servers, models, tools;
  std::map<std::string, ObservedCount> refusals;  // by outcome
  std::map<std::string, ObservedGap> gaps;
};

// filter: its decision and limit do not count. examples: of each rule, of different values.
ObservedReport observed_report(recorder::LedgerReader& ledger, recorder::ExchangeFilter filter,
                               std::size_t examples);

}  // namespace veilwire::ctl
