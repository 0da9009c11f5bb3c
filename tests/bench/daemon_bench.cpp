// What veilwire-identity costs as a program where 2,000 people are signed in, beside itself with
// 20: both run at the same time and are asked in turns, so that a ratio is of one run. The sessions
// are written where it finds them at its start, sealed as it seals them, since a real IdP takes
// minutes for as many sign-ins. Prints figures and judges none.
//
//   daemon_bench [questions of a round, 2000]

#include "agent/host/clock.h"
#include "agent/host/host_ids.h"
#include "agent/host/local_socket.h"
#include "agent/host/protocol/identity.h"
#include "agent/host/protocol/people.h"
#include "agent/identity/cgroups.h"
#include "agent/identity/session_store.h"
#include "userspace/identity/session_bytes.h"
#include "userspace/identity/token_bytes.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

namespace protocol = host::protocol;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr uid_t kNobody = 65534;
constexpr int kPatience = 20'000;  // ms
constexpr std::uint32_t kFew = 20, kMany = 2'000;
constexpr int kRounds = 5;
constexpr std::uint32_t kOpen = 64;  // questions at the same time, where many ask at once
constexpr std::uint32_t kFirstUid = 1'000;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

identity::SessionTable table_of(std::uint32_t count, const crypto::Sealer& sealer) {
  const Now now = host::now();
  const crypto::RandomSource random = crypto::system_random();
  identity::SessionTable table({.fresh_for = std::chrono::seconds(600)});
  for (std::uint32_t n = 0; n < count; ++n) {
    const identity::Tokens tokens{.access_token = Secret(std::string(900, 'a')),
                                  .refresh_token = Secret(std::string(43, 'r')),
                                  .id_token = {},
                                  .scope = "",
                                  .proof_key = {},
                                  .bound = false,
                                  .since = now.mono,
                                  .until = {now.mono.since_start + std::chrono::hours(1)}};
    const identity::Binding binding{identity::BindingKind::Login, kFirstUid + n, kFirstUid + n,
                                    n + 1, 0};
    identity::SignIn s{.binding = binding,
                       .person = {.issuer = "http://127.0.0.1:9",
                                  .subject = "subject-" + std::to_string(n),
                                  .name = "user-" + std::to_string(n),
                                  .groups = {"developers", "staff"},
                                  .person_class = identity::PersonClass::Human,
                                  .method = "pkce",
                                  .valid_until = {}},
                       .sealed = sealer.seal(identity::encode_tokens(tokens).reveal(),
                                             "tokens of " + to_string(binding), random),
                       .share = kFirstUid + n,
                       .issued_at = now.wall,
                       .expires_at = {now.wall.since_epoch + std::chrono::hours(12)}};
    if (!table.add(std::move(s), now)) fail("a session cannot be kept");
  }
  return table;
}

// This program as a client of the proxy, with the login of somebody.
identity::Peer peer_of(std::uint32_t n) {
  static const std::uint64_t cgroup = [] {
    std::ifstream in("/proc/self/cgroup");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto place =
        Cgroups(cgroup2_mount().value_or("")).place_at(cgroup2_path(text).value_or(""));
    return place.empty() ? 0 : place.front().id;
  }();
  identity::Peer peer;
  peer.uid = peer.loginuid = kFirstUid + n;
  peer.audit_session = n + 1;
  peer.tgid = static_cast<std::uint32_t>(::getpid());
  peer.cgroup_id = cgroup;
  return peer;
}

