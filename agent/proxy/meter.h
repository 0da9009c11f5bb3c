// What a worker counts for metrics. Most of it is read off the records that its sessions put: their
// set is closed, so nothing inside of a connection has to count. Its thread writes; any thread
// reads. Names (of rules, reasons, outcomes) are behind a lock of this worker's own, which is taken
// where there is a finding or something ends, never for a plain event. Tested by
// tests/unit/proxy/meter_test.cpp.
#pragma once

#include "agent/host/tally.h"
#include "userspace/audit/record.h"
#include "userspace/identity/person.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace veilwire::proxy {

// Of observed refusals: what was not inspected, and passed because policy only observes.
inline constexpr std::string_view kNotInspected = "not inspected";

// Counts by names. What has no place any more is counted under kOtherName: names come from policy
// and code, but a policy may be changed without end.
inline constexpr std::string_view kOtherName = "other";
template <std::size_t N>
using NamedCounts = std::map<std::array<std::string, N>, std::uint64_t>;

// Of all workers together.
struct MeterSums {
  std::uint64_t begun = 0, fragments = 0, request_bytes = 0, response_bytes = 0;
  std::uint64_t upstream_errors = 0;
  NamedCounts<1> connections;       // handling
  NamedCounts<1> exchanges;         // outcome
  NamedCounts<1> requests;          // service
  NamedCounts<1> responses;         // "2xx"
  NamedCounts<1> identity;          // "fresh", "cached", "stale", "refused", "silent"
  NamedCounts<1> identity_changes;  // "changed", "lost"
  NamedCounts<1> blocked;           // answer
  NamedCounts<2> gaps;              // reason, action
  NamedCounts<4> findings;          // category, rule, action, direction
  // What policy would have done, had it not only observed.
  NamedCounts<4> observed;           // findings: category, rule, "mask" or "block", direction
  NamedCounts<1> observed_refusals;  // outcome, or kNotInspected
  host::HistogramCounts event_time, release_wait, hold_time;
};

class Meter {
 public:
  static constexpr std::size_t kMostRules = 600;  // of findings, and each with what was done
  static constexpr std::size_t kMostNames = 64;   // of anything else

  // From the worker's thread.
  void exchange_begun() { begun_.add(); }
  // One that could not be recorded to its end: no record says so.
  void exchange_lost();
  void record(const audit::Record& record);
  void known(const identity::Person& person);
  void nobody(bool silent);
  // What one event took: TLS, HTTP, masking, and the making of its records' contents.
  void event(std::chrono::nanoseconds time) { event_time_.observe(time); }
  // How long a record kept what stands behind it; 0 where nothing waited.
  void release_wait(std::chrono::nanoseconds time) { release_wait_.observe(time); }
  // From bytes of an answer's body until something goes on to the client.
  void hold(std::chrono::nanoseconds time) { hold_time_.observe(time); }

  // From any thread.
  void add_to(MeterSums& sums) const;

 private:
  struct Counter;  // one overload a kind of record
  void masks(const std::vector<audit::MaskedSpan>& masks, std::string_view direction);

  host::Tally begun_, fragments_, request_bytes_, response_bytes_, upstream_errors_;
  host::TimeHistogram event_time_, release_wait_, hold_time_;

  mutable std::mutex names_;
  NamedCounts<1> connections_, exchanges_, requests_, responses_, identity_, identity_changes_,
      blocked_, observed_refusals_;
  NamedCounts<2> gaps_;
  NamedCounts<4> findings_, observed_;
};

}  // namespace veilwire::proxy
