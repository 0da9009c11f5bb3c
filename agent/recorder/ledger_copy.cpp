#include "agent/recorder/ledger_copy.h"

#include "agent/recorder/sqlite.h"

#include <memory>

#include <sqlite3.h>

namespace veilwire::recorder {
namespace {

constexpr int kPagesAtOnce = 1024;  // 4 MiB

struct Finish {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

void copy_pages(Database& source, Database& target,
                const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const std::unique_ptr<sqlite3_backup, Finish> backup(
      sqlite3_backup_init(target.handle(), "main", source.handle(), "main"));
  if (!backup) throw SqliteError(target.last_code(), target.last_error());
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup.get(), kPagesAtOnce);
    const auto all = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup.get()));
    progress(all - static_cast<std::uint64_t>(sqlite3_backup_remaining(backup.get())), all);
  }
  if (code != SQLITE_DONE) throw SqliteError(code, sqlite3_errstr(code));
}

}  // namespace

void copy_ledger(const std::string& from, const std::string& to,
                 const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  {
    Database source(from, Database::Mode::ReadOnly);
    // One snapshot for all steps: otherwise each record that arrives begins the copy anew.
    source.execute("BEGIN");
    (void)source.integer("SELECT count(*) FROM sqlite_schema");
    Database target(to, Database::Mode::Create);
    // Until it is whole nobody relies on it, and the caller brings it to disk.
    target.execute("PRAGMA synchronous=OFF");
    copy_pages(source, target, progress);
  }
  // The pages say that they belong to a database with a write-ahead log, which to read takes a
  // folder that can be written.
  Database(to, Database::Mode::Create).execute("PRAGMA journal_mode=DELETE");
}

}  // namespace veilwire::recorder
