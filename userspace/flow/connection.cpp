#include "userspace/flow/connection.h"

#include "userspace/audit/head_digest.h"
#include "userspace/base/limits.h"
#include "userspace/flow/hello_verdict.h"
#include "userspace/flow/http_relay.h"
#include "userspace/flow/splice.h"

#include <chrono>
#include <utility>

namespace veilwire::flow {
namespace {

std::string fatal_alert(char description) {
  return {'\x15', '\x03', '\x01', '\x00', '\x02', '\x02', description};
}

std::string to_text(const Destination& destination) {
  const bool v6 = destination.address.find(':') != std::string::npos;
  return (v6 ? "[" + destination.address + "]" : destination.address) + ":" +
         std::to_string(destination.port);
}

// A client that shakes hands long before it asks may have become known since.
constexpr std::chrono::seconds kRefusalKept{1};
// Who has connected before the agent is about to stop would be refused otherwise. More than a
// handshake takes, and no time for those who keep connections ready and ask nothing.
constexpr std::chrono::seconds kTimeToBegin{2};

constexpr std::string_view kSpliced = "spliced";
constexpr std::string_view kOtherPort = "port not in the policy";

using How = CloseUpstream::How;

}  // namespace

class Connection::Impl final : public RelaySink {
 public:
  explicit Impl(Opening opening)
      : opening_(std::move(opening)), ruleset_(opening_.ruleset), early_(opening_.memory) {}

  void start(Now now, Outputs& out) {
    const Scope scope(*this, now, out);
    started_ = now.mono;
    // Not read at all: on such a port the server may speak first.
    if (!policy::reads_port(ruleset_->policy(), opening_.destination.port)) splice(kOtherPort);
    rearm();
  }

  void handle(const Input& input, Now now, const std::shared_ptr<const Ruleset>& ruleset,
              Outputs& out) {
    if (state_ == State::Done) return;
    const Scope scope(*this, now, out);
    if (relay_ && !relay_->idle()) last_active_ = now_.mono;
    if (ruleset != ruleset_) {
      ruleset_ = ruleset;
      if (relay_) relay_->adopt(ruleset_);
      if (state_ == State::Splicing) judge_splice_again();
      if (state_ == State::Done) return;
      flush_tls();
    }
    std::visit([this](const auto& event) { on(event); }, input);
    if (stopping_since_) end_between_exchanges();
    flush_tls();
    pace_client();
    early_.set(to_upstream_.size());
    rearm();
  }

  Summary summary() const {
    static constexpr std::string_view kNames[] = {"opening",  "opening", "relaying",
                                                  "splicing", "closing", "done"};
    return {kNames[static_cast<std::size_t>(state_)], server_name_, identity::display_name(person_),
            relay_ ? relay_->exchanges() : 0, relay_ ? relay_->masked() : 0};
  }

 private:
  enum class State { Hello, Handshake, Relaying, Splicing, Closing, Done };

  // Makes time and the output list reachable from the sink's calls for the length of one event.
  class Scope {
   public:
    Scope(Impl& impl, Now now, Outputs& out) : impl_(impl) {
      impl_.now_ = now;
      impl_.out_ = &out;
    }
    ~Scope() { impl_.out_ = nullptr; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Impl& impl_;
  };

  template <class T>
  void put(T output) {
    out_->emplace_back(std::move(output));
  }

  audit::Record make_record(std::uint64_t exchange, audit::Body body) const {
    return {{opening_.host, opening_.boot, opening_.session, exchange}, now_, std::move(body)};
  }
  void put_record(std::uint64_t exchange, audit::Body body) {
    put(PutRecord{make_record(exchange, std::move(body)), ruleset_->policy().strength, recording_});
  }

  // --- what has happened

  void on(const FromClient& event) {
    from_client_ += event.bytes.size();
    last_active_ = now_.mono;
    switch (state_) {
      case State::Hello:
        hello_ += event.bytes;
        return judge();
      case State::Handshake:
        if (!client_tls_) {
          hello_ += event.bytes;
          if (hello_.size() > limits::kClientHello)
            refuse(kDecodeError, "bytes before the handshake could begin");
          return;
        }
        [[fallthrough]];
      case State::Relaying:
        return client_ciphertext(event.bytes);
      case State::Splicing:
        return splice_->from_client(event.bytes, *out_);
      case State::Closing:
      case State::Done:
        return;
    }
  }

