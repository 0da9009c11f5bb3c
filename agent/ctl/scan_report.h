// Findings as they are printed: as a compiler's messages, as one JSON object, or as SARIF 2.1.0
// (OASIS Standard, 27 March 2020). Written as they come, so that their number is not bounded by
// memory. No report holds a secret, or a digest of one that lasts longer than its key. Tested by
// tests/unit/ctl/scan_report_test.cpp.
#pragma once

#include "agent/ctl/scan_policy.h"
#include "agent/ctl/scan_text.h"

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace veilwire::ctl {

enum class ReportFormat : std::uint8_t { Text, Json, Sarif };

// Something that was not searched, or not to its end.
struct ScanNotice {
  std::string path;
  std::string message;
  bool error = false;  // it should have been searched
};

struct ScanTotals {
  std::uint64_t texts = 0;  // files, or lines of JSON
  std::uint64_t bytes = 0;
  std::uint64_t findings = 0;
};

// What standard input is called where a path is wanted.
inline constexpr const char* kStandardInput = "<stdin>";

class ScanReport {
 public:
  ScanReport() = default;
  ScanReport(const ScanReport&) = delete;
  ScanReport& operator=(const ScanReport&) = delete;
  virtual ~ScanReport() = default;

  virtual void found(const std::string& path, const Sighting& sighting,
                     const std::string& excerpt) = 0;
  // Notices go to standard error besides; a report of its own only repeats them.
  virtual void end(const std::vector<ScanNotice>& notices, const ScanTotals& totals) = 0;
};

struct ReportFacts {
  bool lasting_key = false;  // digests are worth comparing with those of another run
  bool offsets = true;       // offsets count from the start of the file
};
// policy and out outlive it.
std::unique_ptr<ScanReport> make_report(ReportFormat format, const ScanPolicy& policy,
                                        ReportFacts facts, std::ostream& out);

}  // namespace veilwire::ctl
