// Accounts of this host for who has an event loop: NSS is asked on a thread, as a directory may be
// slow or never answer. Tested by tests/unit/identity/accounts_test.cpp.
#pragma once

#include "agent/identity/local_source.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class Accounts {
 public:
  using Found = Result<std::optional<identity::Account>, identity::Refusal>;
  using LookUp = std::function<Found(std::uint32_t)>;  // blocks; called from any thread

  Accounts(
      boost::asio::io_context& io, std::chrono::milliseconds patience,
      LookUp look_up = [](std::uint32_t uid) { return look_up_account(uid); });
  // Does not wait for a look-up that is stuck: NSS cannot be interrupted.
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // A refusal also where the directory is too slow, or too many wait for it.
  boost::asio::awaitable<Found> find(std::uint32_t uid);

 private:
  struct Shared;
  boost::asio::io_context& io_;
  std::chrono::milliseconds patience_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace veilwire::agent_identity
