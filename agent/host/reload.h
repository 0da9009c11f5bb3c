// SIGHUP: what a program reads again without a restart. Its log_level is among it for all of them.
// The signal is taken by a thread of its own, so that no program's loop needs to know of it. Tested
// by tests/unit/host/reload_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"

#include <functional>
#include <thread>

namespace veilwire::host {

// From here on the signal waits, in a descriptor. Before the first thread exists, so that every
// thread inherits the mask. Throws std::system_error.
UniqueFd reload_signal();

class ReloadThread {
 public:
  // After confinement, which a thread that is there already would not share. reload: once for each
  // signal, on the thread; what it throws is logged, and the program goes on with what it had.
  // Throws std::system_error.
  ReloadThread(int signal, std::function<void()> reload);
  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;
  ~ReloadThread();

 private:
  void wait(int signal) const;

  std::function<void()> reload_;
  UniqueFd end_;  // eventfd
  std::thread thread_;
};

}  // namespace veilwire::host
