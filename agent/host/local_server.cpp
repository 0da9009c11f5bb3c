#include "agent/host/local_server.h"

#include "agent/host/clock.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "userspace/base/secret.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

// Connections that are looked at in one turn: who connects without end, only to be refused, must
// not keep the loop from those who are answered.
constexpr int kAcceptsAtOnce = 16;

}  // namespace

LocalServer::LocalServer(Options options, Events events)
    : options_(std::move(options)),
      events_(std::move(events)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void LocalServer::run(int stop) {
  std::vector<pollfd> polled;
  std::vector<ConnectionId> ids;
  while (true) {
    const bool room = connections_.size() < options_.most_connections;
    polled = {{stop, POLLIN, 0},
              {wake_.get(), POLLIN, 0},
              {room ? options_.listener.get() : -1, POLLIN, 0},
              {options_.status ? options_.status->descriptor() : -1, POLLIN, 0}};
    const std::size_t first = polled.size();
    ids.clear();
    for (const auto& [id, connection] : connections_) {
      // Who does not take answers asks no more questions.
      const short events = connection.unsent.empty() ? POLLIN : POLLOUT;
      polled.push_back({connection.fd.get(), events, 0});
      ids.push_back(id);
    }
    if (::poll(polled.data(), polled.size(), patience()) < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (polled[0].revents != 0) return;
    if (polled[1].revents != 0) {
      std::uint64_t count = 0;
      static_cast<void>(!::read(wake_.get(), &count, sizeof count));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (polled[first + i].revents == 0) continue;
      Connection& connection = connections_.at(ids[i]);
      send_unsent(connection);
      read(ids[i], connection);
    }
    if (events_.turned) events_.turned();
    if (polled[2].revents != 0) accept_some();
    if (polled[3].revents != 0) options_.status->answer(events_.status);
    std::erase_if(connections_, [this](const auto& entry) {
      if (entry.second.broken && events_.closed) events_.closed(entry.first);
      return entry.second.broken;
    });
  }
}

// Rounded up, so that the loop does not spin in the last millisecond.
int LocalServer::patience() const {
  const auto deadline = events_.deadline ? events_.deadline() : std::nullopt;
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now().mono).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

void LocalServer::accept_some() {
  for (int i = 0; i < kAcceptsAtOnce && connections_.size() < options_.most_connections; ++i) {
    auto accepted = accept_local(options_.listener.get());
    if (!accepted) {
      const int error = accepted.error();
      if (error == EINTR || error == ECONNABORTED) continue;
      if (error != EAGAIN)
        refusals_.warning(
            "a connection could not be accepted: " + std::generic_category().message(error),
            now().mono);
      return;
    }
    if (std::find(options_.allowed.begin(), options_.allowed.end(), accepted->peer.uid) ==
        options_.allowed.end()) {
      ++refused_;
      refusals_.warning("refused uid " + std::to_string(accepted->peer.uid) + ", process " +
                            std::to_string(accepted->peer.pid) +
                            ": not one of those who are answered",
                        now().mono);
      continue;
    }
    Connection& connection = connections_[next_++];
    connection.fd = std::move(accepted->fd);
    connection.user = accepted->peer.uid;
  }
}

void LocalServer::read(ConnectionId id, Connection& connection) {
  for (int i = 0; i < options_.turn && connection.unsent.empty() && !connection.broken; ++i) {
    const auto message = receive_message(connection.fd.get());
    if (!message && message.error() == EAGAIN) return;
    // An empty one is the end of the connection.
    if (!message || message->bytes.empty() || !events_.message(id, message->bytes))
      connection.broken = true;
  }
}

void LocalServer::send(ConnectionId connection, std::string message) {
  const auto found = connections_.find(connection);
  if (found == connections_.end() || found->second.broken) return;
  found->second.unsent.push_back(std::move(message));
  send_unsent(found->second);
}

void LocalServer::close(ConnectionId connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  found->second.broken = true;
  found->second.unsent.clear();
}

uid_t LocalServer::user(ConnectionId connection) const { return connections_.at(connection).user; }

void LocalServer::send_unsent(Connection& connection) {
  while (!connection.unsent.empty()) {
    const auto sent = send_message(connection.fd.get(), connection.unsent.front());
    if (!sent) {
      if (sent.error() == EAGAIN) return;
      connection.broken = true;
      connection.unsent.clear();
      return;
    }
    wipe(connection.unsent.front().data(), connection.unsent.front().size());
    connection.unsent.pop_front();
  }
}

void LocalServer::wake() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is being woken anyway.
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

}  // namespace veilwire::host