class Daemon {
 public:
  explicit Daemon(std::uint32_t sessions) : sessions_(sessions) {
    std::string pattern = std::filesystem::temp_directory_path() / "vw_bench_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) fail("mkdtemp");
    folder_ = pattern;
    ::chmod(folder_.c_str(), 0755);
    const std::string state = folder_ + "/state";
    std::filesystem::create_directory(state);
    const crypto::RandomSource random = crypto::system_random();
    const crypto::Sealer sealer = sealer_of(state + "/key", random);
    const auto boot = identity::parse_boot_id(host::read_host_ids().boot_uuid());
    const SessionStore store(state + "/sessions", sealer, random);
    if (!boot || store.save(identity::encode_sessions(table_of(sessions, sealer), *boot)) != 0)
      fail("the sessions cannot be written");
    for (const char* name : {"", "/key", "/sessions"})
      if (::chown((state + name).c_str(), kNobody, kNobody) != 0) fail("chown");
    // Nobody answers there: sessions are fresh for longer than this runs.
    std::ofstream(folder_ + "/agent.toml")
        << "[identity]\nuser = \"65534:65534\"\nproxy_user = \"root\"\nprovider = \"oidc\"\n"
           "issuer = \"http://127.0.0.1:9\"\nclient_id = \"bench\"\nfresh_seconds = 600\n"
           "hold_seconds = 0\nsocket = \""
        << folder_ << "/proxy\"\nstatus_socket = \"" << folder_ << "/status\"\npeople_socket = \""
        << folder_ << "/people\"\nstate_file = \"" << state << "/sessions\"\nkey_file = \"" << state
        << "/key\"\n[[identity.account]]\nclaim = [\"preferred_username\"]\n";
  }
  ~Daemon() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Until it has given its first answer.
  Microseconds start() {
    const auto started = Clock::now();
    process_ = ::fork();
    if (process_ == 0) {
      const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, STDERR_FILENO);
      ::execl(VEILWIRE_IDENTITY, VEILWIRE_IDENTITY, "--config", (folder_ + "/agent.toml").c_str(),
              nullptr);
      ::_exit(127);
    }
    proxy_ = connect("/proxy");
    (void)ask(0);
    return Clock::now() - started;
  }
  void stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  void send(std::uint32_t n) {
    const protocol::IdentityQuestion question{n, peer_of(n % sessions_), false};
    if (!host::send_message(proxy_.get(), protocol::encode(question))) fail(log());
  }
  protocol::IdentityWord word() {
    if (!host::wait_readable(proxy_.get(), kPatience)) fail(log());
    const auto message = host::receive_message(proxy_.get());
    auto decoded = protocol::decode_identity_word(message ? message->bytes : "", Monotonic{});
    if (!decoded) fail(log());
    return *std::move(decoded);
  }
  void must_be_known() {
    const auto said = word();
    const auto* const answer = std::get_if<protocol::IdentityAnswer>(&said);
    if (answer == nullptr || !std::holds_alternative<protocol::KnownPerson>(answer->who))
      fail("a person who has signed in is not known\n" + log());
  }

  // One question and its answer.
  Microseconds ask(std::uint32_t n) {
    const auto started = Clock::now();
    send(n);
    must_be_known();
    return Clock::now() - started;
  }
  // As many, of which kOpen are open at a time.
  Microseconds ask_many(std::uint32_t count) {
    const auto started = Clock::now();
    std::uint32_t sent = 0;
    while (sent < std::min(kOpen, count)) send(sent++);
    for (std::uint32_t n = 0; n < count; ++n) {
      must_be_known();
      if (sent < count) send(sent++);
    }
    return Clock::now() - started;
  }
  // From an operator's word until the proxy hears of it.
  Microseconds revoke(std::uint32_t n) {
    const host::UniqueFd people = connect("/people");
    const auto started = Clock::now();
    const protocol::PeopleAsk revoke{.what = protocol::PeopleAsk::What::Revoke,
                                     .text = Secret("subject-" + std::to_string(n))};
    if (!host::send_message(people.get(), protocol::encode(revoke).reveal())) fail(log());
    if (!std::holds_alternative<protocol::IdentityChanged>(word()))
      fail("an answer to no question\n" + log());
    const Microseconds took = Clock::now() - started;
    if (!host::wait_readable(people.get(), kPatience)) fail(log());
    const auto message = host::receive_message(people.get());
    const auto answer = protocol::decode_people_answer(message ? message->bytes : "");
    if (!answer || answer->count != 1) fail("nobody was signed out\n" + log());
    return took;
  }
  double resident_mib() const {
    std::ifstream in("/proc/" + std::to_string(process_) + "/status");
    std::string key;
    double kib = 0;
    while (in >> key)
      if (key == "VmRSS:" && in >> kib) break;
    return kib / 1024;
  }

 private:
  host::UniqueFd connect(const char* name) const {
    for (const auto end = Clock::now() + std::chrono::milliseconds(kPatience); Clock::now() < end;
         std::this_thread::sleep_for(std::chrono::microseconds(200)))
      if (auto fd = host::connect_local(folder_ + name, true)) return std::move(fd).value();
    fail(log());
  }
  std::string log() const {
    std::ifstream in(folder_ + "/log");
    return "veilwire-identity: " + std::string{std::istreambuf_iterator<char>(in), {}};
  }

  std::uint32_t sessions_;
  std::string folder_;
  pid_t process_ = -1;
  host::UniqueFd proxy_;
};