  void on(const FromUpstream& event) {
    from_upstream_ += event.bytes.size();
    if (state_ == State::Splicing) return splice_->from_upstream(event.bytes, *out_);
    if (upstream_tls_) upstream_ciphertext(event.bytes);
  }

  void on(const ClientEnded& event) {
    client_ended_ = true;
    switch (state_) {
      case State::Hello:
        // Clients race connections and drop the loser without a byte: nothing has happened that is
        // worth a record.
        if (hello_.empty()) return finish_silently();
        open_session("refused");
        return finish("client left before it said whom it wants");
      case State::Handshake:
        open_session("intercepted");
        return finish("client left in the handshake");
      case State::Relaying:
        relay_->client_ended();
        return finish(event.reset ? "client reset" : "client closed");
      case State::Splicing:
        if (const auto over = splice_->client_ended(event.reset, *out_)) finish_splice(*over);
        return;
      case State::Closing:
        return finish(close_reason_);
      case State::Done:
        return;
    }
  }

  void on(const UpstreamEnded& event) {
    if (state_ == State::Splicing) {
      if (const auto over = splice_->upstream_ended(event.reset, *out_)) finish_splice(*over);
      return;
    }
    if (!upstream_tls_) return;
    const bool handshaking = upstream_tls_->state() == wire::TlsEngine::State::Handshaking;
    upstream_tls_->end_of_input();
    if (handshaking) return upstream_broken("the TLS handshake was cut off", true);
    upstream_over(!upstream_tls_->truncated());
  }

  void on(const UpstreamConnected&) {
    if (state_ == State::Splicing) return splice_->connected(*out_);
    if (state_ == State::Closing || state_ == State::Done) return;
    upstream_tls_.emplace(wire::TlsEngine::client(opening_.upstream_tls, server_name_, now_.wall));
    connected_at_ = now_.mono;
  }

  void on(const UpstreamFailed& event) {
    if (state_ == State::Splicing) {
      put_record(0, audit::UpstreamError{event.reason});
      put(CloseClient{true});
      return finish_splice("upstream failed");
    }
    upstream_broken(event.reason, true);
  }

  void on(const LeafReady& event) {
    if (state_ != State::Handshake || client_tls_) return;
    client_tls_.emplace(wire::TlsEngine::server(event.context));
    const std::string hello = std::exchange(hello_, {});
    client_ciphertext(hello);
  }

  void on(const LeafFailed& event) {
    if (state_ != State::Handshake || client_tls_) return;
    refuse(kInternalError, "no certificate: " + event.reason);
  }

  void on(const IdentityKnown& event) {
    identity_asked_ = false;
    person_ = event.person;
    identity_known_ = true;
    refusal_.reset();
    if (relay_) relay_->identity_known(person_, now_);
  }

  void on(const IdentityRefused& event) {
    identity_asked_ = false;
    identity_known_ = false;
    refusal_ = event;
    refused_at_ = now_.mono;
    if (relay_) relay_->identity_refused(event.message, event.retry, event.sign_in, now_);
  }

  void on(const IdentityDoubted&) {
    refusal_.reset();
    if (relay_) return relay_->identity_doubted();
    if (std::exchange(identity_known_, false)) ask_identity();
  }

  void on(const CredentialKnown& event) {
    if (relay_) relay_->credential_known(event.name, event.value, now_);
  }
  void on(const CredentialRefused& event) {
    if (relay_) relay_->credential_refused(event.name, event.reason, now_);
  }

  void on(const RecordingFailed& event) {
    recording_ = false;
    if (relay_) relay_->recording_failed(event.reason);
  }

  void on(const RecordingRestored&) {
    recording_ = true;
    if (relay_) relay_->recording_restored();
  }

  void on(const AgentStopping&) {
    if (!stopping_since_) stopping_since_ = now_.mono;
  }

