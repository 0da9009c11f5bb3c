// What it costs the proxy to know who a request comes from: an answer that is kept, beside asking
// veilwire-identity over its socket each time, which is what it would cost without keeping any. The
// program at the other end answers at once: a real one also looks somebody up.

#include "agent/host/local_socket.h"
#include "agent/host/protocol/identity.h"
#include "agent/proxy/identity_link.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>
#include <sys/socket.h>

namespace veilwire::proxy {
namespace {

namespace protocol = host::protocol;

constexpr std::uint32_t kLogins = 1000;  // with an answer that is kept
constexpr int kGroups = 20;

identity::Peer peer(std::uint32_t n) {
  return {.uid = n, .loginuid = n, .audit_session = n, .comm = "HTTP Client"};
}

// Answers everything with somebody for as long as it lives. One that is good for no time is kept by
// nobody.
class Answerer {
 public:
  explicit Answerer(std::chrono::milliseconds valid_for) : valid_for_(valid_for) {
    std::string pattern = std::filesystem::temp_directory_path() / "vw_bench_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    listener_ = host::listen_local(path(), 0600);
    for (int n = 0; n < kGroups; ++n)
      known_.person.groups.push_back("group number " + std::to_string(n));
    known_.person.issuer = "https://idp.example/realms/company";
    known_.person.subject = "248289761001-3f6c1d0e";
    known_.person.name = "Ada Lovelace";
    known_.person.method = "pkce";
    known_.valid_for = valid_for_;
  }
  ~Answerer() {
    ::shutdown(peer_.get(), SHUT_RDWR);
    thread_.join();
    std::filesystem::remove_all(folder_);
  }
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  std::string path() const { return folder_ + "/s"; }
  // Behind the first connect.
  void start() {
    auto accepted = host::accept_local(listener_.get());
    if (!accepted) std::abort();
    peer_ = std::move(accepted->fd);
    thread_ = std::thread([this] {
      while (host::wait_readable(peer_.get(), -1)) {
        const auto message = host::receive_message(peer_.get());
        const auto asked = protocol::decode_identity_question(message ? message->bytes : "");
        if (!asked) return;
        if (!host::send_message(peer_.get(), *protocol::encode({asked->id, known_}))) return;
      }
    });
  }

 private:
  std::chrono::milliseconds valid_for_;
  std::string folder_;
  host::UniqueFd listener_, peer_;
  protocol::KnownPerson known_;
  std::thread thread_;
};

// Seconds for one check.
double check(benchmark::State& state, std::chrono::milliseconds valid_for) {
  Answerer answerer(valid_for);
  boost::asio::io_context io{1};
  IdentityLink link(io, answerer.path());
  answerer.start();
  const auto ask = [&](std::uint32_t n) {
    bool answered = false;
    link.ask(peer(n), false,
             [&](const IdentityLink::Answer& answer) { answered = answer.has_value(); });
    while (!answered) io.run_one();
  };
  for (std::uint32_t n = 0; n < kLogins; ++n) ask(n);
  std::uint32_t n = 0;
  const auto started = std::chrono::steady_clock::now();
  for (auto _ : state) ask(n++ % kLogins);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  return took.count() / static_cast<double>(state.iterations());
}

double kept_costs = 0;

void kept(benchmark::State& state) { kept_costs = check(state, std::chrono::hours(1)); }

void asked_each_time(benchmark::State& state) {
  const double costs = check(state, std::chrono::milliseconds(0));
  if (kept_costs > 0) state.counters["times_kept"] = costs / kept_costs;
}

BENCHMARK(kept)->UseRealTime();
BENCHMARK(asked_each_time)->UseRealTime();

}  // namespace
}  // namespace veilwire::proxy

BENCHMARK_MAIN();
