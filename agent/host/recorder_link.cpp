#include "agent/host/recorder_link.h"

#include "agent/host/local_socket.h"
#include "agent/host/log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::host {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::RecorderStatus;

constexpr std::chrono::milliseconds kFirstRetry{10};
constexpr std::chrono::milliseconds kLastRetry{1000};

}  // namespace

struct RecorderLink::State : std::enable_shared_from_this<State> {
  State(asio::io_context& c, std::string socket_path, const protocol::WriterId& id)
      : context(c),
        path(std::move(socket_path)),
        writer(id),
        hex(to_hex(id)),
        socket(c),
        timer(c) {}

  struct Kept {
    std::uint64_t seq = 0;
    std::string bytes;
  };

  void connect();
  void lose(const char* why);
  void read();
  bool hear(std::string_view bytes);
  void send();
  void wait_to_send();
  void drop_committed(std::uint64_t seq);
  void run_callbacks();
  bool accepting() const { return obstacle().empty(); }
  std::string_view obstacle() const;

  asio::io_context& context;
  const std::string path;
  const protocol::WriterId writer;
  const std::string hex;
  asio::posix::stream_descriptor socket;
  asio::steady_timer timer;
  std::chrono::milliseconds retry = kFirstRetry;
  bool running = false;
  bool greeted = false;  // the recorder of this connection has answered
  bool waiting_to_send = false;
  bool run_posted = false;
  bool lost_said = false;
  RecorderStatus status = RecorderStatus::Ok;

  std::deque<Kept> kept;  // not committed; consecutive numbers
  std::size_t kept_bytes = 0;
  std::size_t next = 0;         // index in kept of what is to be sent on this connection
  std::size_t next_offset = 0;  // of its next piece
  std::string buffer;

  std::uint64_t last_seq = 0, handed = 0, committed = 0, reconnects = 0;
  std::multimap<std::uint64_t, Callback> for_handed, for_committed;
  std::vector<Callback> for_accepting;
};

std::string_view RecorderLink::State::obstacle() const {
  if (!greeted) return "recorder not reachable";
  if (status == RecorderStatus::Full) return "recorder full";
  if (status == RecorderStatus::UsedUp) return "recorder full, reserve and all";
  if (status == RecorderStatus::Failing) return "recorder cannot write";
  if (kept_bytes > kBacklog) return "recorder too slow";
  return "";
}

void RecorderLink::State::connect() {
  if (!running) return;
  auto fd = connect_local(path, /*blocking=*/false);
  if (!fd) return lose("cannot be reached");
  if (const auto sent = send_message(fd->get(), encode(protocol::RecorderHello{writer})); !sent)
    return lose("did not take our greeting");
  socket.assign(fd->release());
  next = 0;
  next_offset = 0;
  read();
}

// Also the way into a first connection that does not succeed.
void RecorderLink::State::lose(const char* why) {
  error_code ignored;
  socket.close(ignored);
  greeted = false;
  waiting_to_send = false;
  if (!running) return;
  if (!std::exchange(lost_said, true))
    log::warning("recorder at " + path + " " + why + "; trying again");
  ++reconnects;
  timer.expires_after(retry);
  retry = std::min(retry * 2, kLastRetry);
  timer.async_wait([self = shared_from_this()](error_code e) {
    if (!e) self->connect();
  });
}

void RecorderLink::State::read() {
  socket.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](error_code e) {
                      if (e || !self->running) return;
                      for (;;) {
                        auto message = receive_message(self->socket.native_handle());
                        if (!message && message.error() == EAGAIN) return self->read();
                        if (!message || message->bytes.empty())
                          return self->lose("closed the connection");
                        if (!self->hear(message->bytes))
                          return self->lose("sent a message that is none of ours");
                      }
                    });
}

bool RecorderLink::State::hear(std::string_view bytes) {
  const auto ack = protocol::decode_ack(bytes);
  // A number that was never given: the recorder knows another writer by our id.
  if (!ack || ack->committed > last_seq) return false;
  if (!std::exchange(greeted, true)) {
    retry = kFirstRetry;
    if (std::exchange(lost_said, false)) log::info("recorder at " + path + " is back");
  }
  status = ack->status;
  drop_committed(ack->committed);
  send();
  run_callbacks();
  return true;
}

void RecorderLink::State::drop_committed(std::uint64_t seq) {
  while (!kept.empty() && kept.front().seq <= seq) {
    kept_bytes -= kept.front().bytes.size();
    kept.pop_front();
    if (next > 0) {
      --next;
    } else {
      next_offset = 0;  // committed before we sent it: an earlier connection had
    }
  }
  committed = std::max(committed, seq);
  handed = std::max(handed, seq);
}

