#include "agent/proxy/session.h"

#include "agent/host/clock.h"
#include "agent/proxy/dialer.h"
#include "userspace/base/limits.h"

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Services::flush_time when the process stops.
constexpr std::chrono::milliseconds kLastFlushTime{300};

std::size_t payload(const flow::Output& output) {
  if (const auto* o = std::get_if<flow::ToClient>(&output)) return o->bytes.size();
  if (const auto* o = std::get_if<flow::ToUpstream>(&output)) return o->bytes.size();
  const auto* put = std::get_if<flow::PutRecord>(&output);
  if (put == nullptr) return 0;
  if (const auto* r = std::get_if<audit::RequestBody>(&put->record.body)) return r->content.size();
  if (const auto* r = std::get_if<audit::ResponseFragment>(&put->record.body))
    return r->content.size();
  if (const auto* r = std::get_if<audit::OriginalChunk>(&put->record.body))
    return r->content.size();
  return 0;
}

// One peer: a socket, what waits to be written, and whether it is being read.
struct Side {
  explicit Side(tcp::socket s) : socket(std::move(s)) {
    error_code ignored;
    socket.non_blocking(true, ignored);
  }
  tcp::socket socket;
  std::string pending;  // behind what is being written
  std::string writing;
  bool reading = false;  // a read is under way
  bool wanted = true;    // flow wants bytes
  bool ended = false;    // end of file or error was delivered
  bool deaf = false;     // it takes no more bytes; what it has said is still read
  bool shut_when_flushed = false;
  bool reset_when_flushed = false;
  bool close_when_flushed = false;
  std::optional<asio::steady_timer> limit;  // of close_when_flushed

  std::size_t backlog() const { return pending.size() + writing.size(); }

  void close(bool reset) {
    limit.reset();
    if (!socket.is_open()) return;
    error_code ignored;
    if (reset) socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  }
};
using SidePtr = std::shared_ptr<Side>;

class LiveSession final : public Session {
 public:
  LiveSession(Services& services, tcp::socket client, Origin origin, std::string id,
              std::function<void(const std::string&)> over)
      : services_(services),
        origin_(std::move(origin)),
        id_(std::move(id)),
        over_(std::move(over)),
        connection_({.host = services.host_id,
                     .boot = services.boot_id,
                     .session = id_,
                     .peer = origin_.peer,
                     .destination = origin_.destination,
                     .ruleset = services.ruleset.get(),
                     .upstream_tls = services.upstream_tls,
                     .memory = {services.memory, origin_.peer.uid},
                     .conversations = services.conversations,
                     .writer = services.writer,
                     .random = services.random}),
        held_({services.memory, origin_.peer.uid}),
        client_(std::make_shared<Side>(std::move(client))),
        timer_(services.io) {}

  void begin() {
    flow::Outputs outputs;
    connection_.start(host::now(), outputs);
    take(std::move(outputs));
  }

  void tell(const flow::Input& input) override {
    if (!over_) return;
    handle(input);
  }

  void stop() override {
    stopping_ = true;
    handle(flow::AgentStopped{});
    if (over_ && finishing_) finish();
  }
  flow::Connection::Summary summary() const override { return connection_.summary(); }
  const Origin& origin() const override { return origin_; }
  Stream stream() const override {
    Stream stream = stream_;
    stream.waiting = waiting_bytes();
    return stream;
  }

 private:
  std::shared_ptr<LiveSession> self() {
    return std::static_pointer_cast<LiveSession>(shared_from_this());
  }

  void handle(const flow::Input& input) {
    if (!over_) return;
    flow::Outputs outputs;
    const Now now = host::now();
    if (answering_ && !held_since_ && std::holds_alternative<flow::FromUpstream>(input))
      held_since_ = now.mono;
    connection_.handle(input, now, services_.ruleset.get(), outputs);
    services_.meter.event(since(now.mono));
    take(std::move(outputs));
  }

  static std::chrono::nanoseconds since(Monotonic then) {
    return std::chrono::steady_clock::now().time_since_epoch() - then.since_start;
  }

