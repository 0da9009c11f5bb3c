#include "agent/identity/accounts.h"

#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

std::optional<Accounts::Found> find(Accounts& accounts, asio::io_context& io, std::uint32_t uid) {
  std::optional<Accounts::Found> found;
  asio::co_spawn(
      io, [&]() -> asio::awaitable<void> { found = co_await accounts.find(uid); }, asio::detached);
  io.restart();
  io.run();
  return found;
}

TEST(Accounts, AreThoseOfTheHost) {
  asio::io_context io;
  Accounts accounts(io, std::chrono::seconds(20));
  const auto root = find(accounts, io, 0);
  ASSERT_TRUE(root && *root && **root);
  EXPECT_EQ((**root)->name, "root");
  const auto nobody = find(accounts, io, 4'000'000'001U);
  ASSERT_TRUE(nobody && *nobody);
  EXPECT_FALSE(**nobody);
}

TEST(Accounts, ADirectoryThatDoesNotAnswerIsARefusalInTime) {
  asio::io_context io;
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  Accounts accounts(io, milliseconds(20), [ended](std::uint32_t) {
    ended.wait();
    return Accounts::Found(std::nullopt);
  });
  for (int i = 0; i < 20; ++i) {  // more than there are threads
    const auto found = find(accounts, io, 1000);
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
  }
  end.set_value();
}

}  // namespace
}  // namespace veilwire::agent_identity
