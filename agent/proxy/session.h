// Carries out what one flow::Connection decides: two sockets, a timer, and the services it asks.
// Parses nothing. Tested by tests/unit/proxy/session_test.cpp.
//
// Outputs are carried out strictly in order. A record is a barrier: nothing behind it happens
// before the recorder has it, and while something waits, neither side is read, so that a slow
// recorder slows its clients and loses nothing.
#pragma once

#include "agent/proxy/origin.h"
#include "agent/proxy/services.h"
#include "userspace/flow/connection.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace veilwire::proxy {

// The exchange that a session is in, as its records tell it; for people who watch.
struct Stream {
  bool open = false;
  std::string service, model, tool;
  Monotonic since;
  std::uint64_t fragments = 0, findings = 0, released = 0;  // released: bytes
  std::size_t waiting = 0;  // bytes that are on their way out, or wait for the recorder
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  // over: called once, from the io_context, when the session has ended and may be forgotten.
  static std::shared_ptr<Session> start(Services& services, boost::asio::ip::tcp::socket client,
                                        Origin origin, std::string id,
                                        std::function<void(const std::string& id)> over);
  virtual ~Session() = default;

  // An event from beside the connection: recording has failed or is restored, what was said of its
  // person may not hold any more, or a policy is to be taken up now.
  virtual void tell(const flow::Input& input) = 0;
  // The process stops: it ends as soon as its last records are handed over and its client has had a
  // moment to take what is written.
  virtual void stop() = 0;
  virtual flow::Connection::Summary summary() const = 0;
  virtual const Origin& origin() const = 0;
  virtual Stream stream() const = 0;
};

}  // namespace veilwire::proxy
