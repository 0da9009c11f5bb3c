#include "agent/proxy/local_channel.h"

#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "userspace/base/secret.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kFirstDelay{10};
constexpr std::chrono::milliseconds kLongestDelay{1000};
// A program that takes connections and closes them must not fill the log: losses sooner than this
// after the last line about one are not told.
constexpr std::chrono::seconds kBetweenLines{10};

}  // namespace

class LocalChannel::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, std::string name, std::string path, Events events)
      : timer_(io),
        descriptor_(io),
        name_(std::move(name)),
        path_(std::move(path)),
        events_(std::move(events)) {}

  void connect() {
    auto fd = host::connect_local(path_, false);
    if (!fd) {
      say_lost("cannot be reached");
      return retry();
    }
    descriptor_.assign(fd->release());
    up_ = true;
    if (std::exchange(lost_said_, false)) host::log::info(name_ + " at " + path_ + " is back");
    read();
    if (events_.up) events_.up();
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    close();
  }

  void restart() {
    const bool was_up = std::exchange(up_, false);
    close();
    if (stopped_) return;
    say_lost("has gone away");
    if (was_up && events_.down) events_.down();
    retry();
  }

  bool is_up() const { return up_; }

  bool send(std::string_view message, const std::vector<int>& descriptors) {
    if (!up_) return false;
    const auto sent = host::send_message(descriptor_.native_handle(), message, descriptors);
    if (sent) return true;
    if (sent.error() != EAGAIN) restart();
    return false;
  }

 private:
  void say_lost(const char* how) {
    const auto now = std::chrono::steady_clock::now();
    if (lost_said_ || now < next_line_) return;
    lost_said_ = true;
    next_line_ = now + kBetweenLines;
    host::log::warning(name_ + " at " + path_ + " " + how + "; trying again");
  }

  void close() {
    error_code ignored;
    if (descriptor_.is_open()) descriptor_.close(ignored);
  }

  void retry() {
    timer_.expires_after(delay_);
    delay_ = std::min(delay_ * 2, kLongestDelay);
    timer_.async_wait([self = shared_from_this()](const error_code& e) {
      if (!e && !self->stopped_ && !self->up_) self->connect();
    });
  }

  void read() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [self = shared_from_this()](const error_code& e) {
                             if (!e && !self->stopped_) self->receive();
                           });
  }

  void receive() {
    while (up_) {
      auto message = host::receive_message(descriptor_.native_handle());
      if (!message && (message.error() == EAGAIN || message.error() == EWOULDBLOCK)) return read();
      if (!message || message->bytes.empty()) return restart();
      delay_ = kFirstDelay;
      events_.message(message->bytes, message->descriptors);
      wipe(message->bytes.data(), message->bytes.size());
    }
  }

  asio::steady_timer timer_;
  asio::posix::stream_descriptor descriptor_;
  std::string name_, path_;
  Events events_;
  std::chrono::milliseconds delay_ = kFirstDelay;
  bool up_ = false;
  bool stopped_ = false;
  bool lost_said_ = false;
  std::chrono::steady_clock::time_point next_line_;
};

LocalChannel::LocalChannel(asio::io_context& io, std::string name, std::string path, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(name), std::move(path), std::move(events))) {
  impl_->connect();
}
LocalChannel::~LocalChannel() { impl_->stop(); }
bool LocalChannel::is_up() const { return impl_->is_up(); }
bool LocalChannel::send(std::string_view message, const std::vector<int>& descriptors) {
  return impl_->send(message, descriptors);
}
void LocalChannel::restart() { impl_->restart(); }

}  // namespace veilwire::proxy