  void on(const AgentStopped&) {
    stopped_ = true;
    switch (state_) {
      case State::Hello:
        put(CloseClient{true});
        if (hello_.empty()) return finish_silently();
        open_session("refused");
        return finish(kAgentStopped);
      case State::Handshake:
        open_session("intercepted");
        put(CloseUpstream{How::Reset});
        put(CloseClient{true});
        return finish(kAgentStopped);
      case State::Relaying:
        relay_->agent_stopped();
        // Nobody is left to wait until the client has closed as well.
        return finish(close_reason_);
      case State::Splicing:
        put(CloseUpstream{How::Reset});
        put(CloseClient{true});
        return finish_splice(kAgentStopped);
      case State::Closing:
        return finish(close_reason_);
      case State::Done:
        return;
    }
  }

  void on(const Tick&) {
    wake_.reset();
    if (const auto at = upstream_deadline(); at && now_.mono >= *at)
      upstream_broken("no TLS handshake in time", true);
    const auto deadline = this->deadline();
    if (!deadline || now_.mono < *deadline) return;
    switch (state_) {
      case State::Hello:
        if (hello_.empty()) {
          put(CloseClient{true});
          return finish_silently();
        }
        return refuse(kDecodeError, "no whole ClientHello in time");
      case State::Handshake:
        return refuse(kInternalError, "the handshake took too long");
      case State::Relaying:
        if (relay_->next_tick()) return relay_->tick(now_);
        idle_too_long_ = true;
        return relay_->client_ended();
      case State::Closing:
        return finish(close_reason_);
      case State::Splicing:
      case State::Done:
        return;
    }
  }

  // What has not begun yet is begun again with the next process; what has ended is told goodbye.
  void end_between_exchanges() {
    if (const auto at = last_begin(); at && now_.mono < *at) return;
    if (state_ == State::Hello || state_ == State::Handshake) return on(AgentStopped{});
    if (state_ != State::Relaying || !relay_->idle()) return;
    stopped_ = true;
    relay_->agent_stopped();
  }

  // --- opening

  void judge() {
    HelloVerdict verdict = judge_hello(hello_, ruleset_->policy());
    server_name_ = std::move(verdict.server_name);
    switch (verdict.what) {
      case HelloVerdict::What::NeedMore:
        return;
      case HelloVerdict::What::Splice:
        return splice(verdict.reason);
      case HelloVerdict::What::Refuse:
        if (policy::observes(ruleset_->policy(), server_name_, nullptr)) {
          splice_would_ = "block";
          return splice(verdict.reason);
        }
        open_session("refused");
        put_record(0, audit::Gap{.reason = std::string(verdict.reason),
                                 .detail = "connection",
                                 .action = "block",
                                 .bytes = from_client_});
        if (verdict.alert != 0) put(ToClient{fatal_alert(verdict.alert)});
        return close("refused: " + std::string(verdict.reason), verdict.alert == 0);
      case HelloVerdict::What::Intercept:
        break;
    }
    service_ = verdict.service;
    state_ = State::Handshake;
    handshake_started_ = now_.mono;
    put(NeedLeaf{server_name_});
    ask_identity(policy::observes(ruleset_->policy(), server_name_, nullptr));
    put(Dial{server_name_, opening_.destination});
  }

  void refuse(char alert, const std::string& reason) {
    open_session("refused");
    if (client_tls_) client_tls_.reset();
    put(ToClient{fatal_alert(alert)});
    put(CloseUpstream{How::Reset});
    close(reason, false);
  }

  void open_session(std::string_view handling) {
    if (session_open_) return;
    session_open_ = true;
    std::string tls;
    if (client_tls_ && client_tls_->state() != wire::TlsEngine::State::Handshaking) {
      tls = std::string(client_tls_->version());
      if (client_tls_->resumed()) tls += " resumed";
    }
    put_record(0, audit::SessionOpen{.peer = opening_.peer,
                                     .destination = to_text(opening_.destination),
                                     .server_name = server_name_,
                                     .handling = std::string(handling),
                                     .tls = std::move(tls)});
  }

  // --- splicing

