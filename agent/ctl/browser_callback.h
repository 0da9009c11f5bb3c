// The address on loopback that a browser comes back to behind a sign-in (RFC 8252, 7.3): takes
// requests until one is what was waited for. Any page of that browser, and any program of this
// host, may call it, also before, and with nothing to say. Tested by
// tests/unit/ctl/browser_callback_test.cpp.
#pragma once

#include "agent/ctl/browser_request.h"
#include "agent/host/loopback_address.h"
#include "agent/host/unique_fd.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace veilwire::ctl {

class BrowserCallback {
 public:
  // On a port of 127.0.0.1 that is free, for requests with GET. Throws std::system_error.
  BrowserCallback();
  // On this one, also for forms of so many bytes. No value: the port is taken, by whoever was
  // first: a browser must not be sent anywhere then. Throws std::system_error.
  static std::optional<BrowserCallback> at(const host::LoopbackAddress& address,
                                           std::size_t most_form);

  std::uint16_t port() const { return port_; }

  // What the browser then shows; nothing: that was another request, and the page says so.
  using Take = std::function<std::optional<std::string>(BrowserRequest request)>;
  // false: nobody came in time, or `watched` has become readable, from which nothing is expected.
  bool serve(const Take& take, int watched, std::chrono::seconds patience) const;

 private:
  explicit BrowserCallback(host::UniqueFd listener, std::size_t most_form)
      : listener_(std::move(listener)), most_form_(most_form) {}

  host::UniqueFd listener_;
  std::size_t most_form_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace veilwire::ctl