void RecorderLink::State::send() {
  while (greeted && !takes_nothing(status) && !waiting_to_send && next < kept.size()) {
    const Kept& record = kept[next];
    const std::string_view rest = std::string_view(record.bytes).substr(next_offset);
    const protocol::RecorderAppend append{.seq = record.seq,
                                          .total = static_cast<std::uint32_t>(record.bytes.size()),
                                          .offset = static_cast<std::uint32_t>(next_offset),
                                          .piece = rest.substr(0, protocol::kRecorderPiece)};
    encode(append, buffer);
    if (const auto sent = send_message(socket.native_handle(), buffer); !sent) {
      if (sent.error() == EAGAIN || sent.error() == ENOBUFS) wait_to_send();
      return;  // another error: the reading side notices the end
    }
    next_offset += append.piece.size();
    if (next_offset == record.bytes.size()) {
      handed = std::max(handed, record.seq);
      ++next;
      next_offset = 0;
    }
  }
}

void RecorderLink::State::wait_to_send() {
  waiting_to_send = true;
  socket.async_wait(asio::posix::stream_descriptor::wait_write,
                    [self = shared_from_this()](error_code e) {
                      if (e || !self->running) return;
                      self->waiting_to_send = false;
                      self->send();
                      self->run_callbacks();
                    });
}

// Posts them: a callback may call back into the link or end its owner.
void RecorderLink::State::run_callbacks() {
  const auto due = [](const auto& callbacks, std::uint64_t seq) {
    return !callbacks.empty() && callbacks.begin()->first <= seq;
  };
  if (run_posted || !(due(for_handed, handed) || due(for_committed, committed) ||
                      (!for_accepting.empty() && accepting())))
    return;
  run_posted = true;
  asio::post(context, [self = shared_from_this(), due] {
    self->run_posted = false;
    while (self->running && due(self->for_handed, self->handed))
      std::exchange(self->for_handed.extract(self->for_handed.begin()).mapped(), {})();
    while (self->running && due(self->for_committed, self->committed))
      std::exchange(self->for_committed.extract(self->for_committed.begin()).mapped(), {})();
    if (!self->accepting()) return;
    for (Callback& callback : std::exchange(self->for_accepting, {})) {
      if (self->running) callback();
    }
  });
}

RecorderLink::RecorderLink(asio::io_context& context, std::string socket_path,
                           const protocol::WriterId& writer)
    : state_(std::make_shared<State>(context, std::move(socket_path), writer)) {}

RecorderLink::~RecorderLink() { stop(); }

void RecorderLink::start() {
  if (std::exchange(state_->running, true)) return;
  state_->connect();
}

void RecorderLink::stop() {
  State& s = *state_;
  s.running = false;
  s.greeted = false;
  error_code ignored;
  s.socket.close(ignored);
  s.timer.cancel();
  s.for_handed.clear();
  s.for_committed.clear();
  s.for_accepting.clear();
}

Result<std::uint64_t, RecorderLink::SubmitError> RecorderLink::submit(const Build& build) {
  State& s = *state_;
  if (s.kept_bytes > kBacklogMost) return Unexpected{SubmitError::Full};
  std::string bytes = build(s.hex, s.last_seq + 1);
  if (bytes.empty() || bytes.size() > protocol::kRecorderRecord)
    return Unexpected{SubmitError::TooLarge};
  s.kept_bytes += bytes.size();
  s.kept.push_back({++s.last_seq, std::move(bytes)});
  s.send();
  s.run_callbacks();
  return s.last_seq;
}

bool RecorderLink::handed(std::uint64_t seq) const { return seq <= state_->handed; }
bool RecorderLink::committed(std::uint64_t seq) const { return seq <= state_->committed; }

void RecorderLink::on_handed(std::uint64_t seq, Callback callback) {
  state_->for_handed.emplace(seq, std::move(callback));
  state_->run_callbacks();
}

void RecorderLink::on_committed(std::uint64_t seq, Callback callback) {
  state_->for_committed.emplace(seq, std::move(callback));
  state_->run_callbacks();
}

bool RecorderLink::accepting() const { return state_->accepting(); }
std::string_view RecorderLink::obstacle() const { return state_->obstacle(); }

void RecorderLink::when_accepting(Callback callback) {
  state_->for_accepting.push_back(std::move(callback));
  state_->run_callbacks();
}

RecorderLink::Counts RecorderLink::counts() const {
  const State& s = *state_;
  return {.submitted = s.last_seq,
          .handed = s.handed,
          .committed = s.committed,
          .reconnects = s.reconnects,
          .backlog_bytes = s.kept_bytes};
}

}  // namespace veilwire::host
