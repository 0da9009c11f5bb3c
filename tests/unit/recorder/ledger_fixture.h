// A ledger in a folder of its own, records to fill it, and ways to look at what is in it.
#pragma once

#include "agent/recorder/ledger.h"
#include "agent/recorder/ledger_reader.h"
#include "tests/unit/audit/sample_records.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::recorder {

class TemporaryFolder {
 public:
  // In memory where possible: what durability needs is modelled by FaultyDisk, not waited for.
  TemporaryFolder() {
    const std::filesystem::path memory = "/dev/shm";
    std::string name =
        ((::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path()) /
         "veilwire-XXXXXX")
            .string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline WriterId writer_id(std::uint8_t n) {
  WriterId id;
  id.bytes.fill(n);
  return id;
}

inline LedgerOptions options_for(const std::string& path) {
  LedgerOptions options;
  options.path = path;
  options.max_bytes = std::uint64_t{256} << 20;
  options.reserved_bytes = 1 << 20;
  options.host = "3f6c1d0e";
  options.boot = "b00t";
  options.now = [] { return audit::sample(audit::Gap{}).time; };
  options.new_writer_id = [] { return writer_id(0xee); };
  return options;
}

inline Arrival arrival(const WriterId& writer, std::uint64_t seq, const audit::Record& record) {
  return {.writer = writer,
          .seq = seq,
          .bytes = audit::canonical(record, host::protocol::to_hex(writer), seq)};
}

// Something of a session that nothing has closed.
inline Arrival opening(const WriterId& writer, std::uint64_t seq, const std::string& session,
                       std::uint64_t exchange) {
  audit::Record record = audit::sample(audit::UpstreamError{.reason = "slow"}, exchange);
  record.context.session = session;
  return arrival(writer, seq, record);
}

// The exchanges of a ledger with their outcomes: "aaaa.1 complete", and "aaaa.2" for an open one.
inline std::vector<std::string> outcomes(const std::string& path) {
  std::vector<std::string> out;
  for (const ExchangeSummary& row : LedgerReader(path).list({})) {
    out.push_back(row.session.substr(0, 4) + "." + std::to_string(row.exchange));
    if (!row.outcome.empty()) out.back() += " " + row.outcome;
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Makes it one of the version before the index that lists go by.
inline void make_earlier(const std::string& path) {
  Database(path, Database::Mode::Create)
      .execute(
          "CREATE TABLE exchanges AS SELECT session, exchange, started_ns, ended_ns, issuer, "
          "subject,"
          " person, uid, server, handling, service, method, target, model, mcp_method, tool, "
          "status,"
          " outcome, blocked, gaps, running_as, class, known_by, standing, known_age_ms FROM "
          "entries;"
          "CREATE TABLE findings AS SELECT e.session, e.exchange, t.text AS category,"
          " sum(f.count) AS count FROM entry_findings f JOIN entries e ON e.id = f.entry"
          " JOIN terms t ON t.id = f.category GROUP BY 1, 2, 3;"
          "DROP TABLE entries; DROP TABLE terms; DROP TABLE entry_terms; DROP TABLE entry_findings;"
          "DROP TABLE sinks; DROP TABLE dead_letters; DROP TABLE cosignatures; DROP TABLE "
          "retention;"
          "DROP TRIGGER records_stay; DROP TRIGGER pieces_stay; DROP TRIGGER contents_stay;"
          "DROP TRIGGER tree_stay;"
          "DELETE FROM migrations WHERE version >= 7");
}

// A fragment that names its number, so that a lost or doubled one shows.
inline Arrival fragment(const WriterId& writer, std::uint64_t seq, std::size_t padding = 0) {
  return arrival(writer, seq,
                 audit::sample(audit::ResponseFragment{
                     .offset = seq,
                     .content = "fragment " + std::to_string(seq) + std::string(padding, '.'),
                     .masks = {}}));
}

inline std::vector<std::string> all_bytes(const std::string& path) {
  std::vector<std::string> out;
  LedgerReader(path).all_records(0, [&](const LedgerReader::StoredRecord& record) {
    out.push_back(record.bytes);
    return true;
  });
  return out;
}

inline std::vector<std::string> bytes_of(const std::vector<Arrival>& arrivals) {
  std::vector<std::string> out;
  for (const Arrival& a : arrivals) out.push_back(a.bytes);
  return out;
}

}  // namespace veilwire::recorder