  void take(flow::Outputs outputs) {
    for (flow::Output& output : outputs) {
      queued_ += payload(output);
      queue_.push_back(std::move(output));
    }
    run();
  }

  // Carries out what may be carried out. Re-entrant calls only add to the queue.
  void run() {
    if (running_) return;
    running_ = true;
    while (!waiting_ && over_ && !queue_.empty()) {
      flow::Output output = std::move(queue_.front());
      queue_.pop_front();
      queued_ -= payload(output);
      std::visit([this](auto& o) { carry_out(o); }, output);
    }
    running_ = false;
    if (!over_) return;
    account();
    write(client_, true);
    if (upstream_) write(upstream_, false);
    read_both();
  }

  // What is on its way out is here already: counted, never refused. Small change is left out, to
  // spare every event the common lock.
  void account() {
    const std::size_t bytes = waiting_bytes();
    held_.set(bytes > flow::kAlwaysHeld ? bytes : 0);
  }

  std::size_t waiting_bytes() const {
    return queued_ + client_->backlog() + (upstream_ ? upstream_->backlog() : 0);
  }

  void carry_out(flow::ToClient& o) {
    if (held_since_) services_.meter.hold(since(*std::exchange(held_since_, std::nullopt)));
    client_->pending += o.bytes;
  }
  void carry_out(flow::ToUpstream& o) {
    if (upstream_) upstream_->pending += o.bytes;
  }

  void carry_out(flow::Dial& o) {
    close_upstream(false);
    const std::uint64_t generation = generation_;
    dial_ = start_dial(services_.io, o, origin_.bound_ifindex,
                       [self = self(), generation](DialResult result) {
                         if (generation != self->generation_) return;
                         self->dial_.reset();
                         if (!result.error.empty()) {
                           ++self->services_.counters.dial_failures;
                           return self->handle(flow::UpstreamFailed{result.error});
                         }
                         self->upstream_ = std::make_shared<Side>(std::move(result.socket));
                         self->handle(flow::UpstreamConnected{});
                       });
  }

  void carry_out(flow::NeedLeaf& o) {
    services_.leafs.get(o.name, [self = self()](LeafStore::Answer answer) {
      if (answer)
        self->handle(flow::LeafReady{*answer});
      else
        self->handle(flow::LeafFailed{answer.error()});
    });
  }

  void carry_out(flow::NeedIdentity& o) {
    services_.identity.ask(origin_.peer, o.at_once, [self = self()](IdentityLink::Answer answer) {
      if (answer)
        self->services_.meter.known(*answer);
      else
        self->services_.meter.nobody(answer.error().silent);
      if (answer)
        self->handle(flow::IdentityKnown{*answer});
      else
        self->handle(flow::IdentityRefused{answer.error().message, answer.error().silent,
                                           answer.error().sign_in});
    });
  }

  void carry_out(flow::NeedCredential& o) {
    services_.credentials.ask(
        o.name, [self = self(), name = o.name](const CredentialsLink::Answer& answer) {
          if (answer)
            self->handle(flow::CredentialKnown{name, *answer});
          else
            self->handle(flow::CredentialRefused{name, answer.error()});
        });
  }

  void carry_out(flow::DoubtCredential& o) { services_.credentials.doubt(o.name); }

  void carry_out(flow::PutRecord& o) {
    const auto seq = services_.recorder.submit([&o](std::string_view writer, std::uint64_t number) {
      return audit::canonical(o.record, writer, number);
    });
    // What cannot be recorded is not let through.
    if (!seq) return end(true);
    note(o.record);
    if (!o.wait) return;
    const bool committed = o.strength == policy::RecordStrength::Committed;
    if (committed ? services_.recorder.committed(*seq) : services_.recorder.handed(*seq))
      return services_.meter.release_wait({});
    ++services_.counters.recording_stalls;
    waiting_ = true;
    const auto go_on = [self = self(), from = host::now().mono] {
      self->waiting_ = false;
      self->services_.meter.release_wait(since(from));
      self->run();
    };
    committed ? services_.recorder.on_committed(*seq, go_on)
              : services_.recorder.on_handed(*seq, go_on);
  }

