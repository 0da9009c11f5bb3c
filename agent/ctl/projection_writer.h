// Exchanges of a ledger as other tools read them, one behind the other: HAR for a browser's tools,
// OCSF for a SIEM, lines of JSON for everything else. Nothing is proven by these; a bundle is what
// proves. Tested by tests/unit/ctl/audit_export_test.cpp.
#pragma once

#include "agent/ctl/zstd_file.h"
#include "agent/recorder/ledger_reader.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

enum class ExportFormat : std::uint8_t { Bundle, Jsonl, Ocsf, Har };
// As --format spells them, the enumerators' order.
inline constexpr std::array<std::string_view, 4> kExportFormats = {"bundle", "jsonl", "ocsf",
                                                                   "har"};

class ProjectionWriter {
 public:
  // format is none but Bundle. Throws std::runtime_error, here and below, when the file cannot be
  // written.
  ProjectionWriter(recorder::LedgerReader& ledger, const std::string& path, ExportFormat format,
                   projection::Level level, std::string version);

  // Of exchange 0 each record that a format has words for; of another one what it makes of all.
  void put(std::string_view session, std::uint64_t exchange);
  void finish();
  std::uint64_t written() const { return written_; }  // lines or entries

 private:
  void put_record(const recorder::LedgerReader::StoredRecord& record);
  void put_exchange(const projection::Exchange& exchange);
  void put_line(std::string_view line);
  projection::Source source(const audit::Context& context) const;

  recorder::LedgerReader& ledger_;
  ExportFormat format_;
  projection::Level level_;
  std::string version_;
  LineWriter out_;
  std::uint64_t written_ = 0;
};

}  // namespace veilwire::ctl
