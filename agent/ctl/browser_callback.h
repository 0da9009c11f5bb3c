// The address on 127.0.0.1 that a browser comes back to behind a sign-in (RFC 8252, 7.3): takes
// requests until one is what was waited for. Any page of that browser, and any program of this
// host, may call it, also before, and with nothing to say. Tested by
// tests/unit/ctl/browser_callback_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

// The target of a whole request with GET in `head`; nullopt: there is none, or not yet.
std::optional<std::string> request_target(std::string_view head);

class BrowserCallback {
 public:
  // On a port that is free. Throws std::system_error.
  BrowserCallback();

  std::uint16_t port() const { return port_; }

  // What the browser then shows; nothing: that was another request, and the page says so.
  using Take = std::function<std::optional<std::string>(std::string target)>;
  // false: nobody came in time, or `watched` has become readable, from which nothing is expected.
  bool serve(const Take& take, int watched, std::chrono::seconds patience) const;

 private:
  host::UniqueFd listener_;
  std::uint16_t port_ = 0;
};

}  // namespace veilwire::ctl
