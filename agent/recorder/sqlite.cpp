#include "agent/recorder/sqlite.h"

#include <sqlite3.h>

namespace veilwire::recorder {
namespace {

// Readers hold their snapshot for milliseconds; who holds the lock longer is a person with a shell.
constexpr int kBusyMilliseconds = 10'000;

[[noreturn]] void fail(sqlite3* handle, const std::string& what) {
  throw SqliteError(sqlite3_extended_errcode(handle), what + ": " + sqlite3_errmsg(handle));
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Database::Database(const std::string& path, Mode mode, const std::string& vfs) {
  const int flags =
      mode == Mode::ReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                      vfs.empty() ? nullptr : vfs.c_str());
  handle_.reset(handle);
  if (code != SQLITE_OK) {
    throw SqliteError(code, path + ": " + (handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // The file may have been written by somebody else: nothing in its schema may call functions.
  execute("PRAGMA trusted_schema=OFF");
}

void Database::execute(const char* sql) {
  if (sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(handle(), sql);
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  if (statement.step() != Step::Row) fail(handle(), sql);
  return statement.integer(0);
}

std::int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle()); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle()) == 0; }
int Database::last_code() const { return sqlite3_extended_errcode(handle()); }
std::string Database::last_error() const { return sqlite3_errmsg(handle()); }

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement::Statement(Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    fail(database.handle(), std::string(sql));
  statement_.reset(statement);
}

Step Statement::step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return Step::Row;
    case SQLITE_DONE:
      return Step::Done;
    default:
      return Step::Failed;
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

// Binding fails only for an index that the statement does not have, which the first run of any test
// shows, or without memory, where the step fails as well.
void Statement::bind_one(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}
void Statement::bind_one(int index, std::string_view value) {
  sqlite3_bind_text64(statement_.get(), index, value.data() == nullptr ? "" : value.data(),
                      value.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void Statement::bind_one(int index, const Blob& value) {
  sqlite3_bind_blob64(statement_.get(), index,
                      value.bytes.data() == nullptr ? "" : value.bytes.data(), value.bytes.size(),
                      SQLITE_STATIC);
}
void Statement::bind_one(int index, std::nullptr_t) { sqlite3_bind_null(statement_.get(), index); }

}  // namespace veilwire::recorder
