#include "agent/identity/accounts.h"

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;

// As many look-ups as may be stuck in a directory before others are refused.
constexpr std::size_t kThreads = 16;

}  // namespace

// Threads hold it alive, so that one that is stuck when the program ends finds nothing gone.
struct Accounts::Shared {
  LookUp look_up;
  std::mutex mutex;
  asio::io_context* io = nullptr;  // nullptr: nobody waits any more
  std::size_t threads = 0;
};

Accounts::Accounts(asio::io_context& io, std::chrono::milliseconds patience, LookUp look_up)
    : io_(io), patience_(patience), shared_(std::make_shared<Shared>()) {
  shared_->look_up = std::move(look_up);
  shared_->io = &io;
}

Accounts::~Accounts() {
  const std::lock_guard lock(shared_->mutex);
  shared_->io = nullptr;
}

asio::awaitable<Accounts::Found> Accounts::find(std::uint32_t uid) {
  struct Wait {
    asio::steady_timer timer;
    std::optional<Found> found = {};
  };
  const auto wait = std::make_shared<Wait>(Wait{.timer = asio::steady_timer(io_, patience_)});
  bool started = false;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->threads < kThreads) {
      try {
        std::thread([shared = shared_, wait, uid]() mutable {
          Found found = shared->look_up(uid);
          const std::lock_guard inner(shared->mutex);
          --shared->threads;
          if (shared->io == nullptr) return;
          asio::post(*shared->io, [wait = std::move(wait), found = std::move(found)]() mutable {
            wait->found = std::move(found);
            wait->timer.cancel();
          });
        }).detach();
        ++shared_->threads;
        started = true;
      } catch (const std::system_error&) {
        // The host is out of threads.
      }
    }
  }
  if (started) {
    boost::system::error_code ignored;
    co_await wait->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (wait->found) co_return *std::move(wait->found);
  co_return Unexpected{identity::Refusal{"the user database of this host does not answer"}};
}

}  // namespace veilwire::agent_identity