  // What is counted, and what a person who watches sees, stands in the records.
  void note(const audit::Record& record) {
    services_.meter.record(record);
    if (record.context.exchange > exchange_) {
      exchange_ = record.context.exchange;
      stream_ = {};
      stream_.open = true;
      stream_.since = record.time.mono;
      services_.meter.exchange_begun();
    }
    if (const auto* head = std::get_if<audit::RequestHead>(&record.body)) {
      stream_.service = head->service;
      stream_.model = head->model;
      stream_.tool = head->tool.empty() ? head->mcp_method : head->tool;
    } else if (const auto* body = std::get_if<audit::RequestBody>(&record.body)) {
      stream_.findings += body->masks.size();
    } else if (std::holds_alternative<audit::ResponseHead>(record.body)) {
      answering_ = true;
    } else if (const auto* part = std::get_if<audit::ResponseFragment>(&record.body)) {
      ++stream_.fragments;
      stream_.released += part->content.size();
      stream_.findings += part->masks.size();
    } else if (std::holds_alternative<audit::ExchangeClose>(record.body)) {
      stream_.open = answering_ = false;
      held_since_.reset();
    }
  }

  void carry_out(flow::ReadClient& o) { client_->wanted = o.on; }

  void carry_out(flow::WakeAt& o) {
    timer_.expires_at(std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(o.time.since_start)));
    timer_.async_wait([self = self()](const error_code& e) {
      if (!e) self->handle(flow::Tick{});
    });
  }

  void carry_out(flow::CloseClient& o) {
    (o.reset ? client_->reset_when_flushed : client_->shut_when_flushed) = true;
  }

  void carry_out(flow::CloseUpstream& o) {
    if (o.how != flow::CloseUpstream::How::HalfClose)
      return close_upstream(o.how == flow::CloseUpstream::How::Reset);
    if (upstream_) upstream_->shut_when_flushed = true;
  }

  void carry_out(flow::Done&) { finish(); }

  // The upstream is no longer ours: no event of it is delivered. Without a reset it still gets what
  // is written.
  void close_upstream(bool reset) {
    if (dial_) std::exchange(dial_, nullptr)->cancel();
    ++generation_;
    if (!upstream_) return;
    const SidePtr old = std::exchange(upstream_, nullptr);
    if (reset || old->backlog() == 0) return old->close(reset);
    old->close_when_flushed = true;
    // One that does not read does not keep us for ever.
    old->limit.emplace(services_.io, flush_time());
    old->limit->async_wait([old](const error_code& e) {
      if (!e) old->close(true);
    });
    write(old, false);
  }

  std::chrono::milliseconds flush_time() const {
    return stopping_ ? kLastFlushTime : services_.flush_time;
  }

  // What is written to the client is delivered first; nothing is read any more.
  void finish() {
    finishing_ = true;
    if (client_->backlog() == 0) return end(client_->reset_when_flushed);
    // A client that does not read does not keep us for ever.
    timer_.expires_after(flush_time());
    timer_.async_wait([self = self()](const error_code& e) {
      if (!e) self->end(true);
    });
  }

  void end(bool reset) {
    if (!over_) return;
    if (std::exchange(stream_.open, false)) services_.meter.exchange_lost();
    timer_.cancel();
    client_->close(reset);
    close_upstream(false);
    queue_.clear();
    queued_ = 0;
    std::exchange(over_, nullptr)(id_);
  }

  void write(const SidePtr& side, bool is_client) {
    if (!side->writing.empty() || !side->socket.is_open()) return;
    if (side->deaf) side->pending.clear();
    if (side->pending.empty()) return flushed(side, is_client);
    side->writing.swap(side->pending);
    asio::async_write(side->socket, asio::buffer(side->writing),
                      [self = self(), side, is_client](const error_code& e, std::size_t) {
                        side->writing.clear();
                        if (e == asio::error::operation_aborted) return;
                        if (e && side->close_when_flushed) return side->close(false);
                        if (e && is_client) return self->peer_ended(side, true, true);
                        // It may have answered before it stopped listening: its end is read.
                        if (e) side->deaf = true;
                        self->write(side, is_client);
                        if (!self->over_) return;
                        self->account();
                        self->read_both();
                      });
  }

  void flushed(const SidePtr& side, bool is_client) {
    if (side->reset_when_flushed || side->close_when_flushed) {
      side->close(side->reset_when_flushed);
    } else if (side->shut_when_flushed) {
      side->shut_when_flushed = false;
      error_code ignored;
      side->socket.shutdown(tcp::socket::shutdown_send, ignored);
    }
    if (is_client && finishing_) end(side->reset_when_flushed);
  }

  bool may_read(bool from_client) const {
    if (waiting_) return false;
    if (!from_client) return client_->backlog() < limits::kPeerBacklog;
    return client_->wanted && (!upstream_ || upstream_->backlog() < limits::kPeerBacklog);
  }

  void read_both() {
    if (finishing_) return;
    if (may_read(true)) read(client_, true);
    if (upstream_ && may_read(false)) read(upstream_, false);
  }

  void read(const SidePtr& side, bool is_client) {
    if (side->reading || side->ended || !side->socket.is_open()) return;
    side->reading = true;
    side->socket.async_wait(tcp::socket::wait_read,
                            [self = self(), side, is_client](const error_code& e) {
                              side->reading = false;
                              if (e == asio::error::operation_aborted || !self->over_) return;
                              if (!is_client && side != self->upstream_)
                                return;  // a former upstream
                              if (e) return self->peer_ended(side, is_client, true);
                              self->receive(side, is_client);
                            });
  }

  void receive(const SidePtr& side, bool is_client) {
    error_code e;
    std::vector<char>& buffer = services_.read_buffer;
    const std::size_t n = side->socket.read_some(asio::buffer(buffer), e);
    if (e == asio::error::would_block || e == asio::error::interrupted) return read_both();
    if (e) return peer_ended(side, is_client, e != asio::error::eof);
    const std::string_view bytes(buffer.data(), n);
    if (is_client)
      handle(flow::FromClient{bytes});
    else
      handle(flow::FromUpstream{bytes});
  }

  void peer_ended(const SidePtr& side, bool is_client, bool reset) {
    if (side->ended || !over_) return;
    if (!is_client && side != upstream_) return;
    side->ended = true;
    if (reset) side->pending.clear();
    if (finishing_) return end(reset);
    if (is_client)
      handle(flow::ClientEnded{reset});
    else
      handle(flow::UpstreamEnded{reset});
  }

  Services& services_;
  Origin origin_;
  std::string id_;
  std::function<void(const std::string&)> over_;
  flow::Connection connection_;
  flow::MemoryHold held_;
  SidePtr client_;
  SidePtr upstream_;
  std::shared_ptr<Dial> dial_;
  std::uint64_t generation_ = 0;
  asio::steady_timer timer_;
  std::deque<flow::Output> queue_;
  std::size_t queued_ = 0;  // bytes of bodies in it
  Stream stream_;
  std::uint64_t exchange_ = 0;           // the last that has begun
  bool answering_ = false;               // its answer's head is out
  std::optional<Monotonic> held_since_;  // bytes of the answer came that have released nothing yet
  bool running_ = false;
  bool waiting_ = false;    // for the recorder
  bool stopping_ = false;   // the process
  bool finishing_ = false;  // the flow is done; the client still gets what is written
};

}  // namespace

std::shared_ptr<Session> Session::start(Services& services, tcp::socket client, Origin origin,
                                        std::string id,
                                        std::function<void(const std::string& id)> over) {
  auto session = std::make_shared<LiveSession>(services, std::move(client), std::move(origin),
                                               std::move(id), std::move(over));
  session->begin();
  return session;
}

}  // namespace veilwire::proxy
