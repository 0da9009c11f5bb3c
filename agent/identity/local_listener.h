// A local socket in an Asio loop: who connects, what they say, and answers that may come later. One
// that does not take its answers is not read until it has; one user takes no more connections than
// their share. Lives on one thread. Tested by
// tests/unit/identity/local_listener_test.cpp and oidc_server_test.cpp.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/host/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class LocalListener {
 public:
  using ConnectionId = std::uint64_t;  // given once

  struct Bounds {
    std::size_t connections = 64;  // more wait in the listener's queue
    std::size_t of_user = 64;      // more are closed at once
  };
  struct Events {
    // fd: the connection's. false: it is closed.
    std::function<bool(ConnectionId, int fd, const host::Credentials&)> opened;
    // The message is wiped behind the call. false: it is no message of ours, and its connection is
    // closed.
    std::function<bool(ConnectionId, std::string_view)> message;
    std::function<void(ConnectionId)> closed;  // of one that was opened
  };

  LocalListener(boost::asio::io_context& io, host::UniqueFd listener, Bounds bounds, Events events);
  ~LocalListener();
  LocalListener(const LocalListener&) = delete;
  LocalListener& operator=(const LocalListener&) = delete;

  // One that has gone gets nothing.
  void send(ConnectionId connection, std::string message);
  void send_all(const std::string& message);
  std::size_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace veilwire::agent_identity
