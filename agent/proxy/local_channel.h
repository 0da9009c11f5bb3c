// A connection to one of our other programs that comes back by itself: messages out, messages in,
// and word when it goes up or down, to its owner and to the log. Lives on one thread.
#pragma once

#include "agent/host/unique_fd.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class LocalChannel {
 public:
  struct Events {
    std::function<void()> up;
    std::function<void()> down;
    // descriptors are closed when the call returns unless they are moved away.
    std::function<void(std::string_view message, std::vector<host::UniqueFd>& descriptors)> message;
  };

  // Connects at once, then again after 10 ms to 1 s for as long as it lives. name is the other
  // program's, for the log.
  LocalChannel(boost::asio::io_context& io, std::string name, std::string path, Events events);
  ~LocalChannel();
  LocalChannel(const LocalChannel&) = delete;
  LocalChannel& operator=(const LocalChannel&) = delete;

  bool is_up() const;
  // false when it is down or the peer does not read: nothing has been sent then. Nothing is queued
  // here, because a question that waits for a restart is better asked again.
  bool send(std::string_view message, const std::vector<int>& descriptors = {});
  // Drops the connection, as after an answer that makes no sense, and connects anew.
  void restart();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
