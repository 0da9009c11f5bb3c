// What a browser asks of the address that it comes back to behind a sign-in, as far as it has come.
// Anybody on this host may ask anything, so that everything has a bound, and what is not plainly
// one of the two requests that are expected there is none. Tested by
// tests/unit/ctl/browser_request_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

struct BrowserRequest {
  std::string target;
  std::optional<std::string> form = {};  // of POST, encoded as it came; GET has none
};

enum class BrowserRead : std::uint8_t { More, Whole, TooLarge, Refused };

// most_form: 0: GET is all that is taken.
BrowserRead read_browser_request(std::string_view bytes, std::size_t most_form,
                                 BrowserRequest& request);

}  // namespace veilwire::ctl
