// Requests carried to an IdP that really is there.
#pragma once

#include "agent/identity/idp_client.h"
#include "userspace/base/time.h"
#include "userspace/identity/idp_message.h"

#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace veilwire::identity {

inline WallTime wall() { return {std::chrono::system_clock::now().time_since_epoch()}; }
inline Monotonic mono() { return {std::chrono::steady_clock::now().time_since_epoch()}; }

inline IdpResponse ask(const IdpRequest& request) {
  constexpr std::chrono::seconds kPatience{20};  // only what is broken takes this long
  boost::asio::io_context io;
  agent_identity::IdpClient client(io, nullptr, wall);
  IdpResponse response;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> {
        auto answer = co_await client.ask(request, kPatience);
        EXPECT_TRUE(answer) << outbound::to_string(answer.error().error);
        if (answer) response = std::move(answer).value();
      },
      boost::asio::detached);
  io.run();
  return response;
}
inline IdpResponse ask(const std::optional<IdpRequest>& request) {
  EXPECT_TRUE(request);
  return request ? ask(*request) : IdpResponse();
}

}  // namespace veilwire::identity
