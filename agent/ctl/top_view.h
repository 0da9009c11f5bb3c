// What `veilwire top` shows, as values: made from what the programs say twice, with rates from the
// difference. Tested by tests/unit/ctl/top_view_test.cpp.
#pragma once

#include "agent/metrics/gather.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::ctl {

// All that was asked at one moment.
struct TopSample {
  std::chrono::nanoseconds at{0};        // on any steady clock
  std::vector<metrics::Answer> answers;  // of metrics::read_places()
  metrics::Answer live;                  // of the proxy's live socket
};

struct TopStream {
  std::string person, program, server, what;  // what: the model, or the tool or method of MCP
  double seconds = 0, events_per_second = 0;
  std::uint64_t pid = 0, findings = 0, waiting_bytes = 0;
};
struct TopPerson {
  std::string person;
  std::uint64_t streams = 0, findings = 0;
  double events_per_second = 0;
};
struct TopFinding {
  std::string rule, category, action, direction;  // action: or "would mask", "would block"
  std::uint64_t count = 0, fresh = 0;  // since the proxy's start, and since the sample before
};
struct TopSink {
  std::string name, state;
  std::uint64_t lag_records = 0, age_seconds = 0;
};

struct TopView {
  std::vector<std::string> down;  // programs that do not answer
  bool healthy = true;            // as those that do say
  bool complete = true;           // false: there are more streams than are listed
  std::vector<TopStream> streams;
  std::vector<TopPerson> people;     // with streams, by their number
  std::vector<TopFinding> findings;  // by fresh, then count
  std::vector<TopSink> sinks;        // by lag
  std::uint64_t connections = 0, exchanges = 0;
  std::string mode;  // of the policy: "enforce", "observe", "observe in part"; "": nobody says
  // Since the proxy's start, had the policy not only observed: findings, and times that something
  // would have been ended.
  std::uint64_t would_mask = 0, would_block = 0, would_refuse = 0;
  double seconds = 0;    // between the samples
  double proxy_cpu = 0;  // of one processor, in it: 0.5 is half
  // Means over that time, in seconds; 0 where there was nothing.
  double event_seconds = 0, wait_seconds = 0, hold_seconds = 0;
  std::uint64_t held_bytes = 0, held_limit = 0;
};

TopView make_view(const TopSample& before, const TopSample& now);

// One object, no line feed.
std::string to_json(const TopView& view);

}  // namespace veilwire::ctl
