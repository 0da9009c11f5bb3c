// A recorder's service in a thread of the test.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/recorder/service.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <chrono>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::recorder {

class RunningService {
 public:
  RunningService(const std::string& socket, LedgerOptions options,
                 std::vector<uid_t> allowed = {::geteuid()},
                 std::chrono::nanoseconds patience = std::chrono::hours(1))
      : RunningService(
            socket, [options = std::move(options)] { return Ledger(options); }, std::move(allowed),
            patience) {}
  RunningService(const std::string& socket, std::function<Ledger()> open,
                 std::vector<uid_t> allowed = {::geteuid()},
                 std::chrono::nanoseconds patience = std::chrono::hours(1))
      : service_(
            {.listener = host::listen_local(socket, 0600),
             .allowed = std::move(allowed),
             .open = std::move(open),
             .status = std::make_unique<host::protocol::StatusSocket>(socket + ".status", 0600),
             .patience = patience}),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { service_.run(stop_.get()); }) {}
  ~RunningService() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }
  RunningService(const RunningService&) = delete;
  RunningService& operator=(const RunningService&) = delete;

 private:
  Service service_;
  host::UniqueFd stop_;
  std::thread thread_;
};

}  // namespace veilwire::recorder
