// The proxy's side of the privileged interface: shows the redirector our listeners, beats the heart
// that the kernel looks at, and says which addresses intercepted hosts have. Lives on one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class RedirectorLink {
 public:
  // alive: asked every second; while it says no, the heart does not beat and the kernel treats the
  // proxy as dead.
  RedirectorLink(boost::asio::io_context& io, std::string socket_path, std::vector<int> listeners,
                 std::function<bool()> alive);
  ~RedirectorLink();
  RedirectorLink(const RedirectorLink&) = delete;
  RedirectorLink& operator=(const RedirectorLink&) = delete;

  // Exact names that policy intercepts; they are resolved now and once a minute, and their
  // addresses pushed.
  void set_hosts(std::vector<std::string> names);
  bool registered() const;  // the redirector has accepted our listeners

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