  void splice(std::string_view reason) {
    state_ = State::Splicing;
    splice_reason_ = reason;
    open_session(kSpliced);
    splice_.emplace(hello_);
    splice_->start(server_name_, opening_.destination, *out_);
  }

  // A policy that would not have begun it ends it: what was left unread goes no further.
  void judge_splice_again() {
    const policy::Policy& policy = ruleset_->policy();
    const auto spliced = [&] {
      const auto what = judge_hello(hello_, policy).what;
      return what == HelloVerdict::What::Splice ||
             (what == HelloVerdict::What::Refuse &&
              policy::observes(policy, server_name_, nullptr));
    };
    const bool goes_on =
        !policy::reads_port(policy, opening_.destination.port) || (!hello_.empty() && spliced());
    if (goes_on) return;
    put(CloseClient{true});
    put(CloseUpstream{How::Reset});
    finish_splice("the policy was changed");
  }

  void finish_splice(std::string_view reason) {
    put_record(0, audit::Gap{.reason = std::string(splice_reason_),
                             .detail = "connection",
                             .action = "pass",
                             .bytes = from_client_ + from_upstream_,
                             .would = splice_would_});
    finish(reason);
  }

  // --- relaying

  void client_ciphertext(std::string_view bytes) {
    client_tls_->receive(bytes);
    if (state_ == State::Handshake && client_tls_->state() == wire::TlsEngine::State::Open)
      begin_relay();
    if (state_ == State::Handshake && client_tls_->state() == wire::TlsEngine::State::Failed) {
      // A client that does not trust our authority says so here, or leaves without a word.
      open_session("intercepted");
      flush_tls();
      put(CloseUpstream{How::Reset});
      return close("client handshake failed: " + std::string(wire::to_string(client_tls_->error())),
                   false);
    }
    if (state_ != State::Relaying) return;
    std::string plain;
    client_tls_->take_plaintext(plain);
    if (!plain.empty()) relay_->from_client(plain, now_);
    if (state_ != State::Relaying) return;
    if (client_tls_->state() == wire::TlsEngine::State::PeerClosed) {
      relay_->client_ended();
    } else if (client_tls_->state() == wire::TlsEngine::State::Failed) {
      relay_->client_ended();
    }
  }

  void begin_relay() {
    open_session("intercepted");
    state_ = State::Relaying;
    relay_ = std::make_unique<HttpRelay>(
        RelayTarget{.host = server_name_,
                    .service = service_,
                    .memory = opening_.memory,
                    .conversations = opening_.conversations,
                    .place = {opening_.host, opening_.writer, opening_.session},
                    .random = opening_.random},
        ruleset_, *this);
    if (identity_known_) relay_->identity_known(person_, now_);
    if (!recording_) relay_->recording_failed("the recorder does not answer");
    if (upstream_failure_)
      relay_->upstream_failed(upstream_failure_->first, upstream_failure_->second, now_);
  }

  void upstream_ciphertext(std::string_view bytes) {
    using TlsState = wire::TlsEngine::State;
    const bool was_open = upstream_tls_->state() == TlsState::Open;
    upstream_tls_->receive(bytes);
    if (upstream_tls_->state() == TlsState::Failed) {
      const std::string reason(wire::to_string(upstream_tls_->error()));
      if (!was_open) {
        flush_tls();  // the alert that says why
        return upstream_broken("its TLS certificate or handshake was refused: " + reason, false);
      }
      return upstream_over(false);
    }
    if (!was_open && upstream_tls_->state() != TlsState::Handshaking && !to_upstream_.empty()) {
      (void)upstream_tls_->send(to_upstream_.reveal());
      to_upstream_.clear();
    }
    std::string plain;
    upstream_tls_->take_plaintext(plain);
    if (!plain.empty() && state_ == State::Relaying) relay_->from_upstream(plain, now_);
    if (upstream_tls_ && upstream_tls_->state() == TlsState::PeerClosed) upstream_over(true);
  }

