// Frames of RELP (rsyslog.com/doc/relp.html, version 0) as its client writes and reads them. Pure.
//
// librelp keeps what is not acknowledged to itself: its client says of no message whether it has
// been (librelp 1.11.0, relpCltSendSyslog), and a position cannot be confirmed by that. Tested by
// tests/unit/forwarder/relp_frames_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::forwarder {

// What a server says is short; a frame without end would fill our memory.
inline constexpr std::size_t kRelpAnswer = 64 * 1024;
// Of transactions, after which they begin with 1 again.
inline constexpr std::uint32_t kRelpTransactions = 999'999'999;

std::string relp_frame(std::uint32_t transaction, std::string_view command, std::string_view data);

struct RelpFrame {
  std::uint32_t transaction = 0;
  std::string command;
  std::string data;

  // Of a response: 200 where all is well; nothing where it has no code.
  std::optional<int> code() const;
};

enum class RelpError : std::uint8_t {
  Malformed,
  TooLarge,  // over kRelpAnswer
};
// Takes the first frame off the bytes; nothing where it is not complete yet.
Result<std::optional<RelpFrame>, RelpError> take_relp_frame(std::string& bytes);

}  // namespace veilwire::forwarder
