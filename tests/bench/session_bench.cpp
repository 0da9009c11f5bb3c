// What the answer to who a peer is costs where many are signed in, beside a search through all of
// them, and what a restart reads.

#include "userspace/identity/session_bytes.h"
#include "userspace/identity/session_table.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
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
