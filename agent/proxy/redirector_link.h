// The proxy's side of the privileged interface: shows the redirector our listeners, beats the heart
// that the kernel looks at, and says which addresses intercepted hosts have. Lives on one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class RedirectorLink {
 public:
  // A kernel program was found not to be in force. restored: it is attached again.
  struct Loss {
    std::string program;
    bool restored = false;
    std::optional<std::chrono::milliseconds> away;  // at most so long
  };
  // alive: asked every second; while it says no, the heart does not beat and the kernel treats the
  // proxy as dead.
  RedirectorLink(boost::asio::io_context& io, std::string socket_path, std::vector<int> listeners,
                 std::function<bool()> alive, std::function<void(const Loss&)> lost);
  ~RedirectorLink();
  RedirectorLink(const RedirectorLink&) = delete;
  RedirectorLink& operator=(const RedirectorLink&) = delete;

  // Exact names that policy intercepts; they are resolved now and once a minute, and their
  // addresses pushed.
  void set_hosts(std::vector<std::string> names);
  bool registered() const;  // the redirector has accepted our listeners
  // Once, when that is so for the first time. Before, our own connections are caught, too: a
  // process that a manager has just started is in a cgroup that nobody knows.
  void when_registered(std::function<void()> then);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
