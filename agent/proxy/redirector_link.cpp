#include "agent/proxy/redirector_link.h"

#include "agent/host/log.h"
#include "agent/host/protocol/redirector.h"
#include "agent/proxy/local_channel.h"
#include "bpf/abi.h"

#include <chrono>
#include <cstring>
#include <deque>
#include <set>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/mman.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kBeat{1};
constexpr std::chrono::seconds kResolve{60};
// Longer than several rounds: a resolver that fails for a while must not open a gap.
constexpr std::uint32_t kTargetSeconds = 3600;

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

protocol::RedirectorRequest request(protocol::RedirectorMessage type) {
  return {protocol::kRedirectorVersion, type, 0};
}

// The heartbeat map, mapped shared; empty until the redirector has passed it.
class Heart {
 public:
  ~Heart() { unmap(); }
  Heart() = default;
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

  bool map(int fd) {
    unmap();
    void* p = ::mmap(nullptr, sizeof(vw_heartbeat), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return false;
    beat_ = static_cast<vw_heartbeat*>(p);
    return true;
  }
  void beat() {
    if (beat_ == nullptr) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    __atomic_store_n(&beat_->beat_ns,
                     static_cast<std::uint64_t>(
                         std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()),
                     __ATOMIC_RELAXED);
  }

 private:
  void unmap() {
    if (beat_ != nullptr) ::munmap(std::exchange(beat_, nullptr), sizeof(vw_heartbeat));
  }
  vw_heartbeat* beat_ = nullptr;
};

}  // namespace

