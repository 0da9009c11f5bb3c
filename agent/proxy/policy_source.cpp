#include "agent/proxy/policy_source.h"

#include "agent/host/log.h"
#include "userspace/policy/consistency.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/inotify.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

// An editor's write, rename and chmod come together: one load for all of them.
constexpr std::chrono::milliseconds kSettle{50};
constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;

Result<std::string, std::string> slurp(const std::string& path) {
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
  auto policy = policy::parse(*text, policy_path);
  if (!policy) return fail(policy::to_string(policy.error()));
  std::vector<masking::RulePack> packs;
  for (const std::string& name : policy->rule_packs) {
    const std::string path =
        (fs::path(policy_path).parent_path() / name).lexically_normal().string();
    loaded.files.push_back(path);
    const auto pack_text = slurp(path);
    if (!pack_text) return fail(pack_text.error());
    auto pack = masking::parse_rule_pack(*pack_text, path);
    if (!pack)
      return fail(path + ":" + std::to_string(pack.error().line) + ":" +
                  std::to_string(pack.error().column) + ": " + pack.error().message);
    packs.push_back(std::move(pack).value());
  }
  if (const auto errors = policy::check_rules(*policy, packs); !errors.empty())
    return fail(policy::to_string(errors.front()));
  auto ruleset = flow::Ruleset::build(std::move(policy).value(), std::move(packs),
                                      Secret(std::string(site_key.reveal())));
  if (!ruleset) return fail(policy_path + ": " + ruleset.error());
  loaded.ruleset = std::move(ruleset).value();
  for (const masking::EngineError& rule : masking::left_out(*loaded.ruleset->record_engine()))
    host::log::warning("rule " + rule.rule + " is left out: " + rule.message);
  return loaded;
}

class PolicySource::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, std::string path, Secret key, Events events)
      : descriptor_(io, make_inotify()),
        timer_(io),
        path_(std::move(path)),
        key_(std::move(key)),
        events_(std::move(events)) {}

  void watch(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      names_.insert(fs::path(file).filename().string());
      const std::string folder = fs::absolute(fs::path(file)).parent_path().string();
      if (!folders_.insert(folder).second) continue;
      // A folder that is not there yet is a file that cannot be read: that has been reported
      // already.
      (void)::inotify_add_watch(descriptor_.native_handle(), folder.c_str(), kChanges);
    }
  }

  void wait() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& e) {
                             if (const auto self = weak.lock(); self && !e) self->changed();
                           });
  }

  void reload() {
    auto loaded = load_ruleset(path_, key_);
    if (loaded) {
      watch(loaded->files);
      events_.loaded(std::move(loaded).value());
    } else {
      watch(loaded.error().files);
      events_.failed(loaded.error());
    }
  }

 private:
  static int make_inotify() {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) throw std::runtime_error(std::string("watch the policy: ") + std::strerror(errno));
    return fd;
  }

  void changed() {
    bool ours = false;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    ssize_t n = 0;
    while ((n = ::read(descriptor_.native_handle(), buffer.data(), buffer.size())) > 0) {
      for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(n);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = buffer.data() + at + sizeof event;
        // A lost event may have been one of ours.
        if ((event.mask & IN_Q_OVERFLOW) != 0 || (event.len != 0 && names_.contains(name)))
          ours = true;
        at += sizeof event + event.len;
      }
    }
    if (ours) {
      timer_.expires_after(kSettle);
      timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& e) {
        if (const auto self = weak.lock(); self && !e) self->reload();
      });
    }
    wait();
  }

  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer timer_;
  std::string path_;
  Secret key_;
  Events events_;
  std::set<std::string, std::less<>> names_;
  std::set<std::string> folders_;
};

PolicySource::PolicySource(asio::io_context& io, std::string policy_path, Secret site_key,
                           std::vector<std::string> files, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(policy_path), std::move(site_key),
                                   std::move(events))) {
  impl_->watch(files);
  impl_->wait();
}
PolicySource::~PolicySource() = default;
void PolicySource::reload() { impl_->reload(); }

}  // namespace veilwire::proxy