  void upstream_broken(std::string_view reason, bool retry) {
    upstream_tls_.reset();
    to_upstream_.clear();
    put(CloseUpstream{How::Reset});
    if (state_ == State::Relaying) return relay_->upstream_failed(reason, retry, now_);
    upstream_failure_.emplace(reason, retry);
  }

  void upstream_over(bool clean) {
    upstream_tls_.reset();
    put(CloseUpstream{How::Close});
    if (state_ == State::Relaying)
      relay_->upstream_ended(clean, now_);
    else
      upstream_failure_.emplace("it closed the connection before a request was sent", true);
  }

  // Ciphertext that the engines have ready goes out in the order of the decisions that made it.
  void flush_tls() {
    std::string bytes;
    if (client_tls_) {
      client_tls_->take_ciphertext(bytes);
      if (!bytes.empty()) put(ToClient{std::exchange(bytes, {})});
    }
    if (upstream_tls_) {
      upstream_tls_->take_ciphertext(bytes);
      if (!bytes.empty()) put(ToUpstream{std::move(bytes)});
    }
  }

  // --- RelaySink

  void to_client(std::string_view plain) override {
    (void)client_tls_->send(
        plain);  // one that has failed meanwhile is found failed by the next event
    flush_tls();
  }
  void to_upstream(std::string_view plain) override {
    if (upstream_tls_ && upstream_tls_->state() == wire::TlsEngine::State::Open) {
      (void)upstream_tls_->send(plain);
      flush_tls();
    } else {
      to_upstream_.append(plain);
    }
  }
  void record(std::uint64_t exchange, audit::Body body) override {
    flush_tls();
    put_record(exchange, std::move(body));
  }
  crypto::Digest head_digest(std::uint64_t exchange, const audit::Body& head) const override {
    return audit::head_digest(make_record(exchange, head));
  }
  void need_identity(bool at_once) override {
    const auto refusal = std::exchange(refusal_, std::nullopt);
    if (!refusal || now_.mono - refused_at_ > kRefusalKept) return ask_identity(at_once);
    relay_->identity_refused(refusal->message, refusal->retry, refusal->sign_in, now_);
  }
  void need_credential(const std::string& name) override { put(NeedCredential{name}); }
  void doubt_credential(const std::string& name) override { put(DoubtCredential{name}); }
  void need_upstream() override { put(Dial{server_name_, opening_.destination}); }
  void reset_upstream() override {
    upstream_tls_.reset();
    to_upstream_.clear();
    put(CloseUpstream{How::Reset});
  }
  void drop_upstream() override {
    if (upstream_tls_) {
      upstream_tls_->close();
      flush_tls();
      upstream_tls_.reset();
    }
    to_upstream_.clear();
    put(CloseUpstream{How::Close});
  }
  void read_client(bool on) override {
    relay_reads_ = on;
    pace_client();
  }
  void close_client(bool reset) override {
    if (!reset) {
      client_tls_->close();
      flush_tls();
    }
    const std::string_view reason = stopped_         ? kAgentStopped
                                    : reset          ? "reset"
                                    : client_ended_  ? "client closed"
                                    : idle_too_long_ ? "idle"
                                                     : "complete";
    close(std::string(reason), reset);
  }

  // What passes unseen waits here until the upstream is open, and only so much of it.
  void pace_client() {
    const bool full = state_ == State::Relaying && relay_->reading_request() &&
                      to_upstream_.size() > limits::kPeerBacklog;
    const bool on = relay_reads_ && !full;
    if (std::exchange(reading_, on) != on) put(ReadClient{on});
  }

  void ask_identity(bool at_once = false) {
    if (identity_asked_) return;
    identity_asked_ = true;
    put(NeedIdentity{at_once});
  }

  // --- the end

  // No more goes to the client. What it still sends is discarded until it has closed as well, for a
  // bounded time: closing a socket with unread bytes would destroy the answer on its way.
  void close(std::string reason, bool reset) {
    if (state_ == State::Closing || state_ == State::Done) return;
    put(CloseClient{reset});
    state_ = State::Closing;
    close_reason_ = std::move(reason);
    closing_since_ = now_.mono;
    if (reset || client_ended_) finish(close_reason_);
  }

