// veilwire-proxy: takes redirected connections, ends their TLS, masks and records. No capability,
// no network privilege; holds TLS session keys and nothing else that is secret.
#include "agent/host/clock.h"
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/host_ids.h"
#include "agent/host/limited_log.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/host/program.h"
#include "agent/proxy/listeners.h"
#include "agent/proxy/permitted_hosts.h"
#include "agent/proxy/policy_source.h"
#include "agent/proxy/redirector_link.h"
#include "agent/proxy/settings.h"
#include "agent/proxy/status.h"
#include "agent/proxy/worker.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/random.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;

constexpr int kAcceptBatch = 64;
constexpr std::chrono::milliseconds kAcceptPause{50};  // when descriptors have run out

// How many there are then.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    throw std::system_error(errno, std::generic_category(), "RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::string said_of(std::string_view mode) {
  if (mode.empty()) return {};
  return mode == "observe" ? " and only observes: nothing is changed"
                           : " and only observes some: see its [[scope]]";
}

// Of the process: what it names is forgotten with it.
crypto::Digest new_key(const crypto::RandomSource& random) {
  crypto::Digest key{};
  random(key);
  return key;
}

// Accepts on the main thread and deals connections out in turn.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(asio::io_context& io, Listener listener, std::vector<std::unique_ptr<Worker>>& workers,
           Counters& counters)
      : descriptor_(io, listener.fd.release()),
        pause_(io),
        v6_(listener.v6),
        workers_(workers),
        counters_(counters) {}

  // Who connects now waits in the kernel's queue for the next process.
  void stop() {
    stopped_ = true;
    descriptor_.cancel();
    pause_.cancel();
  }

  void wait() {
    if (stopped_) return;
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& e) {
                             if (!e) self->accept();
                           });
  }

 private:
  void accept() {
    for (int i = 0; i < kAcceptBatch; ++i) {
      host::UniqueFd fd(
          ::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
          return pause();
        break;
      }
      ++counters_.accepted;
      workers_[next_++ % workers_.size()]->adopt(std::move(fd), v6_);
    }
    wait();
  }

  void pause() {
    shortage_.warning("out of descriptors: new connections wait", host::now().mono);
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([self = shared_from_this()](const boost::system::error_code& e) {
      if (!e) self->wait();
    });
  }

  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer pause_;
  bool v6_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Worker>>& workers_;
  Counters& counters_;
  std::size_t next_ = 0;
  host::LimitedLog shortage_;
};

std::vector<std::string> exact_hosts(const flow::Ruleset& ruleset) {
  std::vector<std::string> names;
  for (const policy::Host& host : ruleset.policy().hosts)
    if (!host.name.starts_with("*.")) names.push_back(host.name);
  return names;
}

// Its first certificates are others once another CA signs.
std::string internal_ca_now(const Shared& shared) {
  try {
    return read_file(shared.settings.internal_ca);
  } catch (const std::exception&) {
    return shared.internal_ca_pem;
  }
}

void read_again(const std::string& config_path) {
  try {
    host::read_log_level_again(config_path, "proxy");
  } catch (const std::exception& e) {
    host::log::error(std::string("read again, and refused; the former stays: ") + e.what());
  }
}

// Connections may have passed uninspected, and nobody knows which.
audit::Gap gap_of(const RedirectorLink::Loss& loss) {
  std::string detail = loss.program + (loss.restored ? " was detached" : " is detached");
  if (loss.away) detail += " for at most " + std::to_string(loss.away->count()) + " ms";
  if (loss.restored) detail += "; it is attached again";
  return {.reason = "interception lost", .detail = std::move(detail), .action = "pass", .bytes = 0};
}

