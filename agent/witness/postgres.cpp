#include "agent/witness/postgres.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include <libpq-fe.h>

namespace veilwire::witness {
namespace {

// A server that has gone without a word is given up, and what it was asked is asked anew by the
// host. Before the operator's own words, which count.
constexpr std::array kKeywords = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count", "tcp_user_timeout", "client_encoding",
                                  "application_name"};
constexpr std::array kValues = {"5", "15", "5", "3", "15000", "UTF8", "veilwire-witness"};

// Statements and waits for other writers end as well. An acknowledged commit is one that is on
// disk, whatever the server's default.
constexpr const char* kSession =
    "SET statement_timeout = '30s'; SET lock_timeout = '10s';"
    "SET idle_in_transaction_session_timeout = '60s';"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local');";

std::string one_line(const char* text) {
  std::string out = text == nullptr ? "" : text;
  std::replace(out.begin(), out.end(), '\n', ' ');
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

void SqlRows::Clear::operator()(pg_result* result) const { ::PQclear(result); }
void Postgres::Finish::operator()(pg_conn* connection) const { ::PQfinish(connection); }

std::size_t SqlRows::count() const { return static_cast<std::size_t>(::PQntuples(result_.get())); }

std::uint64_t SqlRows::touched() const {
  return std::strtoull(::PQcmdTuples(result_.get()), nullptr, 10);
}

bool SqlRows::is_null(std::size_t row, int column) const {
  return ::PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
}

std::string_view SqlRows::bytes(std::size_t row, int column) const {
  const int at = static_cast<int>(row);
  return {::PQgetvalue(result_.get(), at, column),
          static_cast<std::size_t>(::PQgetlength(result_.get(), at, column))};
}

std::int64_t SqlRows::integer(std::size_t row, int column) const {
  std::uint64_t value = 0;
  for (const char c : bytes(row, column)) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

Postgres::Postgres(std::string conninfo, std::string prepare)
    : conninfo_(std::move(conninfo)), prepare_(std::move(prepare)) {}
Postgres::~Postgres() = default;

StoreFailure Postgres::lost(std::string what) {
  connection_.reset();
  prepared_.clear();
  return {std::move(what)};
}

Result<void, StoreFailure> Postgres::connect() {
  if (connection_ && ::PQstatus(connection_.get()) == CONNECTION_OK) return {};
  prepared_.clear();
  std::vector<const char*> keywords(kKeywords.begin(), kKeywords.end());
  std::vector<const char*> values(kValues.begin(), kValues.end());
  keywords.insert(keywords.end(), {"dbname", nullptr});
  values.insert(values.end(), {conninfo_.c_str(), nullptr});
  connection_.reset(::PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1));
  if (!connection_ || ::PQstatus(connection_.get()) != CONNECTION_OK)
    return Unexpected{lost(one_line(::PQerrorMessage(connection_.get())))};
  // Notices are for people at a terminal.
  ::PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  if (auto done = script(kSession + prepare_); !done) return Unexpected{lost(done.error().what)};
  return {};
}

Result<SqlRows, StoreFailure> Postgres::take(pg_result* result) {
  SqlRows rows(result);
  const ExecStatusType status = ::PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
    return rows;
  StoreFailure failure{one_line(::PQerrorMessage(connection_.get()))};
  if (::PQstatus(connection_.get()) != CONNECTION_OK) return Unexpected{lost(failure.what)};
  return Unexpected{std::move(failure)};
}

Result<SqlRows, StoreFailure> Postgres::run(const char* sql, const std::vector<SqlValue>& values) {
  if (auto connected = connect(); !connected) return Unexpected{connected.error()};
  // The literal's address is its name.
  const std::string name = "s" + std::to_string(reinterpret_cast<std::uintptr_t>(sql));
  if (!prepared_.contains(sql)) {
    auto prepared = take(::PQprepare(connection_.get(), name.c_str(), sql, 0, nullptr));
    if (!prepared) return prepared;
    prepared_.insert(sql);
  }
  std::vector<const char*> bytes;
  std::vector<int> lengths, formats;
  for (const SqlValue& value : values) {
    bytes.push_back(value.bytes() ? value.bytes()->c_str() : nullptr);
    lengths.push_back(value.bytes() ? static_cast<int>(value.bytes()->size()) : 0);
    formats.push_back(value.is_binary() ? 1 : 0);
  }
  return take(::PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                               bytes.data(), lengths.data(), formats.data(), /*resultFormat=*/1));
}

Result<void, StoreFailure> Postgres::script(const std::string& sql) {
  if (connection_ == nullptr) {
    if (auto connected = connect(); !connected) return connected;
  }
  auto done = take(::PQexec(connection_.get(), sql.c_str()));
  if (!done) return Unexpected{done.error()};
  return {};
}

Result<void, StoreFailure> Postgres::copy(const char* sql, std::string_view bytes) {
  if (auto begun = take(::PQexec(connection_.get(), sql)); !begun) return Unexpected{begun.error()};
  const bool put =
      ::PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1 &&
      ::PQputCopyEnd(connection_.get(), nullptr) == 1;
  if (!put) return Unexpected{lost(one_line(::PQerrorMessage(connection_.get())))};
  auto ended = take(::PQgetResult(connection_.get()));
  while (connection_) {
    pg_result* more = ::PQgetResult(connection_.get());
    if (more == nullptr) break;
    ::PQclear(more);
  }
  if (!ended) return Unexpected{ended.error()};
  return {};
}

void Postgres::abandon() {
  if (!connection_ || ::PQtransactionStatus(connection_.get()) == PQTRANS_IDLE) return;
  if (!script("ROLLBACK")) (void)lost({});
}

CopyRows::CopyRows() : out_("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19) {}

void CopyRows::big_endian(std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out_ += static_cast<char>(value >> (8 * bytes) & 0xFF);
}

void CopyRows::row(int columns) { big_endian(static_cast<std::uint64_t>(columns), 2); }

void CopyRows::integer(std::int64_t value) {
  big_endian(8, 4);
  big_endian(static_cast<std::uint64_t>(value), 8);
}

void CopyRows::bytes(std::string_view value) {
  big_endian(value.size(), 4);
  out_ += value;
}

void CopyRows::null() { big_endian(UINT32_MAX, 4); }

void CopyRows::time(std::int64_t wall_ns) {
  constexpr std::int64_t kEpochUs = 946'684'800'000'000;  // 2000-01-01
  // Towards the past, as dates before 1970 are.
  const std::int64_t us = wall_ns / 1000 - (wall_ns % 1000 < 0 ? 1 : 0);
  integer(us - kEpochUs);
}

std::string CopyRows::finish() {
  big_endian(UINT16_MAX, 2);
  return std::move(out_);
}

}  // namespace veilwire::witness
