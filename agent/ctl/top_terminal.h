// The terminal that `veilwire top` draws on: keys come one by one and unseen, and everything is as
// it was when this ends. Plain ECMA-48 sequences, which every terminal of today knows. Tested by
// tests/e2e/top_test.py.
#pragma once

#include "agent/ctl/top_screen.h"
#include "agent/host/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <termios.h>

namespace veilwire::ctl {

class TopTerminal {
 public:
  // Standard input and output are one. Blocks the signals that end or resize it, so threads are
  // started after it. Throws std::system_error.
  explicit TopTerminal(bool colours);
  ~TopTerminal();
  TopTerminal(const TopTerminal&) = delete;
  TopTerminal& operator=(const TopTerminal&) = delete;

  struct Size {
    std::size_t width, height;
  };
  static Size size();

  void show(const std::vector<TopLine>& lines) const;

  enum class Event : std::uint8_t { Time, Key, Resized, End };
  struct Woken {
    Event event;
    char key = 0;
  };
  // End: a signal, or the terminal has gone.
  Woken wait(std::chrono::milliseconds time) const;

 private:
  bool colours_;
  termios before_{};
  host::UniqueFd signals_;
};

}  // namespace veilwire::ctl