  void finish(std::string_view reason) {
    if (state_ == State::Done) return;
    if (session_open_)
      put_record(0, audit::SessionClose{std::string(reason), from_client_, from_upstream_});
    finish_silently();
  }

  void finish_silently() {
    state_ = State::Done;
    put(Done{});
  }

  // --- time

  // When the agent is about to stop: until then a first request is waited for.
  std::optional<Monotonic> last_begin() const {
    const bool waits = state_ == State::Hello || state_ == State::Handshake ||
                       (state_ == State::Relaying && relay_->idle() && relay_->exchanges() == 0);
    if (!stopping_since_ || !waits) return std::nullopt;
    return *stopping_since_ + kTimeToBegin;
  }

  // The dial has a bound of its own.
  std::optional<Monotonic> upstream_deadline() const {
    const bool waits = state_ == State::Handshake || state_ == State::Relaying;
    if (!waits || !upstream_tls_ || upstream_tls_->state() != wire::TlsEngine::State::Handshaking)
      return std::nullopt;
    return connected_at_ + limits::kHandshakeTime;
  }

  std::optional<Monotonic> deadline() const {
    switch (state_) {
      case State::Hello:
        return started_ + limits::kClientHelloTime;
      case State::Handshake:
        return handshake_started_ + limits::kHandshakeTime;
      case State::Relaying:
        if (const auto at = relay_->next_tick()) return at;
        if (relay_->idle()) return last_active_ + limits::kIdleConnection;
        return std::nullopt;
      case State::Closing:
        return closing_since_ + limits::kLinger;
      case State::Splicing:
      case State::Done:
        return std::nullopt;
    }
    return std::nullopt;
  }

  // A later deadline is met by the earlier wake-up, which asks again: most events need no new
  // timer.
  void rearm() {
    auto wanted = deadline();
    for (const auto& at : {upstream_deadline(), last_begin()})
      if (at && (!wanted || *at < *wanted)) wanted = at;
    if (!wanted || (wake_ && *wake_ <= *wanted)) return;
    wake_ = wanted;
    put(WakeAt{*wanted});
  }

  Opening opening_;
  std::shared_ptr<const Ruleset> ruleset_;
  State state_ = State::Hello;
  Now now_;
  Outputs* out_ = nullptr;

  std::string hello_;
  std::string server_name_;
  policy::Service service_ = policy::Service::Generic;
  std::string splice_reason_;
  std::string splice_would_;  // "block": policy only observes
  std::optional<Splice> splice_;

  std::optional<wire::TlsEngine> client_tls_;
  std::optional<wire::TlsEngine> upstream_tls_;
  // Plain text that waits for the handshake, credentials included; at most one request
  // (limits::kRequestBody).
  SecretBuilder to_upstream_;
  MemoryHold early_;  // of it
  std::optional<std::pair<std::string, bool>> upstream_failure_;
  std::unique_ptr<HttpRelay> relay_;

  identity::Person person_;
  bool identity_asked_ = false;
  bool identity_known_ = false;
  std::optional<IdentityRefused> refusal_;  // told before anybody asked
  Monotonic refused_at_;

  bool recording_ = true;
  bool session_open_ = false;
  bool client_ended_ = false;
  std::optional<Monotonic> stopping_since_;
  bool stopped_ = false;
  bool idle_too_long_ = false;
  bool relay_reads_ = true;
  bool reading_ = true;
  std::string close_reason_;
  std::uint64_t from_client_ = 0;
  std::uint64_t from_upstream_ = 0;

  Monotonic started_, handshake_started_, connected_at_, last_active_, closing_since_;
  std::optional<Monotonic> wake_;
};

Connection::Connection(Opening opening) : impl_(std::make_unique<Impl>(std::move(opening))) {}
Connection::~Connection() = default;
void Connection::start(Now now, Outputs& out) { impl_->start(now, out); }
void Connection::handle(const Input& input, Now now, const std::shared_ptr<const Ruleset>& ruleset,
                        Outputs& out) {
  impl_->handle(input, now, ruleset, out);
}
Connection::Summary Connection::summary() const { return impl_->summary(); }

}  // namespace veilwire::flow
