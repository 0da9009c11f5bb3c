// A writer's end of the way to the recorder: numbers records, keeps each until the recorder says
// that it is on disk, and sends what is not again to a recorder that has been restarted. So a
// record that was handed over is lost only if both processes and the machine die within the same
// few milliseconds.
//
// One link per event loop, used from that loop's thread alone, with a writer id of its own: no
// locks. Tested by tests/unit/recorder/link_test.cpp and crash_test.cpp.
#pragma once

#include "agent/host/protocol/recorder.h"
#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace veilwire::host {

class RecorderLink {
 public:
  // Bytes of records that are not yet on disk. Above the first, accepting() is false and callers
  // wait; above the second, submit() refuses. A recorder that has stopped would otherwise let one
  // fast upstream fill our memory.
  static constexpr std::size_t kBacklog = std::size_t{16} << 20;
  static constexpr std::size_t kBacklogMost = std::size_t{64} << 20;

  enum class SubmitError : std::uint8_t {
    TooLarge,  // above protocol::kRecorderRecord, or empty
    Full,      // above kBacklogMost: close the connection that this record is about
  };
  // Gives the canonical bytes for a writer (32 hex digits) and a number.
  using Build = std::function<std::string(std::string_view writer, std::uint64_t seq)>;
  using Callback = std::function<void()>;

  RecorderLink(boost::asio::io_context& context, std::string socket_path,
               const protocol::WriterId& writer);
  ~RecorderLink();
  RecorderLink(const RecorderLink&) = delete;
  RecorderLink& operator=(const RecorderLink&) = delete;

  // Connects, now and whenever the connection is lost (10 ms to 1 s later). Nothing of the link
  // keeps the event loop running once stop() is called; callbacks that have not run then never do.
  void start();
  void stop();

  // The record's number. What build gives must be the same for the same arguments.
  Result<std::uint64_t, SubmitError> submit(const Build& build);

  // Handed: all of it is in the socket of a recorder that answers and, as far as it has said, can
  // write. Committed: on disk. Both stay true for a number once they are.
  bool handed(std::uint64_t seq) const;
  bool committed(std::uint64_t seq) const;
  // Runs callback once that holds; from the event loop, never from inside this call.
  void on_handed(std::uint64_t seq, Callback callback);
  void on_committed(std::uint64_t seq, Callback callback);

  // Whether a new exchange may begin: connected, the recorder has space, the backlog is small.
  bool accepting() const;
  // Runs callback once accepting() holds, from the event loop. Callers bound their own patience.
  void when_accepting(Callback callback);
  // "recorder full", ...: why accepting() is false, for the log and the answer to the client.
  std::string_view obstacle() const;

  struct Counts {
    std::uint64_t submitted = 0, handed = 0, committed = 0, reconnects = 0;
    std::size_t backlog_bytes = 0;
  };
  Counts counts() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with Asio's handlers
};

}  // namespace veilwire::host
