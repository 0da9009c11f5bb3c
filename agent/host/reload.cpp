#include "agent/host/reload.h"

#include "agent/host/log.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace veilwire::host {

UniqueFd reload_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "sigprocmask");
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

ReloadThread::ReloadThread(int signal, std::function<void()> reload)
    : reload_(std::move(reload)), end_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!end_) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = std::thread([this, signal] { wait(signal); });
}

ReloadThread::~ReloadThread() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(end_.get(), &one, sizeof one));
  thread_.join();
}

void ReloadThread::wait(int signal) const {
  while (true) {
    std::array<pollfd, 2> polled{{{end_.get(), POLLIN, 0}, {signal, POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      log::error("SIGHUP is not heard any more: " + std::generic_category().message(errno));
      return;
    }
    if (polled[0].revents != 0) return;
    signalfd_siginfo taken{};
    if (::read(signal, &taken, sizeof taken) != sizeof taken) continue;
    try {
      reload_();
    } catch (const std::exception& e) {
      log::error(std::string("read again, and refused; the former stays: ") + e.what());
    }
  }
}

}  // namespace veilwire::host
