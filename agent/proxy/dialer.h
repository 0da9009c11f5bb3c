// Connects to an upstream as RFC 8305 says (Happy Eyeballs v2): by name, both families racing, the
// client's own destination as the last resort. Loopback connects of redirected clients always
// succeed, so their own race decides nothing; this one does.
#pragma once

#include "userspace/flow/connection.h"

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace veilwire::proxy {

struct DialResult {
  boost::asio::ip::tcp::socket socket;
  std::string error;  // empty: connected
};

// One dial, alive until it has answered once or cancel() has been called; both on the io_context's
// thread.
class Dial : public std::enable_shared_from_this<Dial> {
 public:
  using Answer = std::function<void(DialResult)>;
  virtual ~Dial() = default;
  virtual void cancel() = 0;
};

// bound_ifindex: 0, or the interface that the client was bound to.
std::shared_ptr<Dial> start_dial(boost::asio::io_context& io, const flow::Dial& request,
                                 std::uint32_t bound_ifindex, Dial::Answer answer);

}  // namespace veilwire::proxy