struct Figures {
  std::vector<Microseconds> starts, answers, revocations, beside_writes;
  Microseconds many{0};
  std::uint32_t asked = 0;
  double resident = 0;
};

double quantile(std::vector<Microseconds> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))].count();
}

void ask(Daemon& daemon, std::uint32_t questions, Figures& figures) {
  for (std::uint32_t n = 0; n < questions; ++n)
    // In an order that no cache likes: a prime takes it through all of them.
    figures.answers.push_back(daemon.ask(n * 7919 % kMany));
  figures.many += daemon.ask_many(questions);
  figures.asked += questions;
  figures.resident = daemon.resident_mib();
}

// One who is asked about no more. What has changed is written down soon after: the longest that an
// answer takes in that time.
void revoke(Daemon& daemon, std::uint32_t who, Figures& figures) {
  figures.revocations.push_back(daemon.revoke(who));
  Microseconds longest{0};
  const auto end = Clock::now() + std::chrono::milliseconds(300);
  while (Clock::now() < end) longest = std::max(longest, daemon.ask(0));
  figures.beside_writes.push_back(longest);
}

void row(const char* what, double few, double many) {
  std::printf("%-52s %12.1f %12.1f %9.2f\n", what, few, many, many / few);
}

void run(std::uint32_t questions) {
  Daemon few(kFew), many(kMany);
  Figures of_few, of_many;
  for (int round = 0; round < kRounds; ++round) {
    few.stop();
    many.stop();
    of_few.starts.push_back(few.start());
    of_many.starts.push_back(many.start());
  }
  for (int round = 0; round < kRounds; ++round) {
    ask(few, questions, of_few);
    ask(many, questions, of_many);
  }
  for (std::uint32_t round = 1; round <= kRounds; ++round) {
    revoke(few, kFew - round, of_few);
    revoke(many, kMany - round, of_many);
  }
  std::printf("%-52s %12u %12u %9s\n", "sessions", kFew, kMany, "ratio");
  const auto per_second = [](const Figures& f) { return f.asked / (f.many.count() / 1e6); };
  const auto both = [&](const char* what, std::vector<Microseconds> Figures::*which, double q) {
    row(what, quantile(of_few.*which, q), quantile(of_many.*which, q));
  };
  row("questions answered a second, 64 open", per_second(of_few), per_second(of_many));
  both("an answer, us, p50", &Figures::answers, 0.5);
  both("an answer, us, p99", &Figures::answers, 0.99);
  row("resident memory, MiB", of_few.resident, of_many.resident);
  both("from the start to the first answer, us, p50", &Figures::starts, 0.5);
  both("from a revocation to the proxy, us, p50", &Figures::revocations, 0.5);
  both("the longest answer while that is written, us, p50", &Figures::beside_writes, 0.5);
}

}  // namespace
}  // namespace veilwire::agent_identity

int main(int count, char** words) {
  std::uint32_t questions = 2'000;
  if (count > 1) {
    const std::string_view word = words[1];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), questions);
    if (count > 2 || error != std::errc() || end != word.data() + word.size() || questions == 0) {
      std::fputs("usage: daemon_bench [questions of a round]\n", stderr);
      return 2;
    }
  }
  if (::geteuid() != 0) {
    std::puts("SKIPPED: needs root, as whom the daemon is started and its operator asks");
    return 77;
  }
  try {
    veilwire::agent_identity::run(questions);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "%s\n", fault.what());
    return 1;
  }
  return 0;
}
