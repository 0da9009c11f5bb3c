// The event loop of a program that answers on one local socket: takes the connections of those who
// may ask, reads their messages in turns, and keeps what they do not take yet. What the messages
// mean is the program's. One thread. Tested by tests/unit/host/local_server_test.cpp.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/host/protocol/status.h"
#include "agent/host/proxy_connections.h"
#include "agent/host/unique_fd.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace veilwire::host {

class LocalServer {
 public:
  using ConnectionId = std::uint64_t;  // given once

  struct Options {
    UniqueFd listener;                               // from listen_local
    std::unique_ptr<protocol::StatusSocket> status;  // nullptr: no status is given
    std::vector<uid_t> allowed;                      // the only users who are heard
    // More wait in the listener's queue.
    std::size_t most_connections = kProxyConnections;
    // Messages taken from one connection before the others have their turn.
    int turn = 16;
  };
  struct Events {
    // false: it is no message of ours, and its connection is closed.
    std::function<bool(ConnectionId, std::string_view)> message;
    std::function<std::string()> status;  // one JSON object
    // The others may be empty. The connection has gone; the peer asks no more.
    std::function<void(ConnectionId)> closed;
    // After the messages of each turn, and after wake() or deadline(): for answers that come later.
    std::function<void()> turned;
    std::function<std::optional<Monotonic>()> deadline;
  };

  // Throws std::system_error.
  LocalServer(Options options, Events events);

  // Until `stop` becomes readable. Throws std::system_error when the loop itself fails.
  void run(int stop);

  // From within an event. A peer that takes no answers is not read until it has; one that has gone
  // gets nothing.
  void send(ConnectionId connection, std::string message);
  // From within an event; closed() follows. What it has not taken is dropped.
  void close(ConnectionId connection);
  // From any thread.
  void wake() const;

  uid_t user(ConnectionId connection) const;  // one that has not gone
  std::size_t connections() const { return connections_.size(); }
  std::uint64_t refused() const { return refused_; }  // other users

 private:
  struct Connection {
    UniqueFd fd;
    uid_t user = 0;
    std::deque<std::string> unsent;
    bool broken = false;
  };
  void accept_some();
  void read(ConnectionId id, Connection& connection);
  static void send_unsent(Connection& connection);
  int patience() const;  // ms until the deadline, -1 without one

  Options options_;
  Events events_;
  UniqueFd wake_;  // eventfd
  std::map<ConnectionId, Connection> connections_;
  ConnectionId next_ = 1;
  std::uint64_t refused_ = 0;
  LimitedLog refusals_;
};

}  // namespace veilwire::host
