#include "agent/proxy/dialer.h"

#include "userspace/base/limits.h"

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// RFC 8305, 8: the recommended delay between two attempts, and the most addresses worth trying.
constexpr std::chrono::milliseconds kAttemptDelay{250};
// How long a name may take before the address is tried that the client has found: one resolver that
// is silent, or busy with somebody else's name, must not cost the connection.
constexpr std::chrono::seconds kResolutionDelay{1};
constexpr std::size_t kMostAddresses = 12;

#ifndef SO_BINDTOIFINDEX
constexpr int SO_BINDTOIFINDEX = 62;
#endif

// IPv6 first, then alternately (RFC 8305, 4): one broken family costs one delay.
std::vector<tcp::endpoint> interleave(const tcp::resolver::results_type& results) {
  std::vector<tcp::endpoint> v6, v4, mixed;
  for (const auto& entry : results)
    (entry.endpoint().address().is_v6() ? v6 : v4).push_back(entry.endpoint());
  for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
    if (i < v6.size()) mixed.push_back(v6[i]);
    if (i < v4.size()) mixed.push_back(v4[i]);
  }
  if (mixed.size() > kMostAddresses) mixed.resize(kMostAddresses);
  return mixed;
}

// The kernel's own patience is two hours.
void notice_death(tcp::socket& socket) {
  const auto set = [fd = socket.native_handle()](int name, std::chrono::milliseconds time,
                                                 std::chrono::milliseconds unit) {
    const int value = static_cast<int>(time / unit);
    (void)::setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value);
  };
  error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  set(TCP_KEEPIDLE, limits::kKeepaliveIdle, std::chrono::seconds(1));
  set(TCP_KEEPINTVL, limits::kKeepaliveInterval, std::chrono::seconds(1));
  set(TCP_USER_TIMEOUT, limits::kUnacknowledged, std::chrono::milliseconds(1));
}

class Race final : public Dial {
 public:
  Race(asio::io_context& io, std::uint32_t bound_ifindex, Answer answer)
      : io_(io),
        resolver_(io),
        stagger_(io),
        resolution_(io),
        limit_(io),
        bound_ifindex_(bound_ifindex),
        answer_(std::move(answer)) {}

  void start(const flow::Dial& request) {
    error_code error;
    const auto address = asio::ip::make_address(request.destination.address, error);
    if (!error) last_resort_ = tcp::endpoint(address, request.destination.port);
    limit_.expires_after(limits::kDialTime);
    limit_.async_wait([self = self()](const error_code& e) {
      if (!e) self->fail("no connection in time");
    });
    name_ = request.name;
    port_ = request.destination.port;
    resolved_ = name_.empty();
    if (!resolved_ && !request.address_first) {
      resolve();
      return after(kResolutionDelay, [this] { add_last_resort(); });
    }
    add_last_resort();
    // The name is asked for only where the address does not answer at once.
    if (!resolved_) after(kAttemptDelay, [this] { resolve(); });
  }

  void cancel() override {
    answer_ = nullptr;
    stop();
  }

 private:
  std::shared_ptr<Race> self() { return std::static_pointer_cast<Race>(shared_from_this()); }

  void after(std::chrono::milliseconds delay, std::function<void()> step) {
    resolution_.expires_after(delay);
    resolution_.async_wait([self = self(), step = std::move(step)](const error_code& e) {
      if (!e && self->answer_) step();
    });
  }

  void resolve() {
    resolution_.cancel();
    if (std::exchange(resolving_, true)) return;
    resolver_.async_resolve(
        name_, std::to_string(port_), tcp::resolver::numeric_service,
        [self = self()](const error_code& e, const tcp::resolver::results_type& results) {
          if (!self->answer_) return;
          self->resolved_ = true;
          self->resolution_.cancel();
          if (!e) self->add(interleave(results));
          self->add_last_resort();
        });
  }

