// The ledger, where it goes, and the disk under it. Whether it is what was signed is the question
// of `veilwire audit verify`, which reads all of it; here are the quick facts. Tested by
// tests/unit/doctor/ledger_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"
#include "userspace/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::doctor {

struct SinkFacts {
  std::string name, destination;
  std::uint64_t lag = 0, refused = 0;
  std::optional<std::int64_t> oldest_wall_ns;  // of what it has not delivered
  std::string problem;                         // the forwarder's word
  bool configured = true;
};
struct LedgerFacts {
  std::string path;
  std::string problem;  // why it cannot be read; "": it was
  std::int64_t records = 0;
  std::optional<std::int64_t> checkpoint_wall_ns;  // of the last one
  std::string recorder;                            // its status document; "": none
  std::vector<SinkFacts> sinks;
  WallTime now;
  // Of the file system under it; nullopt: not known.
  struct Disk {
    std::uint64_t size = 0, free = 0;           // bytes that the recorder may have
    std::uint64_t inodes = 0, inodes_free = 0;  // 0 of 0: it has no fixed number
  };
  std::optional<Disk> disk;
  std::uint64_t reserved_bytes = 0;  // reserved_mib
};

Findings check_ledger(const LedgerFacts& facts);

}  // namespace veilwire::doctor
