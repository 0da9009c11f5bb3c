#include "agent/identity/local_listener.h"

#include "agent/host/clock.h"
#include "agent/host/limited_log.h"
#include "userspace/base/secret.h"

#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

// Messages and connections that are taken before others have their turn.
constexpr int kAtOnce = 64;
// Where the process has no descriptor left, trying again at once would be all that it does.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

class LocalListener::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, host::UniqueFd listener, Bounds bounds, Events events)
      : io_(io),
        listener_(io, listener.release()),
        pause_(io),
        bounds_(bounds),
        events_(std::move(events)) {}

  void stop() {
    stopped_ = true;
    events_ = {};
    error_code ignored;
    listener_.close(ignored);
    pause_.cancel();
    connections_.clear();
  }

  void wait_for_more() {
    if (stopped_ || accepting_ || connections_.size() >= bounds_.connections) return;
    accepting_ = true;
    listener_.async_wait(stream_descriptor::wait_read,
                         [self = shared_from_this()](const error_code& error) {
                           self->accepting_ = false;
                           if (!error && !self->stopped_) self->accept();
                         });
  }

  void send(ConnectionId id, std::string message) {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    at->second->unsent.push_back(std::move(message));
    if (at->second->unsent.size() == 1) write(id);
  }

  void send_all(const std::string& message) {
    std::vector<ConnectionId> ids;
    for (const auto& [id, connection] : connections_) ids.push_back(id);
    for (const ConnectionId id : ids) send(id, message);
  }

  std::size_t connections() const { return connections_.size(); }

 private:
  struct Connection {
    Connection(asio::io_context& io, host::UniqueFd fd, uid_t user)
        : descriptor(io, fd.release()), uid(user) {}
    stream_descriptor descriptor;
    uid_t uid;
    std::deque<std::string> unsent;
    bool reading = false;  // waits to
  };

  void accept() {
    for (int i = 0; i < kAtOnce && connections_.size() < bounds_.connections; ++i) {
      auto accepted = host::accept_local(listener_.native_handle());
      if (!accepted) {
        const int error = accepted.error();
        if (error == EINTR || error == ECONNABORTED) continue;
        if (error == EAGAIN) break;
        log_.warning(
            "a connection could not be accepted: " + std::generic_category().message(error),
            host::now().mono);
        pause_.expires_after(kAcceptPause);
        pause_.async_wait(
            [self = shared_from_this()](const error_code&) { self->wait_for_more(); });
        return;
      }
      const uid_t uid = accepted->peer.uid;
      if (shares_[uid] >= bounds_.of_user) {
        log_.warning("uid " + std::to_string(uid) + " has too many connections", host::now().mono);
        continue;
      }
      const ConnectionId id = next_++;
      const int fd = accepted->fd.get();
      if (!events_.opened(id, fd, accepted->peer)) continue;
      ++shares_[uid];
      connections_.emplace(id, std::make_unique<Connection>(io_, std::move(accepted->fd), uid));
      read(id);
    }
    wait_for_more();
  }

  void read(ConnectionId id) {
    const auto at = connections_.find(id);
    if (at == connections_.end() || std::exchange(at->second->reading, true)) return;
    at->second->descriptor.async_wait(stream_descriptor::wait_read,
                                      [self = shared_from_this(), id](const error_code& error) {
                                        if (!error && !self->stopped_) self->receive(id);
                                      });
  }

  void receive(ConnectionId id) {
    for (int i = 0; i < kAtOnce; ++i) {
      const auto at = connections_.find(id);
      if (at == connections_.end()) return;
      if (!at->second->unsent.empty()) {  // write() reads on
        at->second->reading = false;
        return;
      }
      auto message = host::receive_message(at->second->descriptor.native_handle());
      if (!message && message.error() == EAGAIN) break;
      if (!message || message->bytes.empty()) return close(id);
      const Secret bytes(std::move(message->bytes));
      if (!events_.message(id, bytes.reveal())) return close(id);
    }
    connections_.at(id)->reading = false;
    read(id);
  }

  void write(ConnectionId id) {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    Connection& connection = *at->second;
    while (!connection.unsent.empty()) {
      const auto sent =
          host::send_message(connection.descriptor.native_handle(), connection.unsent.front());
      if (!sent && sent.error() == EAGAIN) {
        connection.descriptor.async_wait(stream_descriptor::wait_write,
                                         [self = shared_from_this(), id](const error_code& error) {
                                           if (!error && !self->stopped_) self->write(id);
                                         });
        return;
      }
      // Its next read finds the end; whoever sends may be in the middle of something.
      if (!sent)
        connection.unsent.clear();
      else
        connection.unsent.pop_front();
    }
    read(id);
  }

  void close(ConnectionId id) {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    const auto share = shares_.find(at->second->uid);
    if (--share->second == 0) shares_.erase(share);
    connections_.erase(at);
    if (events_.closed) events_.closed(id);
    wait_for_more();
  }

  asio::io_context& io_;
  stream_descriptor listener_;
  asio::steady_timer pause_;
  Bounds bounds_;
  Events events_;
  std::map<ConnectionId, std::unique_ptr<Connection>> connections_;
  std::map<uid_t, std::size_t> shares_;
  ConnectionId next_ = 1;
  bool accepting_ = false, stopped_ = false;
  host::LimitedLog log_;
};

LocalListener::LocalListener(asio::io_context& io, host::UniqueFd listener, Bounds bounds,
                             Events events)
    : impl_(std::make_shared<Impl>(io, std::move(listener), bounds, std::move(events))) {
  impl_->wait_for_more();
}
LocalListener::~LocalListener() { impl_->stop(); }
void LocalListener::send(ConnectionId connection, std::string message) {
  impl_->send(connection, std::move(message));
}
void LocalListener::send_all(const std::string& message) { impl_->send_all(message); }
std::size_t LocalListener::connections() const { return impl_->connections(); }

}  // namespace veilwire::agent_identity
