// SQLite's C handles with an owner, and nothing more: no query builder, no mapping. Opening and
// preparing throw (start-up); running answers with SQLite's codes, because what to do about a full
// disk is the ledger's decision. Tested by tests/unit/recorder/ledger_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace veilwire::recorder {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_; }  // extended result code

 private:
  int code_;
};

struct Blob {
  std::string_view bytes;
};

class Database {
 public:
  enum class Mode : std::uint8_t { ReadOnly, Create };
  // vfs: the name of a registered VFS, "" for the system's.
  Database(const std::string& path, Mode mode, const std::string& vfs = "");

  // Statements without results; throws.
  void execute(const char* sql);
  std::int64_t integer(const char* sql);
  std::int64_t last_row() const;
  bool in_transaction() const;
  int last_code() const;  // extended
  std::string last_error() const;
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

enum class Step : std::uint8_t { Row, Done, Failed };

class Statement {
 public:
  Statement(Database& database, std::string_view sql);

  // Binds all parameters and runs to the end. What is bound must live until then.
  template <class... Values>
  bool run(const Values&... values) {
    bind(values...);
    Step step;
    while ((step = this->step()) == Step::Row) continue;
    reset();
    return step == Step::Done;
  }

  // For queries: bind, step while there is a row, reset. What is bound must live until reset().
  template <class... Values>
  void bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
  }
  Step step();
  void reset();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // until the next step
  bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  void bind_one(int index, std::int64_t value);
  void bind_one(int index, std::uint64_t value) {
    bind_one(index, static_cast<std::int64_t>(value));
  }
  void bind_one(int index, int value) { bind_one(index, std::int64_t{value}); }
  void bind_one(int index, std::string_view value);
  void bind_one(int index, const Blob& value);
  void bind_one(int index, std::nullptr_t);
  template <class T>
  void bind_one(int index, const std::optional<T>& value) {
    if (value) {
      bind_one(index, *value);
    } else {
      bind_one(index, nullptr);
    }
  }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace veilwire::recorder
