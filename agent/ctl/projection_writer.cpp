#include "agent/ctl/projection_writer.h"

#include "userspace/audit/parse.h"
#include "userspace/projection/har.h"
#include "userspace/projection/jsonl.h"
#include "userspace/projection/ocsf.h"

#include <utility>

namespace veilwire::ctl {

using recorder::LedgerReader;

ProjectionWriter::ProjectionWriter(LedgerReader& ledger, const std::string& path,
                                   ExportFormat format, projection::Level level,
                                   std::string version)
    : ledger_(ledger), format_(format), level_(level), version_(std::move(version)), out_(path) {
  if (format_ == ExportFormat::Har) put_line(projection::har_begin(source({})));
}

void ProjectionWriter::put(std::string_view session, std::uint64_t exchange) {
  if (exchange == 0) {
    ledger_.records(session, 0, [this](const LedgerReader::StoredRecord& record) {
      put_record(record);
      return true;
    });
    return;
  }
  projection::ExchangeReader reader;
  // Of the session its first record counts.
  ledger_.records(session, 0, [&reader](const LedgerReader::StoredRecord& record) {
    if (const auto parsed = audit::parse_record(record.bytes)) reader.add(*parsed);
    return false;
  });
  ledger_.records(session, exchange, [&reader](const LedgerReader::StoredRecord& record) {
    if (const auto parsed = audit::parse_record(record.bytes)) reader.add(*parsed);
    return true;
  });
  put_exchange(reader.finish());
}

void ProjectionWriter::finish() {
  if (format_ == ExportFormat::Har) put_line(projection::har_end());
  out_.finish();
}

void ProjectionWriter::put_record(const LedgerReader::StoredRecord& record) {
  const auto parsed = audit::parse_record(record.bytes);
  if (!parsed) return;
  if (format_ == ExportFormat::Jsonl) {
    if (const auto line = projection::jsonl(record.bytes, *parsed, level_)) {
      put_line(*line);
      ++written_;
    }
  } else if (format_ == ExportFormat::Ocsf) {
    for (const std::string& line :
         projection::ocsf_lines(*parsed, source(parsed->record.context), level_)) {
      put_line(line);
      ++written_;
    }
  }
}

void ProjectionWriter::put_exchange(const projection::Exchange& exchange) {
  if (format_ == ExportFormat::Jsonl) {
    if (const auto line = projection::jsonl(exchange, level_)) {
      put_line(*line);
      ++written_;
    }
  } else if (format_ == ExportFormat::Ocsf) {
    for (const std::string& line :
         projection::ocsf_lines(exchange, source(exchange.context), level_)) {
      put_line(line);
      ++written_;
    }
  } else if (const auto entry = projection::har_entry(exchange, level_)) {
    put_line(written_ == 0 ? *entry : "," + *entry);
    ++written_;
  }
}

// The writer ends lines itself.
void ProjectionWriter::put_line(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  out_.line(line);
}

// A ledger may be read elsewhere: the host is the one that its records name.
projection::Source ProjectionWriter::source(const audit::Context& context) const {
  return {.version = version_, .host_id = context.host, .host_name = ""};
}

}  // namespace veilwire::ctl
