// One connection to PostgreSQL, with libpq's handles owned and nothing more: no query builder, no
// mapping. It connects when it is first asked and again after it has been lost; whoever asks is
// told of the loss and decides. Not for two threads at once. Tested by tests/witness.
#pragma once

#include "agent/witness/store.h"
#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace veilwire::witness {

// A value on its way to the server. Text and numbers are sent as text, whose type is the
// statement's to say; bytes are bytes.
class SqlValue {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a list of values is what they are for
  SqlValue(std::string_view text) : bytes_(text) {}
  SqlValue(const std::string& text) : bytes_(text) {}
  SqlValue(const char* text) : bytes_(text) {}
  SqlValue(std::uint64_t number) : bytes_(std::to_string(number)) {}
  SqlValue(std::int64_t number) : bytes_(std::to_string(number)) {}
  SqlValue(bool yes) : bytes_(yes ? "t" : "f") {}
  SqlValue(std::nullopt_t) {}
  // NOLINTEND(google-explicit-constructor)
  static SqlValue binary(std::string_view bytes) {
    SqlValue value(bytes);
    value.is_binary_ = true;
    return value;
  }

  const std::optional<std::string>& bytes() const { return bytes_; }
  bool is_binary() const { return is_binary_; }

 private:
  std::optional<std::string> bytes_;
  bool is_binary_ = false;
};

// What a statement has answered, in PostgreSQL's binary formats.
class SqlRows {
 public:
  explicit SqlRows(pg_result* result) : result_(result) {}

  std::size_t count() const;      // rows
  std::uint64_t touched() const;  // rows that were written
  bool is_null(std::size_t row, int column) const;
  std::string_view bytes(std::size_t row, int column) const;  // of text and bytea
  std::int64_t integer(std::size_t row, int column) const;    // of bigint, integer and boolean

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

class Postgres {
 public:
  // conninfo: as libpq takes it (PostgreSQL manual, 34.1.1). prepare: run on every new connection.
  Postgres(std::string conninfo, std::string prepare);
  ~Postgres();

  // A statement, prepared when it is first run; sql must be a literal.
  Result<SqlRows, StoreFailure> run(const char* sql, const std::vector<SqlValue>& values = {});
  // Several statements without values or an answer.
  Result<void, StoreFailure> script(const std::string& sql);
  // COPY ... FROM STDIN (FORMAT binary), with the bytes of all rows.
  Result<void, StoreFailure> copy(const char* sql, std::string_view bytes);
  // What was begun and not ended is undone, whatever the state of the connection.
  void abandon();

 private:
  Result<void, StoreFailure> connect();
  StoreFailure lost(std::string what);
  Result<SqlRows, StoreFailure> take(pg_result* result);

  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  std::string conninfo_, prepare_;
  std::unique_ptr<pg_conn, Finish> connection_;
  std::set<const char*> prepared_;
};

// Rows for COPY in binary (PostgreSQL manual, COPY, "Binary Format").
class CopyRows {
 public:
  CopyRows();
  void row(int columns);
  void integer(std::int64_t value);    // bigint
  void bytes(std::string_view value);  // text and bytea
  void null();
  // nanoseconds since 1970 as timestamptz, which has microseconds
  void time(std::int64_t wall_ns);
  std::string finish();

 private:
  void big_endian(std::uint64_t value, unsigned bytes);
  std::string out_;
};

}  // namespace veilwire::witness
