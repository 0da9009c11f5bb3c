// Answers of an IdP as tests write them.
#pragma once

#include "userspace/base/time.h"
#include "userspace/identity/idp_message.h"

#include <chrono>
#include <string>
#include <string_view>

namespace veilwire::identity {

inline IdpResponse answer(std::string_view body, int status = 200,
                          std::string_view content_type = "application/json") {
  IdpResponse response;
  response.status = status;
  response.content_type = content_type;
  response.body = Secret(std::string(body));
  return response;
}

// What something in between answers when the IdP behind it is gone.
inline IdpResponse error_page(int status) {
  return answer("<html><head><title>Bad gateway</title></head></html>", status, "text/html");
}

inline Monotonic at(std::chrono::nanoseconds since_start) { return Monotonic{since_start}; }

}  // namespace veilwire::identity
