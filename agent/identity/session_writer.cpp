#include "agent/identity/session_writer.h"

#include "agent/host/clock.h"

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using identity::SavePlan;

// Changes of one moment are one write.
constexpr std::chrono::milliseconds kDelay{100};

}  // namespace

SessionWriter::SessionWriter(asio::io_context& io, SessionStore store,
                             std::function<std::string()> state)
    : io_(io),
      store_(std::move(store)),
      state_(std::move(state)),
      soon_(io),
      written_(io, asio::steady_timer::time_point::max()) {}

SessionWriter::~SessionWriter() { thread_.join(); }

void SessionWriter::changed() {
  (void)plan_.changed();
  if (std::exchange(timed_, true)) return;
  soon_.expires_after(kDelay);
  soon_.async_wait([this](const error_code& error) {
    if (error) return;
    timed_ = false;
    write();
  });
}

void SessionWriter::write() {
  if (!plan_.due()) return;
  plan_.begin();
  ++writes_;
  asio::post(thread_, [this, bytes = state_(), work = asio::make_work_guard(io_)] {
    const int error = store_.save(bytes);
    asio::post(io_, [this, error] { ended(error); });
  });
}

void SessionWriter::ended(int error) {
  plan_.ended(error == 0);
  complain(error);
  if (waiting_ != 0 || !timed_) write();
  written_.cancel();
}

void SessionWriter::complain(int error) {
  if (error == 0) return;
  log_.warning(store_.file() + ": " + std::generic_category().message(error) +
                   "; after a restart what has changed since would be forgotten",
               host::now().mono);
}

asio::awaitable<bool> SessionWriter::at_rest() {
  const SavePlan::Change change = plan_.last();
  ++waiting_;
  write();
  while (plan_.rest(change) == SavePlan::Rest::Waiting) {
    error_code ignored;
    co_await written_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  --waiting_;
  co_return plan_.rest(change) == SavePlan::Rest::Written;
}

bool SessionWriter::finish() {
  thread_.join();
  const int error = store_.save(state_());
  complain(error);
  return error == 0;
}

}  // namespace veilwire::agent_identity
