// How a program says how it is: to connect to its status socket is the question, one JSON document
// in one message is the answer, then the connection is closed. There is no request to wait for, so
// an asker that stalls holds nothing, and the answer fits the socket's own buffer, so the program
// never waits either.
//
// The document is an object. Its members "program" (string) and "healthy" (boolean) are in every
// one, and so is "process", with what the kernel counts of it (agent/host/process_usage.h); the
// others are the program's own. Who may connect is decided by the mode of the socket file.
// Tested by tests/unit/ctl/status_protocol_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"
#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kStatusVersion = 1;
// With its head it stays below kLocalMessage.
inline constexpr std::size_t kStatusDocument = 120 * 1024;

// A number as a further member of the document: its comma, name and value.
template <class Number>
std::string status_member(std::string_view name, Number value) {
  return ",\"" + std::string(name) + "\":" + std::to_string(value);
}

// The document with what the kernel counts of this process as its last member.
std::string with_process(std::string json);

// One message: head and document. A document that is too large becomes one that says so.
std::string encode_status(std::string_view json);
// The document, or nothing when the message is of another version or protocol.
std::optional<std::string> decode_status(std::string_view message);

// The answering side, for any event loop: wait until descriptor() is readable, then call answer().
class StatusSocket {
 public:
  // Throws std::system_error: start-up only.
  StatusSocket(const std::string& path, mode_t mode);
  int descriptor() const { return listener_.get(); }
  // Answers everybody who is waiting, at most a named number at once. `document` is called once.
  void answer(const std::function<std::string()>& document);

 private:
  UniqueFd listener_;
};

// The asking side. Blocks for at most timeout_ms. The error is an errno value: ENOENT or
// ECONNREFUSED when nobody listens, EACCES when the asker may not, ETIMEDOUT when the program
// hangs, EPROTO for an answer of another version.
Result<std::string, int> ask_status(const std::string& path, int timeout_ms);

}  // namespace veilwire::host::protocol
