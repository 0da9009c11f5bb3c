#include "agent/proxy/policy_source.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/host/trusted_file.h"
#include "agent/proxy/file_watch.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/policy/auditors.h"
#include "userspace/policy/consistency.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

// An editor's write, rename and chmod come together: one load for all of them.
constexpr std::chrono::milliseconds kSettle{50};
// Each names files or links that the former did not: somebody who goes on changing them makes an
// event for the next load.
constexpr int kMostRounds = 3;

Result<std::string, std::string> slurp(const std::string& path) {
  if (const auto why = host::distrust(path)) return Unexpected{path + ": " + *why};
  std::ifstream in(path, std::ios::binary);
  if (!in) return Unexpected{path + ": " + std::strerror(errno)};
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Result<LoadedRuleset, LoadError> load_ruleset(const std::string& policy_path,
                                              const Secret& site_key) {
  LoadedRuleset loaded;
  loaded.files.push_back(policy_path);
  const auto fail = [&loaded](std::string message) {
    return Unexpected{LoadError{std::move(message), loaded.files}};
  };
  const auto text = slurp(policy_path);
  if (!text) return fail(text.error());
  loaded.digests[policy_path] = crypto::hex_encode(crypto::sha256(*text));
  auto policy = policy::parse(*text, policy_path);
  if (!policy) return fail(policy::to_string(policy.error()));
  std::vector<masking::RulePack> packs;
  for (const std::string& name : policy->rule_packs) {
    const std::string path =
        (fs::path(policy_path).parent_path() / name).lexically_normal().string();
    loaded.files.push_back(path);
    const auto pack_text = slurp(path);
    if (!pack_text) return fail(pack_text.error());
    loaded.digests[path] = crypto::hex_encode(crypto::sha256(*pack_text));
    auto pack = masking::parse_rule_pack(*pack_text, path);
    if (!pack)
      return fail(path + ":" + std::to_string(pack.error().line) + ":" +
                  std::to_string(pack.error().column) + ": " + pack.error().message);
    packs.push_back(std::move(pack).value());
  }
  if (const auto errors = policy::check_rules(*policy, packs); !errors.empty())
    return fail(policy::to_string(errors.front()));
  std::vector<std::string> certificates;
  for (const policy::AuditorFile& auditor : policy->auditors) {
    const std::string path =
        (fs::path(policy_path).parent_path() / auditor.path).lexically_normal().string();
    loaded.files.push_back(path);
    const auto pem = slurp(path);
    if (!pem)
      return fail(policy::to_string({policy_path, auditor.line, auditor.column, pem.error()}));
    loaded.digests[path] = crypto::hex_encode(crypto::sha256(*pem));
    certificates.push_back(*pem);
  }
  auto auditors = policy::make_auditors(*policy, certificates, host::now().wall);
  if (!auditors) return fail(policy::to_string(auditors.error()));
  auto ruleset = flow::Ruleset::build(std::move(policy).value(), std::move(packs),
                                      Secret(std::string(site_key.reveal())),
                                      flow::ElementCache::kBytes, std::move(auditors).value());
  if (!ruleset) return fail(policy_path + ": " + ruleset.error());
  loaded.ruleset = std::move(ruleset).value();
  for (const masking::EngineError& rule : masking::left_out(*loaded.ruleset->record_engine()))
    host::log::warning("rule " + host::log::printable(rule.rule) +
                       " is left out: " + host::log::printable(rule.message));
  return loaded;
}

class PolicySource::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, std::string path, Secret key, Events events)
      : io_(io),
        descriptor_(io, ::dup(watch_.descriptor())),
        timer_(io),
        path_(std::move(path)),
        key_(std::move(key)),
        events_(std::move(events)) {}

  void watch(const std::vector<std::string>& files) { watch_.watch(files); }

  void wait() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& e) {
                             if (const auto self = weak.lock(); self && !e) self->changed();
                           });
  }

  // What changes while it is read is read again behind it.
  void reload() {
    if (loading_) {
      again_ = true;
      return;
    }
    rounds_ = 0;
    load();
  }

 private:
  using Loaded = Result<LoadedRuleset, LoadError>;

  // To compile all packs takes half a second on an idle machine, and this loop accepts connections
  // and beats the heart that the kernel looks at: a thread of its own.
  void load() {
    loading_ = true;
    again_ = false;
    if (loader_.joinable()) loader_.join();  // it has posted, and ends
    loader_ = std::jthread([&io = io_, weak = weak_from_this(), path = path_, &key = key_] {
      auto loaded = std::make_shared<Loaded>(load_ruleset(path, key));
      asio::post(io, [weak, loaded] {
        if (const auto self = weak.lock()) self->take(std::move(*loaded));
      });
    });
  }

  void take(Loaded loaded) {
    loading_ = false;
    // What is watched only from here on may have changed since it was read.
    const bool more = watch_.watch(loaded ? loaded->files : loaded.error().files);
    if ((more || again_) && ++rounds_ <= kMostRounds) return load();
    if (loaded)
      events_.loaded(std::move(loaded).value());
    else
      events_.failed(loaded.error());
  }

  void changed() {
    if (watch_.changed()) {
      timer_.expires_after(kSettle);
      timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& e) {
        if (const auto self = weak.lock(); self && !e) self->reload();
      });
    }
    wait();
  }

  asio::io_context& io_;
  FileWatch watch_;
  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer timer_;
  std::string path_;
  Secret key_;
  Events events_;
  bool loading_ = false, again_ = false;
  int rounds_ = 0;
  std::jthread loader_;  // last: it reads the key
};

PolicySource::PolicySource(asio::io_context& io, std::string policy_path, Secret site_key,
                           std::vector<std::string> files, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(policy_path), std::move(site_key),
                                   std::move(events))) {
  impl_->watch(files);
  impl_->wait();
}
PolicySource::~PolicySource() = default;  // waits for a load that is under way
void PolicySource::reload() { impl_->reload(); }

}  // namespace veilwire::proxy
