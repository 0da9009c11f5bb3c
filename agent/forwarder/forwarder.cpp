#include "agent/forwarder/forwarder.h"

#include "agent/host/clock.h"
#include "userspace/audit/canonical_json.h"

#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fcntl.h>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

// Asio closes what it is given.
int duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "fcntl");
  return copy;
}

}  // namespace

Forwarder::Forwarder(ForwarderOptions options, const Random& random)
    : options_(std::move(options)) {
  for (const ConfiguredSink& sink : options_.sinks) {
    deliveries_.push_back(std::make_unique<Delivery>(io_, sink.delivery, options_.recorder_socket,
                                                     sink.make(io_), random));
    // Nothing in it throws but for want of memory: to go on without one would be to lag unseen.
    asio::co_spawn(io_, deliveries_.back()->run(), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
  }
}

Forwarder::~Forwarder() = default;

void Forwarder::run(int stop) {
  stream_descriptor stopped(io_, duplicate(stop));
  stopped.async_wait(stream_descriptor::wait_read, [this](const error_code&) { io_.stop(); });
  if (options_.status) {
    status_ = std::make_unique<stream_descriptor>(io_, duplicate(options_.status->descriptor()));
    answer_status();
  }
  io_.run();
}

void Forwarder::answer_status() {
  status_->async_wait(stream_descriptor::wait_read, [this](const error_code& error) {
    if (error) return;
    options_.status->answer([this] { return document(); });
    answer_status();
  });
}

// 0 for what has no time, and for what a clock that was set back puts into the future.
std::uint64_t Forwarder::seconds_since(WallTime then) {
  const auto age = host::now().wall.since_epoch - then.since_epoch;
  if (then == WallTime{} || age.count() < 0) return 0;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count());
}

std::string Forwarder::document() const {
  bool healthy = true;
  std::string sinks;
  for (const auto& delivery : deliveries_) {
    const DeliveryState& state = delivery->state();
    const DeliverySettings& settings = delivery->settings();
    healthy = healthy && state.problem.empty();
    audit::JsonObject one;
    one.text("name", settings.name)
        .text("destination", settings.destination)
        .text("tells", settings.tell == Tell::Records ? "records" : "exchanges")
        .number("next", state.next)
        .number("last", state.last)
        .number("sent", state.sent)
        .number("refused", state.refused)
        .number("attempts_failed", state.attempts_failed)
        .number("oldest_seconds", seconds_since(state.oldest));
    if (!state.problem.empty()) one.text("problem", state.problem);
    sinks += (sinks.empty() ? "" : ",") + one.finish();
  }
  return audit::JsonObject()
      .text("program", "veilwire-forwarder")
      .json("healthy", healthy ? "true" : "false")
      .json("sinks", "[" + sinks + "]")
      .finish();
}

}  // namespace veilwire::forwarder
