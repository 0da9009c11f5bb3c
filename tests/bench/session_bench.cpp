// What the answer to who a peer is costs where many are signed in, beside a search through all of
// them; how long one waits while all are written down, here or beside; and what a restart reads.

#include "agent/identity/session_writer.h"
#include "userspace/identity/session_bytes.h"
#include "userspace/identity/session_table.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace veilwire::identity {
namespace {

constexpr std::uint32_t kSessions = 2'000;
constexpr Now kNow{{std::chrono::seconds(1'000)}, {std::chrono::seconds(1'800'000'000)}};

// A logged-in person's place, as systemd makes it, and a container's.
const std::vector<Cgroup> kTerminal = {{90'001, "app-terminal.scope"}, {90'002, "app.slice"},
                                       {90'003, "user@1000.service"},  {90'004, "user-1000.slice"},
                                       {90'005, "user.slice"},         {1, ""}};
const std::vector<Cgroup> kContainer = {
    {5'000, "step"}, {91'001, "docker-4f1c.scope"}, {91'002, "system.slice"}, {1, ""}};

SessionTable table() {
  SessionTable table;
  for (std::uint32_t n = 0; n < kSessions; ++n) {
    SignIn s{.binding = {BindingKind::Login, 1'000 + n, 1'000 + n, n, 0},
             .person = {.issuer = "https://idp.example",
                        .subject = "subject-" + std::to_string(n),
                        .name = "user-" + std::to_string(n),
                        .groups = {"developers", "staff"},
                        .person_class = PersonClass::Human,
                        .method = "pkce",
                        .valid_until = {}},
             .sealed = std::string(2'000, 's'),
             .share = 1'000 + n,
             .issued_at = kNow.wall,
             .expires_at = {kNow.wall.since_epoch + std::chrono::hours(1)}};
    if (n % 4 == 0) s.binding = {BindingKind::Unit, n, kUnsetAuditId, kUnsetAuditId, 10'000 + n};
    if (!table.add(std::move(s), kNow)) std::abort();
  }
  return table;
}

Peer person(std::uint32_t n) {
  Peer peer;
  peer.uid = peer.loginuid = 1'000 + n;
  peer.audit_session = n;
  peer.cgroup_id = kTerminal.front().id;
  return peer;
}

void find_login(benchmark::State& state) {
  const SessionTable sessions = table();
  std::uint32_t n = 1;
  for (auto _ : state) {
    const Found found = sessions.find(person(n), kTerminal, {}, kNow);
    if (found.standing != Standing::Fresh) return state.SkipWithError("not found");
    n = (n + 4) % kSessions;
  }
}
BENCHMARK(find_login)->Name("find/login");

void find_nobody(benchmark::State& state) {
  const SessionTable sessions = table();
  Peer peer;
  peer.cgroup_id = kContainer.front().id;
  for (auto _ : state) {
    const Found found = sessions.find(peer, kContainer, {}, kNow);
    if (found.standing != Standing::Unknown) return state.SkipWithError("found");
  }
}
BENCHMARK(find_nobody)->Name("find/nobody, in a container");

// The same questions, put to a list.
void linear(benchmark::State& state) {
  const SessionTable sessions = table();
  const std::vector<std::pair<Binding, Session>> list(sessions.sessions().begin(),
                                                      sessions.sessions().end());
  std::uint32_t n = 1;
  for (auto _ : state) {
    Standing standing = Standing::Unknown;
    for (const Binding& binding : bindings_of(person(n), kTerminal, {})) {
      const auto at = std::find_if(list.begin(), list.end(),
                                   [&](const auto& entry) { return entry.first == binding; });
      if (at == list.end()) continue;
      standing = standing_of(at->second, sessions.times(), kNow);
      break;
    }
    if (standing != Standing::Fresh) return state.SkipWithError("not found");
    n = (n + 4) % kSessions;
  }
}
BENCHMARK(linear)->Name("linear/login");

void restart(benchmark::State& state) {
  const std::string bytes = encode_sessions(table(), {});
  for (auto _ : state)
    if (!decode_sessions(bytes, {}, {})) return state.SkipWithError("malformed");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(restart)->Name("read all after a restart")->Unit(benchmark::kMillisecond);

// A change every tenth of a second, and for how long questions are held up by a write of it, in the
// mean. saved: whether it has begun one.
template <class Saved>
void find_while(benchmark::State& state, Saved saved) {
  using Clock = std::chrono::steady_clock;
  const SessionTable sessions = table();
  Clock::duration held{0};
  std::uint32_t n = 1;
  int writes = 0;
  for (auto _ : state) {
    const auto begin = Clock::now();
    if (saved(sessions)) {
      held += Clock::now() - begin;
      ++writes;
    }
    if (sessions.find(person(n), kTerminal, {}, kNow).standing != Standing::Fresh)
      return state.SkipWithError("not found");
    n = (n + 4) % kSessions;
  }
  if (writes != 0)
    state.counters["held_ms"] = std::chrono::duration<double, std::milli>(held).count() / writes;
}

struct Rest {
  Rest() {
    std::string made = (std::filesystem::temp_directory_path() / "bench-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) std::abort();
    folder = made;
  }
  ~Rest() { std::filesystem::remove_all(folder); }
  Rest(const Rest&) = delete;
  Rest& operator=(const Rest&) = delete;
  agent_identity::SessionStore store() const {
    return {folder + "/sessions", sealer, crypto::system_random()};
  }
  std::string folder;
  crypto::Sealer sealer = *crypto::Sealer::make(Secret(std::string(crypto::kSealerKey, 'k')));
};

void saved_here(benchmark::State& state) {
  const Rest rest;
  const auto store = rest.store();
  auto next = std::chrono::steady_clock::now();
  find_while(state, [&](const SessionTable& sessions) {
    if (std::chrono::steady_clock::now() < next) return false;
    if (store.save(encode_sessions(sessions, {})) != 0) std::abort();
    next = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
    return true;
  });
}
BENCHMARK(saved_here)->Name("find/while saved by who answers");

void saved_beside(benchmark::State& state) {
  const Rest rest;
  boost::asio::io_context io;
  const SessionTable* all = nullptr;
  agent_identity::SessionWriter writer(io, rest.store(), [&] { return encode_sessions(*all, {}); });
  find_while(state, [&](const SessionTable& sessions) {
    all = &sessions;
    const auto before = writer.writes();
    writer.changed();
    io.poll();
    return writer.writes() != before;
  });
}
BENCHMARK(saved_beside)->Name("find/while saved beside");

// Prints how they compare behind the figures.
class Comparison : public benchmark::ConsoleReporter {
 public:
  Comparison() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) times_[run.benchmark_name()] = run.GetAdjustedCPUTime();
  }
  void Finalize() override {
    const double find = times_["find/login"], search = times_["linear/login"];
    if (find > 0 && search > 0)
      GetOutputStream() << "a search through all of " << kSessions << " takes " << search / find
                        << " times as long as find()\n";
  }

 private:
  std::map<std::string, double> times_;
};

}  // namespace
}  // namespace veilwire::identity

int main(int count, char** words) {
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
  veilwire::identity::Comparison comparison;
  benchmark::RunSpecifiedBenchmarks(&comparison);
  return 0;
}