class RedirectorLink::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, const std::string& path, std::vector<int> listeners,
       std::function<bool()> alive, std::function<void(const Loss&)> on_loss)
      : listeners_(std::move(listeners)),
        alive_(std::move(alive)),
        on_loss_(std::move(on_loss)),
        beat_timer_(io),
        resolve_timer_(io),
        resolver_(io),
        channel_(io, "redirector", path,
                 {.up = [this] { said_hello_ = false, hello(); },
                  .down = [this] { lost(); },
                  .message = [this](std::string_view m, auto& fds) { answered(m, fds); }}) {}

  void start() {
    started_ = true;
    if (channel_.is_up()) hello();
    beat();
  }

  void set_hosts(std::vector<std::string> names) {
    names_ = std::move(names);
    resolve_round();
  }

  bool registered() const { return registered_; }

  void when_registered(std::function<void()> then) {
    if (registered_) return then();
    then_ = std::move(then);
  }

 private:
  enum class Asked { Hello, Listeners, Targets };

  void hello() {
    if (!started_ || std::exchange(said_hello_, true)) return;
    asked_.clear();
    send(Asked::Hello, bytes_of(request(protocol::RedirectorMessage::Hello)), {});
  }

  void send(Asked what, std::string_view bytes, const std::vector<int>& descriptors) {
    if (channel_.send(bytes, descriptors)) asked_.push_back(what);
  }

  void lost() {
    registered_ = false;  // redirection goes on from the pins
    asked_.clear();
    said_hello_ = false;
  }

  void answered(std::string_view bytes, std::vector<host::UniqueFd>& descriptors) {
    if (bytes.size() == sizeof(protocol::RedirectorNotice)) return noticed(bytes);
    protocol::RedirectorAnswer answer{};
    if (bytes.size() != sizeof answer || asked_.empty()) return channel_.restart();
    std::memcpy(&answer, bytes.data(), sizeof answer);
    if (answer.version != protocol::kRedirectorVersion) {
      host::log::error("the redirector speaks another version; upgrade both together");
      return channel_.restart();
    }
    const Asked what = asked_.front();
    asked_.pop_front();
    if (answer.status != protocol::RedirectorStatus::Ok) {
      if (std::exchange(refusal_said_, true)) return;
      host::log::error("the redirector refused " + std::string(name(what)) + ": status " +
                       std::to_string(static_cast<int>(answer.status)) + ", " +
                       std::strerror(static_cast<int>(answer.error)));
      return;
    }
    if (what == Asked::Hello) {
      if (descriptors.empty() || !heart_.map(descriptors[0].get()))
        host::log::error("the redirector's heartbeat map cannot be mapped");
      if (alive_()) heart_.beat();
      send(Asked::Listeners, bytes_of(request(protocol::RedirectorMessage::Listeners)), listeners_);
    } else if (what == Asked::Listeners) {
      registered_ = true;
      refusal_said_ = false;
      host::log::info("registered with the redirector: connections are taken");
      if (const auto then = std::exchange(then_, nullptr)) then();
      resolve_round();
    }
  }

  void noticed(std::string_view bytes) {
    protocol::RedirectorNotice notice{};
    std::memcpy(&notice, bytes.data(), sizeof notice);
    if (notice.version != protocol::kRedirectorVersion) return channel_.restart();
    const std::string_view program(notice.program, sizeof notice.program);
    Loss loss{.program = std::string(program.substr(0, program.find('\0'))),
              .restored = notice.restored != 0,
              .away = {}};
    if (notice.away_ms != UINT32_MAX) loss.away = std::chrono::milliseconds(notice.away_ms);
    on_loss_(loss);
  }

  static std::string_view name(Asked what) {
    switch (what) {
      case Asked::Hello:
        return "our greeting";
      case Asked::Listeners:
        return "our listeners";
      case Asked::Targets:
        return "target addresses";
    }
    return "";
  }

  void beat() {
    if (alive_()) heart_.beat();
    // What was refused may be granted later: its reason is on the redirector's side.
    if (!registered_ && asked_.empty() && channel_.is_up()) {
      said_hello_ = false;
      hello();
    }
    beat_timer_.expires_after(kBeat);
    beat_timer_.async_wait([weak = weak_from_this()](const error_code& e) {
      if (const auto self = weak.lock(); self && !e) self->beat();
    });
  }

  void resolve_round() {
    resolve_timer_.cancel();
    resolver_.cancel();
    waiting_.assign(names_.begin(), names_.end());
    resolve_next();
  }

  void resolve_next() {
    if (waiting_.empty()) {
      resolve_timer_.expires_after(kResolve);
      resolve_timer_.async_wait([weak = weak_from_this()](const error_code& e) {
        if (const auto self = weak.lock(); self && !e) self->resolve_round();
      });
      return;
    }
    const std::string name = waiting_.front();
    waiting_.pop_front();
    resolver_.async_resolve(
        name, "443", tcp::resolver::numeric_service,
        [weak = weak_from_this()](const error_code& e, const tcp::resolver::results_type& results) {
          const auto self = weak.lock();
          if (!self || e == asio::error::operation_aborted) return;
          if (!e) self->push(results);
          self->resolve_next();
        });
  }

  void push(const tcp::resolver::results_type& results) {
    protocol::RedirectorTargets targets{};
    targets.head = request(protocol::RedirectorMessage::Targets);
    targets.lifetime_seconds = kTargetSeconds;
    const auto tell = [&] {
      if (targets.count != 0 && registered_) send(Asked::Targets, bytes_of(targets), {});
      targets.count = 0;
    };
    std::set<asio::ip::address_v6> seen;
    for (const auto& entry : results) {
      const auto address = entry.endpoint().address();
      // A name that resolves to this host is answered by this host: not ours to redirect.
      if (address.is_loopback() || address.is_unspecified()) continue;
      const auto v6 = address.is_v6()
                          ? address.to_v6()
                          : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
      if (!seen.insert(v6).second) continue;
      if (targets.count == protocol::kRedirectorMaxAddresses) tell();
      const auto raw = v6.to_bytes();
      std::memcpy(targets.addresses[targets.count++], raw.data(), raw.size());
    }
    tell();
  }

  std::vector<int> listeners_;
  std::function<bool()> alive_;
  std::function<void(const Loss&)> on_loss_;
  std::vector<std::string> names_;
  std::deque<std::string> waiting_;
  std::deque<Asked> asked_;
  bool started_ = false;
  bool said_hello_ = false;
  bool registered_ = false;
  std::function<void()> then_;
  bool refusal_said_ = false;
  Heart heart_;
  asio::steady_timer beat_timer_, resolve_timer_;
  tcp::resolver resolver_;
  LocalChannel channel_;
};

RedirectorLink::RedirectorLink(asio::io_context& io, std::string socket_path,
                               std::vector<int> listeners, std::function<bool()> alive,
                               std::function<void(const Loss&)> lost)
    : impl_(std::make_shared<Impl>(io, socket_path, std::move(listeners), std::move(alive),
                                   std::move(lost))) {
  impl_->start();
}
RedirectorLink::~RedirectorLink() = default;
void RedirectorLink::set_hosts(std::vector<std::string> names) {
  impl_->set_hosts(std::move(names));
}
bool RedirectorLink::registered() const { return impl_->registered(); }
void RedirectorLink::when_registered(std::function<void()> then) {
  impl_->when_registered(std::move(then));
}

}  // namespace veilwire::proxy
