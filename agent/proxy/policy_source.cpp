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

// A file and what it held when it was read.
struct Text {
  std::string path, text;
};

// All that a policy is made of, read and not yet compiled.
struct Sources {
  policy::Policy policy;
  std::string policy_path;
  std::vector<Text> packs, certificates;
  std::vector<std::string> files;
  std::map<std::string, std::string> digests;
};

Result<Sources, LoadError> read_sources(const std::string& policy_path) {
  Sources read;
  read.policy_path = policy_path;
  read.files.push_back(policy_path);
  const auto fail = [&read](std::string message) {
    return Unexpected{LoadError{std::move(message), read.files}};
  };
  const auto beside = [&policy_path](const std::string& name) {
    return (fs::path(policy_path).parent_path() / name).lexically_normal().string();
  };
  const auto take = [&read](const std::string& path) {
    auto text = slurp(path);
    if (text) read.digests[path] = crypto::hex_encode(crypto::sha256(*text));
    return text;
  };
  const auto text = take(policy_path);
  if (!text) return fail(text.error());
  auto policy = policy::parse(*text, policy_path);
  if (!policy) return fail(policy::to_string(policy.error()));
  read.policy = std::move(policy).value();
  for (const std::string& name : read.policy.rule_packs) {
    const std::string path = beside(name);
    read.files.push_back(path);
    auto pack = take(path);
    if (!pack) return fail(pack.error());
    read.packs.push_back({path, std::move(pack).value()});
  }
  for (const policy::AuditorFile& auditor : read.policy.auditors) {
    const std::string path = beside(auditor.path);
    read.files.push_back(path);
    auto pem = take(path);
    if (!pem)
      return fail(policy::to_string({policy_path, auditor.line, auditor.column, pem.error()}));
    read.certificates.push_back({path, std::move(pem).value()});
  }
  return read;
}

Result<LoadedRuleset, LoadError> compile(Sources read, const Secret& site_key) {
  LoadedRuleset loaded{nullptr, std::move(read.files), std::move(read.digests)};
  const auto fail = [&loaded](std::string message) {
    return Unexpected{LoadError{std::move(message), loaded.files}};
  };
  std::vector<masking::RulePack> packs;
  for (const Text& file : read.packs) {
    auto pack = masking::parse_rule_pack(file.text, file.path);
    if (!pack)
      return fail(file.path + ":" + std::to_string(pack.error().line) + ":" +
                  std::to_string(pack.error().column) + ": " + pack.error().message);
    packs.push_back(std::move(pack).value());
  }
  if (const auto errors = policy::check_rules(read.policy, packs); !errors.empty())
    return fail(policy::to_string(errors.front()));
  std::vector<std::string> certificates;
  for (Text& file : read.certificates) certificates.push_back(std::move(file.text));
  auto auditors = policy::make_auditors(read.policy, certificates, host::now().wall);
  if (!auditors) return fail(policy::to_string(auditors.error()));
  auto ruleset = flow::Ruleset::build(std::move(read.policy), std::move(packs),
                                      Secret(std::string(site_key.reveal())),
                                      flow::ElementCache::kBytes, std::move(auditors).value());
  if (!ruleset) return fail(read.policy_path + ": " + ruleset.error());
  loaded.ruleset = std::move(ruleset).value();
  for (const masking::EngineError& rule : masking::left_out(*loaded.ruleset->record_engine()))
    host::log::warning("rule " + host::log::printable(rule.rule) +
                       " is left out: " + host::log::printable(rule.message));
  return loaded;
}

}  // namespace

Result<LoadedRuleset, LoadError> load_ruleset(const std::string& policy_path,
                                              const Secret& site_key) {
  auto read = read_sources(policy_path);
  if (!read) return Unexpected{std::move(read).error()};
  return compile(std::move(read).value(), site_key);
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

  // What changes while a policy is compiled is read again behind it.
  void reload() {
    again_ = compiling_;
    if (compiling_) return;
    auto read = read_sources(path_);
    // What is watched only from here on may have changed since it was read.
    for (int i = 0; i < kMostRounds && watch_.watch(read ? read->files : read.error().files); ++i)
      read = read_sources(path_);
    if (!read) return events_.failed(read.error());
    compile(std::move(read).value());
  }

 private:
  // All packs take half a second on an idle machine, and this loop accepts connections and beats
  // the heart that the kernel looks at: a thread of its own.
  void compile(Sources read) {
    compiling_ = true;
    if (compiler_.joinable()) compiler_.join();  // it has posted, and ends
    compiler_ = std::jthread([&io = io_, weak = weak_from_this(), &key = key_,
                              read = std::move(read)]() mutable {
      auto loaded =
          std::make_shared<Result<LoadedRuleset, LoadError>>(proxy::compile(std::move(read), key));
      asio::post(io, [weak, loaded] {
        if (const auto self = weak.lock()) self->take(std::move(*loaded));
      });
    });
  }

  void take(Result<LoadedRuleset, LoadError>&& loaded) {
    compiling_ = false;
    if (loaded)
      events_.loaded(std::move(loaded).value());
    else
      events_.failed(loaded.error());
    if (again_) reload();
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
  bool compiling_ = false, again_ = false;
  std::jthread compiler_;  // last: it reads the key
};

PolicySource::PolicySource(asio::io_context& io, std::string policy_path, Secret site_key,
                           std::vector<std::string> files, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(policy_path), std::move(site_key),
                                   std::move(events))) {
  impl_->watch(files);
  impl_->wait();
}
PolicySource::~PolicySource() = default;  // waits for what is being compiled
void PolicySource::reload() { impl_->reload(); }

}  // namespace veilwire::proxy