int run(const std::string& config_path, bool unconfined) {
  const Settings settings = read_settings(host::Config::load(config_path));
  host::log::start("veilwire-proxy", settings.log_level);
  const std::size_t descriptors = raise_descriptor_limit();
  if (!unconfined) host::confine({.user = settings.user, .keep_capabilities = {}});
  std::signal(SIGPIPE, SIG_IGN);

  const auto random = crypto::system_random();
  const auto leaf_key = crypto::PrivateKey::generate();
  const host::HostIds ids = host::read_host_ids();
  Shared shared{.settings = settings,
                .host_id = ids.machine,
                .boot_id = ids.boot,
                .leaf_key = leaf_key,
                .tickets = std::make_shared<wire::TicketKeys>(random, host::now().mono),
                .upstream_roots_pem = read_file(settings.upstream_roots),
                .internal_ca_pem = read_file(settings.internal_ca),
                // Two descriptors each; a user may have half of what there can be.
                .connections = std::make_shared<UserShares>(descriptors / 4),
                .memory = std::make_shared<flow::MemoryBudget>(settings.held_memory),
                .conversations = std::make_shared<flow::ConversationMemory>(new_key(random)),
                .ruleset = {},
                .counters = {}};
  const Secret site_key = read_site_key(settings.site_key);
  auto loaded = load_ruleset(settings.policy, site_key);
  if (!loaded) throw std::runtime_error(host::log::printable(loaded.error().message));
  shared.ruleset.set(loaded->ruleset);

  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < settings.threads; ++i)
    workers.push_back(std::make_unique<Worker>(shared));

  asio::io_context io{1};
  std::vector<Listener> listeners = open_listeners(settings.port);
  std::vector<int> listening;
  for (const Listener& listener : listeners) listening.push_back(listener.fd.get());
  RedirectorLink redirector(
      io, settings.redirector_socket, listening,
      [&workers] {
        return std::all_of(workers.begin(), workers.end(),
                           [](const auto& worker) { return worker->alive(); });
      },
      [&workers](const RedirectorLink::Loss& loss) { workers.front()->put_record(gap_of(loss)); });
  StatusServer status(io, settings, shared, workers, redirector);

  const auto put_in_force = [&](const LoadedRuleset& next) {
    const policy::Policy& policy = next.ruleset->policy();
    auto refused = not_permitted(policy, internal_ca_now(shared));
    for (const std::string& host : refused)
      host::log::warning("the CA's name constraints do not permit " + host +
                         ", which the policy intercepts: every connection to it will fail");
    redirector.set_hosts(exact_hosts(*next.ruleset));
    status.policy_in_force(next.digests, std::move(refused));
  };
  put_in_force(*loaded);
  const auto report = [&](const std::string& digest, const std::string& outcome,
                          std::string_view mode) {
    workers.front()->put_record(audit::ConfigChange{.what = "policy",
                                                    .file = settings.policy,
                                                    .digest = digest,
                                                    .outcome = outcome,
                                                    .mode = std::string(mode)});
    status.policy_outcome(outcome);
  };
  PolicySource source(
      io, settings.policy, Secret(std::string(site_key.reveal())), loaded->files,
      {.loaded =
           [&](LoadedRuleset next) {
             const std::string digest = next.ruleset->policy().digest;
             const std::string_view mode = policy::observed_extent(next.ruleset->policy());
             put_in_force(next);
             shared.ruleset.set(std::move(next.ruleset));
             host::log::info("policy " + digest.substr(0, 12) + " is active" + said_of(mode));
             report(digest, "active", mode);
           },
       .failed =
           [&](const LoadError& error) {
             host::log::error("the policy was changed and is refused; the former one stays: " +
                              host::log::printable(error.message));
             report("", error.message, "");
           }});

  for (const auto& worker : workers) worker->start();
  const std::string_view mode = policy::observed_extent(loaded->ruleset->policy());
  if (!mode.empty()) host::log::info("the policy is active" + said_of(mode));
  report(loaded->ruleset->policy().digest, "active", mode);
  std::vector<std::shared_ptr<Acceptor>> acceptors;
  for (Listener& listener : listeners)
    acceptors.push_back(
        std::make_shared<Acceptor>(io, std::move(listener), workers, shared.counters));
  // Who has waited for this process is not to be told that the upstream refuses.
  redirector.when_registered([&] {
    for (const auto& acceptor : acceptors) acceptor->wait();
  });

  asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);
  bool stopping = false;
  std::size_t running = workers.size();
  std::function<void(const boost::system::error_code&, int)> on_signal =
      [&](const boost::system::error_code& e, int number) {
        if (e) return;
        if (number == SIGHUP) {
          read_again(config_path);
          source.reload();
          return signals.async_wait(on_signal);
        }
        signals.async_wait(on_signal);
        if (std::exchange(stopping, true)) {  // asked twice: at once
          for (const auto& worker : workers) worker->stop();
          return;
        }
        host::notify("STOPPING=1");
        // The heart beats on meanwhile, so that who connects waits instead of being refused.
        for (const auto& acceptor : acceptors) acceptor->stop();
        for (const auto& worker : workers)
          worker->drain([&] {
            asio::post(io, [&] {
              if (--running == 0) io.stop();
            });
          });
      };
  signals.async_wait(on_signal);
  host::log::info("ready: " + std::to_string(settings.threads) + " threads, policy " +
                  loaded->ruleset->policy().digest.substr(0, 12));
  host::notify("READY=1");
  io.run();
  for (const auto& worker : workers) worker->join();
  return 0;
}

}  // namespace
}  // namespace veilwire::proxy

int main(int argc, char** argv) {
  CLI::App app(
      "Masks secrets in what Claude clients receive and send, and records it.\n"
      "Started by veilwire-proxy.service; see veilwire-proxy(8).",
      "veilwire-proxy");
  veilwire::host::DaemonOptions options;
  veilwire::host::add_daemon_options(app, options, VEILWIRE_VERSION);
  return veilwire::host::run_program(app, argc, argv, [&options] {
    return veilwire::proxy::run(options.config, options.unconfined);
  });
}