  void add_last_resort() {
    add(last_resort_ ? std::vector{*last_resort_} : std::vector<tcp::endpoint>{});
  }

  // Further addresses to try, behind those that are known.
  void add(const std::vector<tcp::endpoint>& endpoints) {
    for (const tcp::endpoint& endpoint : endpoints)
      if (std::find(endpoints_.begin(), endpoints_.end(), endpoint) == endpoints_.end())
        endpoints_.push_back(endpoint);
    if (waiting_) return;  // their turn comes
    if (open_ == 0) return next();
    if (next_ < endpoints_.size()) wait();
  }

  void next() {
    if (next_ < endpoints_.size()) return attempt();
    if (open_ != 0) return;
    if (!resolved_) return resolve();
    fail(endpoints_.empty() ? "its name cannot be resolved" : last_error_);
  }

  void wait() {
    waiting_ = true;
    stagger_.expires_after(kAttemptDelay);
    stagger_.async_wait([self = self()](const error_code& e) {
      if (e) return;
      self->waiting_ = false;
      self->attempt();
    });
  }

  void attempt() {
    if (!answer_ || next_ == endpoints_.size()) return;
    const tcp::endpoint endpoint = endpoints_[next_++];
    auto socket = std::make_shared<tcp::socket>(io_);
    error_code error;
    socket->open(endpoint.protocol(), error);
    if (error) return attempt_failed(error);
    if (bound_ifindex_ != 0) {
      const int index = static_cast<int>(bound_ifindex_);
      if (::setsockopt(socket->native_handle(), SOL_SOCKET, SO_BINDTOIFINDEX, &index,
                       sizeof index) != 0)
        return attempt_failed(error_code(errno, boost::system::system_category()));
    }
    sockets_.push_back(socket);
    ++open_;
    socket->async_connect(endpoint, [self = self(), socket](const error_code& e) {
      if (!self->answer_) return;
      if (!e) return self->succeed(std::move(*socket));
      --self->open_;
      self->attempt_failed(e);
    });
    if (next_ < endpoints_.size()) wait();
  }

  // The next address need not wait for its turn.
  void attempt_failed(const error_code& error) {
    last_error_ = error.message();
    stagger_.cancel();
    waiting_ = false;
    next();
  }

  void succeed(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    notice_death(socket);
    Answer answer = std::exchange(answer_, nullptr);
    stop();
    answer({std::move(socket), {}});
  }

  void fail(const std::string& why) {
    if (!answer_) return;
    Answer answer = std::exchange(answer_, nullptr);
    stop();
    answer({tcp::socket(io_), why});
  }

  void stop() {
    resolver_.cancel();
    stagger_.cancel();
    resolution_.cancel();
    limit_.cancel();
    for (const auto& socket : sockets_) {
      error_code ignored;
      if (socket->is_open()) socket->close(ignored);
    }
    sockets_.clear();
  }

  asio::io_context& io_;
  tcp::resolver resolver_;
  asio::steady_timer stagger_, resolution_, limit_;
  std::uint32_t bound_ifindex_;
  Answer answer_;
  std::optional<tcp::endpoint> last_resort_;
  std::vector<tcp::endpoint> endpoints_;
  std::vector<std::shared_ptr<tcp::socket>> sockets_;
  std::size_t next_ = 0;
  std::size_t open_ = 0;
  bool waiting_ = false;  // for the next one's turn
  std::string name_;
  std::uint16_t port_ = 0;
  bool resolving_ = false;
  bool resolved_ = false;  // no more addresses will come
  std::string last_error_;
};

}  // namespace

std::shared_ptr<Dial> start_dial(asio::io_context& io, const flow::Dial& request,
                                 std::uint32_t bound_ifindex, Dial::Answer answer) {
  auto race = std::make_shared<Race>(io, bound_ifindex, std::move(answer));
  race->start(request);
  return race;
}

}  // namespace veilwire::proxy
