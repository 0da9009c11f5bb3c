// What the ledger costs: records a second that are on disk, beside rows of the same bytes in a
// plain SQLite database and beside a file that is appended to and synced; what verifying costs,
// beside hashing the same bytes alone; how it grows with a conversation that is sent again with
// every turn.
#include "agent/recorder/ledger.h"
#include "agent/recorder/ledger_reader.h"
#include "agent/recorder/sqlite.h"
#include "tests/bench/bench_folder.h"
#include "tests/bench/masking_corpus.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "userspace/audit/content.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/hash.h"
#include "userspace/evidence/log_check.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

constexpr std::size_t kRecord = 2'000;  // bytes of text in a record

using bench::Folder;

LedgerOptions options(const Folder& folder) {
  LedgerOptions options = options_for(folder / "ledger.db");
  options.max_bytes = std::uint64_t{64} << 30;
  options.checkpoint_key = folder / "checkpoint.key";
  return options;
}

std::vector<Arrival> batch_from(std::uint64_t& seq, std::int64_t records) {
  std::vector<Arrival> batch;
  for (std::int64_t i = 0; i < records; ++i)
    batch.push_back(fragment(writer_id(1), ++seq, kRecord));
  return batch;
}

void count(benchmark::State& state, std::int64_t records) {
  state.counters["records/s"] = benchmark::Counter(
      static_cast<double>(records * state.iterations()), benchmark::Counter::kIsRate);
}

void ledger(benchmark::State& state) {
  const Folder folder;
  Ledger ledger(options(folder));
  std::uint64_t seq = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = batch_from(seq, state.range(0));
    state.ResumeTiming();
    if (!ledger.commit(batch)) std::abort();
  }
  count(state, state.range(0));
}

// The same durability, and nothing known about what is stored.
void plain_sqlite(benchmark::State& state) {
  const Folder folder;
  Database database(folder / "plain.db", Database::Mode::Create);
  database.execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE records(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  Statement begin(database, "BEGIN IMMEDIATE"), commit(database, "COMMIT"),
      add(database, "INSERT INTO records(bytes) VALUES(?)");
  std::uint64_t seq = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = batch_from(seq, state.range(0));
    state.ResumeTiming();
    if (!begin.run()) std::abort();
    for (const Arrival& arrival : batch) {
      if (!add.run(Blob{arrival.bytes})) std::abort();
    }
    if (!commit.run()) std::abort();
  }
  count(state, state.range(0));
}

void appended_file(benchmark::State& state) {
  const Folder folder;
  const int fd = ::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::uint64_t seq = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = batch_from(seq, state.range(0));
    state.ResumeTiming();
    for (const Arrival& arrival : batch) {
      if (::write(fd, arrival.bytes.data(), arrival.bytes.size()) < 0) std::abort();
    }
    if (::fdatasync(fd) != 0) std::abort();
  }
  ::close(fd);
  count(state, state.range(0));
}

void sign(benchmark::State& state) {
  const Folder folder;
  Ledger ledger(options(folder));
  for (auto _ : state) {
    if (!ledger.sign()) std::abort();
  }
}

constexpr std::int64_t kVerified = 20'000;

const std::vector<std::string>& log() {
  static const std::vector<std::string> records = [] {
    std::vector<std::string> out;
    std::uint64_t seq = 0;
    for (const Arrival& arrival : batch_from(seq, kVerified)) out.push_back(arrival.bytes);
    return out;
  }();
  return records;
}

void verify(benchmark::State& state) {
  for (auto _ : state) {
    evidence::LogCheck check({});
    for (const std::string& record : log()) (void)check.add(record);
    benchmark::DoNotOptimize(check.report().root);
  }
  count(state, kVerified);
}

void hash_alone(benchmark::State& state) {
  for (auto _ : state) {
    for (const std::string& record : log()) benchmark::DoNotOptimize(crypto::sha256(record));
  }
  count(state, kVerified);
}

// 50 turns that add 10 KiB each, of this project's sources and documents; every one sends all
// before it again. 1: in a ledger that deletes one day.
void conversation(benchmark::State& state) {
  for (auto _ : state) {
    const Folder folder;
    LedgerOptions given = options(folder);
    if (state.range(0) == 1) given.retention.keep = std::chrono::hours(24);
    std::optional<Ledger> ledger(given);
    const std::string_view text = bench::corpora().back().text;
    std::string messages;
    std::uint64_t seq = 0;
    std::size_t sent = 0;
    for (int turn = 0; turn < 50; ++turn) {
      messages += text.substr(messages.size(), 10'240);
      sent += messages.size();
      std::vector<Arrival> batch;
      for (std::string_view rest = messages; !rest.empty();) {
        std::size_t n = audit::next_cut(rest);
        while (n < limits::kRequestRecord && n < rest.size()) n += audit::next_cut(rest.substr(n));
        batch.push_back(
            arrival(writer_id(1), ++seq,
                    audit::sample(audit::RequestBody{.offset = messages.size() - rest.size(),
                                                     .content = std::string(rest.substr(0, n)),
                                                     .masks = {}})));
        rest.remove_prefix(n);
      }
      if (!ledger->commit(batch)) std::abort();
    }
    ledger.reset();  // what is in the write-ahead log is moved
    state.counters["kept/new"] =
        static_cast<double>(std::filesystem::file_size(folder / "ledger.db")) /
        static_cast<double>(messages.size());
    state.counters["kept/sent"] =
        static_cast<double>(std::filesystem::file_size(folder / "ledger.db")) /
        static_cast<double>(sent);
  }
}

// A turn of the committer while it deletes: 3 ms of it and a sync, which a record waits for that
// arrives meanwhile.
void deleting(benchmark::State& state) {
  const Folder folder;
  LedgerOptions given = options(folder);
  std::chrono::nanoseconds later{0};
  given.now = [&later] {
    Now now = audit::sample(audit::Gap{}).time;
    now.wall.since_epoch += later;
    return now;
  };
  given.retention.keep = std::chrono::hours(1);
  Ledger ledger(given);
  std::uint64_t seq = 0, deleted = 0, longest = 0;
  bool more = false;
  for (auto _ : state) {
    if (!more) {
      state.PauseTiming();
      for (int i = 0; i < 50; ++i)
        if (!ledger.commit(batch_from(seq, 100))) std::abort();
      if (!ledger.sign()) std::abort();
      later += std::chrono::hours(2);
      more = *ledger.retire();
      state.ResumeTiming();
    }
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t before = ledger.first();
    more = *ledger.sweep(std::chrono::milliseconds(3));
    deleted += ledger.first() - before;
    longest = std::max(
        longest, static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin).count()));
  }
  state.counters["longest_ms"] = static_cast<double>(longest) / 1e6;
  state.counters["records/turn"] =
      static_cast<double>(deleted) / static_cast<double>(state.iterations());
  state.counters["MiB"] =
      static_cast<double>(std::filesystem::file_size(folder / "ledger.db")) / (1 << 20);
}

BENCHMARK(ledger)->Arg(1)->Arg(100)->UseRealTime();
BENCHMARK(plain_sqlite)->Arg(1)->Arg(100)->UseRealTime();
BENCHMARK(appended_file)->Arg(1)->Arg(100)->UseRealTime();
BENCHMARK(sign)->UseRealTime();
BENCHMARK(verify)->Unit(benchmark::kMillisecond);
BENCHMARK(hash_alone)->Unit(benchmark::kMillisecond);
BENCHMARK(deleting)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(conversation)->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace veilwire::recorder

BENCHMARK_MAIN();
