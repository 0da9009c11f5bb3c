// What it costs a fragment to be on record before it is released, in both strengths that policy
// has: `handed`, once the recorder has it, and `committed`, once it is on disk. Beside the simplest
// way to have bytes on disk, a file that is appended to and synced for each fragment; and whether
// streams that wait for the disk hold up those that do not.
//
//   release_bench [SECONDS]
#include "agent/host/recorder_link.h"
#include "tests/bench/bench_folder.h"
#include "tests/unit/recorder/running_service.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

using Clock = std::chrono::steady_clock;
using Micros = std::chrono::duration<double, std::micro>;

constexpr int kStreams = 50;
constexpr std::chrono::milliseconds kBetween{20};  // fragments of a stream: a fast model
constexpr std::size_t kFragment = 300;             // bytes, as of one SSE event

using bench::Folder;

struct Waits {
  std::vector<double> micros;
  void add(Clock::time_point since) { micros.push_back(Micros(Clock::now() - since).count()); }
  double at(double share) {
    if (micros.empty()) return 0;
    std::sort(micros.begin(), micros.end());
    return micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
  }
};

void print(const char* what, Waits& waits) {
  std::printf("%-44s %9.0f %9.0f %9.0f %9.0f   %zu fragments\n", what, waits.at(0.5),
              waits.at(0.99), waits.at(0.999), waits.at(1), waits.micros.size());
}

host::RecorderLink::Build fragment_of(std::uint64_t offset) {
  return [offset](std::string_view writer, std::uint64_t seq) {
    return audit::canonical(
        audit::sample(audit::ResponseFragment{
            .offset = offset, .content = std::string(kFragment, 'x'), .masks = {}}),
        writer, seq);
  };
}

// Streams of one proxy thread, of which some wait for the disk.
class Streams {
 public:
  Streams(const Folder& folder, int waiting)
      : service_(folder / "recorder.sock", ledger_options(folder)),
        link_(loop_, folder / "recorder.sock", writer_id(1)),
        waiting_(waiting) {}

  void run(std::chrono::seconds time) {
    link_.start();
    while (!link_.accepting()) loop_.run_one_for(std::chrono::seconds(1));
    const auto begin = Clock::now();
    for (int n = 0; n < kStreams; ++n) {
      timers_.push_back(std::make_unique<boost::asio::steady_timer>(loop_));
      // Spread over the time between two fragments, as clients do not keep step.
      next(n, begin + kBetween * n / kStreams, begin + time);
    }
    while (open_ != 0) loop_.run_one_for(std::chrono::seconds(1));
  }

  Waits handed, committed;  // what streams of either kind have waited

 private:
  static LedgerOptions ledger_options(const Folder& folder) {
    LedgerOptions options = options_for(folder / "ledger.db");
    options.max_bytes = std::uint64_t{64} << 30;
    options.checkpoint_key = folder / "checkpoint.key";
    return options;
  }

  void next(int stream, Clock::time_point at, Clock::time_point end) {
    if (at >= end) return;
    ++open_;
    auto& timer = *timers_[static_cast<std::size_t>(stream)];
    timer.expires_at(at);
    timer.async_wait([this, stream, at, end](const boost::system::error_code&) {
      const auto since = Clock::now();
      const auto seq =
          link_.submit(fragment_of(static_cast<std::uint64_t>(since.time_since_epoch().count())));
      if (!seq) std::abort();
      const bool waits_for_disk = stream < waiting_;
      const auto released = [this, since, waits_for_disk] {
        (waits_for_disk ? committed : handed).add(since);
        --open_;
      };
      if (waits_for_disk)
        link_.on_committed(*seq, released);
      else if (link_.handed(*seq))
        released();
      else
        link_.on_handed(*seq, released);
      next(stream, at + kBetween, end);
    });
  }

  boost::asio::io_context loop_;
  RunningService service_;
  host::RecorderLink link_;
  int waiting_;  // streams that wait for the disk
  std::vector<std::unique_ptr<boost::asio::steady_timer>> timers_;
  int open_ = 0;
};

// Each fragment by itself, one behind the other: as fast as the disk is.
void append_and_sync(const Folder& folder, std::chrono::seconds time, Waits& waits) {
  const host::UniqueFd fd(
      ::open((folder / "appended").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) std::abort();
  const std::string record = fragment_of(1)("00000000000000000000000000000000", 1);
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
    const auto since = Clock::now();
    if (::write(fd.get(), record.data(), record.size()) < 0 || ::fdatasync(fd.get()) != 0)
      std::abort();
    waits.add(since);
  }
}

void run(std::chrono::seconds time) {
  std::printf(
      "%d streams, a fragment of %zu bytes every %d ms each; microseconds\n%-44s %9s %9s %9s %9s\n",
      kStreams, kFragment, static_cast<int>(kBetween.count()), "", "median", "99 %", "99.9 %",
      "most");
  const Folder one, two, three, other;
  Streams handed(one, 0), committed(two, kStreams), both(three, kStreams / 2);
  handed.run(time);
  print("handed, alone", handed.handed);
  committed.run(time);
  print("committed, alone", committed.committed);
  both.run(time);
  print("handed, beside as many that are committed", both.handed);
  print("committed, beside as many that are handed", both.committed);
  Waits appended;
  append_and_sync(other, time, appended);
  print("appended to a file and synced, one by one", appended);
  std::printf(
      "\nratios, 99th percentile: committed to an appended and synced file %.2f, "
      "handed beside committed to handed alone %.2f\n",
      committed.committed.at(0.99) / appended.at(0.99),
      both.handed.at(0.99) / handed.handed.at(0.99));
}

}  // namespace
}  // namespace veilwire::recorder

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 10;
  if (argc > 2 || seconds < 1) return std::fprintf(stderr, "usage: release_bench [SECONDS]\n"), 2;
  veilwire::recorder::run(std::chrono::seconds(seconds));
  return 0;
}
