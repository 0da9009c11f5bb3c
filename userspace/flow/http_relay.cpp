#include "userspace/flow/http_relay.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/flow/exchange.h"
#include "userspace/flow/head_edit.h"
#include "userspace/flow/observing.h"
#include "userspace/flow/refusal.h"
#include "userspace/flow/request_stage.h"
#include "userspace/flow/request_time.h"
#include "userspace/flow/response_rules.h"
#include "userspace/flow/response_stage.h"
#include "userspace/flow/room_wait.h"
#include "userspace/flow/tunnel.h"
#include "userspace/flow/unseen_upload.h"
#include "userspace/wire/http1.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace veilwire::flow {
namespace {

// What a client may send ahead while its last request is being answered.
constexpr std::size_t kReadAhead = 64 * 1024;

// An answer that is good for nothing but itself is not asked for without pause.
constexpr std::chrono::seconds kBetweenQuestions{1};

// But for the times.
bool says_the_same(const identity::Person& a, const identity::Person& b) {
  const auto said = [](const identity::Person& p) {
    return std::tie(p.issuer, p.subject, p.name, p.groups, p.person_class, p.method, p.running_as,
                    p.inside_uid, p.standing);
  };
  return said(a) == said(b);
}

std::string_view host_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  return colon == std::string_view::npos ? authority : authority.substr(0, colon);
}

}  // namespace

class HttpRelay::Impl {
 public:
  Impl(RelayTarget target, std::shared_ptr<const Ruleset> ruleset, RelaySink& sink)
      : target_(std::move(target)),
        ruleset_(std::move(ruleset)),
        sink_(sink),
        originals_(target_.place, target_.random, sink) {}

  void adopt(std::shared_ptr<const Ruleset> ruleset) {
    ruleset_ = std::move(ruleset);
    response_rules_.reset();
    if (awaits_answer() && response_) apply(response_->adopt(response_rules()));
    // Who passed because policy only observed is asked about again.
    if (person_ && (person_->standing == identity::Standing::Stale || unknown_)) identity_doubted();
  }

  void from_client(std::string_view plain, Now now) {
    if (phase_ == Phase::Closed) return;
    if (tunnel_) return tunnel_->from_client(plain);
    client_input_ += plain;
    pump(now);
    if (phase_ != Phase::Closed && client_input_.size() > kReadAhead) read_client(false);
  }

  void from_upstream(std::string_view plain, Now now) {
    if (phase_ == Phase::Closed) return;
    if (tunnel_) return tunnel_->from_upstream(plain);
    answered_bytes_ += plain.size();
    std::vector<wire::HttpEvent> events;
    while (!plain.empty() && phase_ != Phase::Closed) {
      events.clear();
      plain.remove_prefix(response_reader_.feed(plain, events));
      on_responses(events, now);
      if (phase_ == Phase::Closed) return;
      if (tunnel_) {
        if (!plain.empty()) tunnel_->from_upstream(plain);
        return;
      }
    }
  }

  // A client that hangs up without close_notify has left all the same.
  void client_ended() {
    if (phase_ == Phase::Closed) return;
    if (exchange_ && !tunnel_)
      sink_.reset_upstream();
    else
      sink_.drop_upstream();
    if (exchange_) close_exchange(tunnel_ ? "tunnel closed" : "client left");
    shut(false);
  }

  void upstream_ended(bool clean, Now now) {
    if (phase_ == Phase::Closed) return;
    have_upstream_ = false;
    if (tunnel_) {
      close_exchange("tunnel closed");
      return shut(!clean);
    }
    if (!awaits_answer()) {
      // Between exchanges the client sees what it would have seen: the connection ends. A request
      // that is still being read gets an upstream of its own.
      if (!exchange_) shut(false);
      return;
    }
    std::vector<wire::HttpEvent> events;
    response_reader_.end_of_input(events);
    for (wire::HttpEvent& event : events) {
      if (std::holds_alternative<wire::MessageEnd>(event) && !clean) {
        // Only the end of the connection ends this body, and nobody vouches that this is the end.
        apply(response_->cut_short());
      } else {
        on_response(event, now);
      }
      if (phase_ == Phase::Closed) return;
    }
  }

  void upstream_failed(std::string_view reason, bool retry, Now) {
    if (phase_ == Phase::Closed) return;
    have_upstream_ = false;
    failure_ = refusal::upstream_unreachable(target_.host, reason, retry);
    if (awaits_answer()) fail_upstream();
  }

  void identity_known(identity::Person person, Now now) {
    if (person.standing == identity::Standing::Stale) {
      const Monotonic until = policy::stale_until(ruleset_->policy(), target_.host, person);
      const bool passes = until > now.mono;
      const std::string why =
          passes ? "" : identity::unconfirmed(person.name, now.mono - person.confirmed_at);
      if (!passes && !policy::observes(ruleset_->policy(), target_.host, &person))
        return identity_refused(why, false, false, now);
      if (!passes) {
        person.valid_until = now.mono + kBetweenQuestions;
        return pass_as(std::move(person), refusal::not_identified(why), now);
      }
      person.valid_until = std::min(person.valid_until, until);
    }
    unknown_.reset();
    became(std::move(person), now);
  }

  void became(identity::Person person, Now now) {
    const std::optional<identity::Person> before = std::exchange(person_, person);
    asking_ = doubted_ = false;
    ask_no_sooner_ = now.mono + kBetweenQuestions;
    response_rules_.reset();
    if (phase_ == Phase::Admitting) return admit_late(now);
    if (waits()) return submit(now);
    if (runs() && !says_the_same(*before, person)) go_on_as(person, *before);
  }

  // Nobody who may be served, and policy only observes.
  void pass_as(identity::Person person, Refusal refusal, Now now) {
    const bool news = runs() && !unknown_ && person_;
    const std::optional<identity::Person> before = person_;
    unknown_ = std::move(refusal);
    if (news) {
      sink_.record(
          exchange_->number,
          audit::IdentityChange{
              .what = "lost", .reason = unknown_->message, .answer = {}, .person = *before});
      sink_.record(exchange_->number,
                   would_refuse(policy::Direction::Response,
                                refusal::identity_lost(unknown_->message), "error"));
    }
    became(std::move(person), now);
  }

  void identity_refused(std::string_view message, bool retry, bool sign_in, Now now) {
    if (policy::observes(ruleset_->policy(), target_.host, nullptr)) {
      identity::Person nobody;
      nobody.method = "none";
      nobody.confirmed_at = now.mono;
      nobody.valid_until = now.mono + kBetweenQuestions;
      return pass_as(std::move(nobody),
                     retry ? refusal::identity_unavailable(message)
                           : refusal::not_identified(message, sign_in),
                     now);
    }
    unknown_.reset();
    const std::optional<identity::Person> before = std::exchange(person_, std::nullopt);
    asking_ = doubted_ = false;
    response_rules_.reset();
    if (waits())
      return refuse(retry ? refusal::identity_unavailable(message)
                          : refusal::not_identified(message, sign_in));
    if (runs())
      lose(retry ? refusal::identity_unconfirmed(message) : refusal::identity_lost(message),
           {.what = "lost", .reason = std::string(message), .answer = {}, .person = *before});
  }

  void identity_doubted() {
    doubted_ = true;
    if (runs()) ask_identity();
  }

  void credential_known(std::string_view name, std::shared_ptr<const Secret> value, Now now) {
    if (phase_ != Phase::Equipping || name != credential_wanted_) return;
    exchange_->credential = {
        .name = std::exchange(credential_wanted_, {}), .value = std::move(value), .host = {}};
    identify(now);  // it may have taken longer than the word on the person holds
  }
  void credential_refused(std::string_view name, std::string_view reason, Now now) {
    if (phase_ != Phase::Equipping || name != credential_wanted_) return;
    const Refusal refusal = refusal::credential_unavailable(name, reason);
    if (!exchange_->observes) return refuse(refusal);
    credential_wanted_.clear();
    would(refusal);
    own_credential_ = true;
    identify(now);
  }

  void recording_failed(std::string_view reason) { unrecorded_ = reason; }
  void recording_restored() { unrecorded_.clear(); }

  void agent_stopped() {
    if (phase_ == Phase::Closed) return;
    if (exchange_) return abort(kAgentStopped);
    sink_.drop_upstream();
    shut(false);
  }

  std::optional<Monotonic> next_tick() const {
    const auto silence = next_silence();
    const auto question = next_question();
    return question && (!silence || *question < *silence) ? question : silence;
  }
  void tick(Now now) {
    if (const auto question = next_question(); question && now.mono >= *question) ask_identity();
    const auto due = next_silence();
    if (!due || now.mono < *due) return;
    if (!room_.next()) return late();
    const RoomWait::Answer answer = room_.again(target_.memory, now.mono);
    if (answer != RoomWait::Answer::Room) return await_room(answer);
    request_time_.restart(now.mono);
    read_client(true);
    pump(now);
  }

  std::uint64_t exchanges() const { return count_; }
  std::uint64_t masked() const { return masked_ + (exchange_ ? exchange_->masked : 0); }
  bool idle() const { return !exchange_ && request_reader_.between_messages(); }
  bool reading_request() const {
    return phase_ == Phase::Uploading ||
           (phase_ == Phase::Reading && !request_reader_.between_messages());
  }

 private:
  enum class Phase {
    Reading,      // a request, or the wait for one
    Admitting,    // its head has come; whether it is observed depends on who sends it
    Identifying,  // the request is whole; who sends it is being asked
    Equipping,    // it is whole or over the limit; its credential is being asked for
    Uploading,    // over the limit and let through: the rest of the request passes as it comes
    Answering,    // the request has gone out
    Tunnel,       // 101: no HTTP any more
    Closed,
  };

  // A request that is held does, for an answer.
  bool waits() const {
    return phase_ == Phase::Admitting || phase_ == Phase::Identifying || phase_ == Phase::Equipping;
  }
  // A request has gone out, whole or not, and its answer has not ended.
  bool awaits_answer() const { return phase_ == Phase::Answering || phase_ == Phase::Uploading; }
  // Something goes on for the person, who is known.
  bool runs() const { return awaits_answer() || phase_ == Phase::Tunnel; }

  std::optional<Monotonic> next_silence() const {
    if (room_.next()) return room_.next();
    if (phase_ == Phase::Answering && !response_) return asked_ + limits::kAnswerTime;
    return request_time_.deadline();
  }

  // --- the person

  bool known(Now now) const { return person_ && !doubted_ && person_->valid_until > now.mono; }

  bool observing() const {
    return policy::observes(ruleset_->policy(), target_.host, person_ ? &*person_ : nullptr);
  }
  // What is not done, because policy only observes.
  void would(const Refusal& refusal) {
    const auto answer = flow::answer(refusal, exchange_->context(policy::Direction::Response, {}));
    sink_.record(exchange_->number,
                 would_refuse(policy::Direction::Request, refusal,
                              std::to_string(answer ? answer->head.status : refusal.status)));
  }

  // When what runs has to be asked about again.
  std::optional<Monotonic> next_question() const {
    if (!runs() || asking_) return std::nullopt;
    return std::max(person_->valid_until, ask_no_sooner_);
  }

  // The answer may come before this returns.
  void ask_identity() {
    if (std::exchange(asking_, true)) return;
    // Nobody is waited for who passes all the same.
    sink_.need_identity(runs() || policy::observes(ruleset_->policy(), target_.host, nullptr));
  }

  void go_on_as(const identity::Person& person, const identity::Person& before) {
    if ((person.issuer != before.issuer || person.subject != before.subject) && !observing()) {
      constexpr std::string_view kAnother = "somebody else has signed in since it was asked for";
      return lose(
          refusal::identity_lost(kAnother),
          {.what = "lost", .reason = std::string(kAnother), .answer = {}, .person = before});
    }
    sink_.record(
        exchange_->number,
        audit::IdentityChange{.what = "changed", .reason = {}, .answer = {}, .person = person});
    if (awaits_answer() && response_) apply(response_->adopt(response_rules()));
  }

  // Not a byte more of the answer is let through, and the upstream need not go on with it.
  void lose(const Refusal& refusal, audit::IdentityChange record) {
    sink_.reset_upstream();
    if (exchange_->response_started && response_ && !tunnel_)
      return apply(response_->lose(refusal, std::move(record)));
    record.answer = exchange_->response_started ? "reset" : "error response";
    sink_.record(exchange_->number, std::move(record));
    refuse(refusal);
  }

  // Reads requests for as long as one may be read.
  void pump(Now now) {
    std::vector<wire::HttpEvent> events;
    while ((phase_ == Phase::Reading || phase_ == Phase::Uploading) && !room_.next() &&
           !client_input_.empty()) {
      events.clear();
      // Events point into what is fed: it must stay until they have been handled.
      const std::string input = std::exchange(client_input_, {});
      const std::size_t taken = request_reader_.feed(input, events);
      request_time_.read(taken, now.mono);
      for (wire::HttpEvent& event : events) {
        on_request(event, now);
        if (phase_ == Phase::Closed) return;
      }
      client_input_.insert(0, input, taken);
      if (!reading_request()) request_time_.stop();
      if (taken == 0) return;
    }
  }

  void late() {
    if (phase_ == Phase::Answering) {
      sink_.record(exchange_->number, audit::UpstreamError{"no answer in time"});
      return refuse(refusal::upstream_silent(target_.host));
    }
    if (!exchange_) begin_numbered();
    refuse(refusal::request_timed_out());
  }

  void on_request(wire::HttpEvent& event, Now now) {
    if (auto* start = std::get_if<wire::RequestStart>(&event)) {
      begin_exchange(std::move(*start), now);
    } else if (const auto* data = std::get_if<wire::BodyData>(&event)) {
      request_body(data->bytes, now);
    } else if (auto* trailers = std::get_if<wire::Trailers>(&event)) {
      if (phase_ == Phase::Uploading && upload_)
        upload_->trailers(std::move(trailers->section));
      else
        request_->trailers(std::move(trailers->section));
    } else if (const auto* end = std::get_if<wire::MessageEnd>(&event)) {
      exchange_->persistent = end->persistent;
      room_.stop();
      whole_ = true;
      if (phase_ == Phase::Equipping || phase_ == Phase::Admitting) return;
      if (phase_ == Phase::Uploading) return end_upload(now);
      phase_ = Phase::Identifying;
      identify(now);
    } else if (const auto* fault = std::get_if<wire::HttpFault>(&event)) {
      bad_request(*fault);
    }
  }

  void bad_request(const wire::HttpFault& fault) {
    const std::string_view why = wire::to_string(fault.error);
    if (!exchange_) begin_numbered();
    sink_.record(exchange_->number,
                 audit::Gap{.reason = "malformed",
                            .detail = "malformed HTTP request: " + std::string(why),
                            .action = "block"});
    refuse(refusal::malformed_request(why));
  }

  void begin_numbered() {
    exchange_.emplace();
    exchange_->number = ++count_;
    exchange_->service = target_.service;
    exchange_->host = target_.host;
    exchange_->memory = target_.memory;
    exchange_->conversations = target_.conversations;
    exchange_->originals = &originals_;
    response_rules_.reset();
  }

  void begin_exchange(wire::RequestStart start, Now now) {
    begin_numbered();
    whole_ = false;
    own_credential_ = false;
    credential_wanted_.clear();
    room_ = {};
    request_time_.head_is_whole();
    Exchange& exchange = *exchange_;
    exchange.head = std::move(start.head);
    exchange.framing = start.framing;
    exchange.expectation = wire::expectation_of(exchange.head);
    request_.emplace(exchange);
    if (exchange.expectation.connect) return refuse(refusal::connect_method());
    // Where nobody is observed, who it is can be asked once the request is whole.
    if (policy::observed_extent(ruleset_->policy()).empty() || known(now)) return admit(now);
    phase_ = Phase::Admitting;
    ask_identity();
  }

  // Somebody had to be asked first.
  void admit_late(Now now) {
    phase_ = Phase::Reading;
    admit(now);
    if (phase_ != Phase::Reading && phase_ != Phase::Uploading) return;
    if (phase_ == Phase::Reading && whole_) {
      phase_ = Phase::Identifying;
      return identify(now);
    }
    if (!room_.next()) read_client(true);
    pump(now);
  }

  void admit(Now now) {
    Exchange& exchange = *exchange_;
    exchange.observes = observing();
    if (exchange.observes) return admit_observed(now);
    if (!equal_ignoring_case(host_of(wire::authority(exchange.head)), target_.host))
      return refuse(refusal::misdirected(target_.host));
    if (exchange.expectation.upgrade && !upgrade_allowed()) return;
    // Not even begun: nobody sends 48 MB to hear that it is too much.
    if (exchange.framing.kind == wire::Framing::Kind::Length &&
        exchange.framing.length > limits::kRequestBody && !passes_over_limit())
      return over_limit();
    const auto expect = exchange.head.list("expect");
    if (expect.empty()) return await_room(room_.ask(exchange.framing, target_.memory, now.mono));
    if (expect.size() != 1 || !equal_ignoring_case(expect[0], "100-continue"))
      return refuse(refusal::unknown_expectation());
    exchange.continued = true;
    if (exchange.head.minor_version >= 1) sink_.to_client("HTTP/1.1 100 Continue\r\n\r\n");
    await_room(room_.ask(exchange.framing, target_.memory, now.mono));
  }

  // It goes on as it comes, unless what the person has said before has to be put back into it.
  void admit_observed(Now now) {
    const Exchange& exchange = *exchange_;
    if (unknown_) would(*unknown_);
    if (!equal_ignoring_case(host_of(wire::authority(exchange.head)), target_.host))
      would(refusal::misdirected(target_.host));
    if (exchange.expectation.upgrade) (void)upgrade_allowed();
    const bool conversation = exchange.service == policy::Service::Anthropic &&
                              exchange.conversations != nullptr &&
                              exchange.conversations->enforces(exchange.memory.user);
    // The head of one whose original is kept is recorded with it.
    if (conversation || !ruleset_->policy().originals.empty()) return;
    phase_ = Phase::Equipping;
    submit(now);
  }

  bool upgrade_allowed() {
    const bool pass =
        ruleset_->policy().uninspected[static_cast<std::size_t>(policy::Uninspected::Upgrade)] ==
        policy::Action::Pass;
    audit::Gap gap{.reason = std::string(policy::to_string(policy::Uninspected::Upgrade)),
                   .detail = std::string(exchange_->head.sole_value("upgrade").value_or("")),
                   .action = {}};
    set_action(gap, pass, exchange_->observes);
    sink_.record(exchange_->number, std::move(gap));
    if (!pass && !exchange_->observes) refuse(refusal::upgrade());
    return pass;
  }

  void request_body(std::string_view bytes, Now now) {
    if (phase_ == Phase::Uploading && upload_) return upload_->data(bytes);
    const RequestStage::Taken taken = request_->body(bytes);
    if (exchange_->observes) return observed_body(taken, now);
    switch (taken) {
      case RequestStage::Taken::Held:
        return;
      case RequestStage::Taken::NoRoom:
        return no_room();
      case RequestStage::Taken::OverLimit:
        break;
    }
    if (phase_ != Phase::Reading) return;  // it has come together with what went over the limit
    if (!passes_over_limit() || !known(now) || failure_) return over_limit();
    phase_ = Phase::Equipping;
    submit(now);
  }

  void observed_body(RequestStage::Taken taken, Now now) {
    if (taken != RequestStage::Taken::Held) {
      const bool over = taken == RequestStage::Taken::OverLimit;
      sink_.record(
          exchange_->number,
          request_->give_up(over ? policy::to_string(policy::Uninspected::OverLimit) : "overloaded",
                            over && passes_over_limit()));
    }
    if (request_->begun()) return sink_.to_upstream(request_->pass_on());
    if (phase_ != Phase::Reading || taken == RequestStage::Taken::Held) return;
    phase_ = Phase::Equipping;
    submit(now);
  }

  bool passes_over_limit() const {
    return policy::uninspected_action(ruleset_->policy(), policy::Uninspected::OverLimit) ==
           policy::Action::Pass;
  }

  void over_limit() {
    sink_.record(
        exchange_->number,
        audit::Gap{.reason = std::string(policy::to_string(policy::Uninspected::OverLimit)),
                   .detail = "request body",
                   .action = "block",
                   .bytes = request_->size()});
    refuse(refusal::request_too_large(limits::kRequestBody));
  }

  void await_room(RoomWait::Answer answer) {
    if (answer == RoomWait::Answer::Wait) read_client(false);
    if (answer == RoomWait::Answer::Refuse) no_room();
  }

  // It would be more than may be held, now or ever.
  void no_room() {
    const RequestStage::Outcome outcome = request_->no_room(room_.announced());
    for (const audit::Body& record : outcome.records) sink_.record(exchange_->number, record);
    refuse(*outcome.refusal);
  }

  void read_client(bool on) {
    if (reading_client_ == on) return;
    reading_client_ = on;
    sink_.read_client(on);
  }

  void begin_upload(Now now) {
    if (!passes_over_limit()) return over_limit();
    if (failure_) return fail_upstream();
    exchange_->expectation.upgrade = false;  // it goes out without one
    RequestStage::Outcome outcome = request_->pass_unseen(*ruleset_, *person_, now);
    for (audit::Body& record : outcome.records) sink_.record(exchange_->number, std::move(record));
    if (outcome.refusal) return refuse(*outcome.refusal);
    request_time_.unseen();
    send_upstream(outcome, now);
    upload_.emplace(*exchange_, sink_, std::move(outcome.original));
    upload_->trailers(request_->take_trailers());
    request_.reset();
    phase_ = Phase::Uploading;
    read_client(true);
    if (whole_) return end_upload(now);
    pump(now);
  }

  void begin_observed(Now now) {
    if (failure_) return fail_upstream();
    RequestStage::Outcome outcome = request_->begin();
    if (outcome.refusal) return refuse(*outcome.refusal);
    request_time_.unseen();
    began_ = now;
    phase_ = Phase::Uploading;
    send_upstream(outcome, now);
    if (phase_ != Phase::Uploading) return;
    read_client(true);
    pump(now);
  }

  // Its record, before what makes it whole.
  void end_observed(Now now) {
    RequestStage::Outcome outcome = request_->finish(*ruleset_, *person_, now);
    for (audit::Body& record : outcome.records) sink_.record(exchange_->number, std::move(record));
    request_.reset();
    sink_.to_upstream(outcome.bytes);
  }

  void end_upload(Now now) {
    if (upload_)
      upload_->end();
    else
      end_observed(now);
    request_time_.stop();
    phase_ = Phase::Answering;
    asked_ = now.mono;
  }

  // Each request is judged by who the person is now, not by who they were when the connection
  // began.
  void identify(Now now) {
    if (known(now)) return submit(now);
    ask_identity();
  }

  void submit(Now now) {
    if (!unrecorded_.empty()) return refuse(refusal::not_recorded(unrecorded_));
    if (!equip()) return;
    if (exchange_->observes && !whole_) return begin_observed(now);
    if (!exchange_->observes && request_->size() > limits::kRequestBody) return begin_upload(now);
    RequestStage::Outcome outcome = request_->finish(*ruleset_, *person_, now);
    for (audit::Body& record : outcome.records) sink_.record(exchange_->number, std::move(record));
    if (outcome.refusal) return refuse(*outcome.refusal);
    request_.reset();  // what is left of it is on its way
    phase_ = Phase::Answering;
    send_upstream(outcome, now);
  }

  // Each request by who the person is and what policy says now. false: it waits, or is refused.
  bool equip() {
    const policy::Host* host = policy::find_host(ruleset_->policy(), target_.host);
    const policy::HostCredential* due =
        host == nullptr ? nullptr : policy::find_credential(*host, &*person_);
    auto& given = exchange_->credential;
    if (due == nullptr || own_credential_) {
      given.reset();
      if (own_credential_ || host == nullptr || !host->credential_required) return true;
      own_credential_ = exchange_->observes;
      if (own_credential_) return would(refusal::no_credential(target_.host)), true;
      refuse(refusal::no_credential(target_.host));
      return false;
    }
    // Its answer is the request itself, credential and all (RFC 9110, 9.3.8).
    if (exchange_->head.method() == "TRACE" && exchange_->observes) {
      own_credential_ = true;
      return would(refusal::trace_method()), true;
    }
    if (exchange_->head.method() == "TRACE") {
      refuse(refusal::trace_method());
      return false;
    }
    phase_ = Phase::Equipping;
    if (given && given->name == due->use) {
      given->host = *host;
      return true;
    }
    if (std::exchange(credential_wanted_, due->use) != due->use) sink_.need_credential(due->use);
    return false;
  }

  void send_upstream(RequestStage::Outcome& outcome, Now now) {
    if (exchange_->credential) {
      exchange_->sent_credential = to_look_for(*exchange_->credential);
      exchange_->credential->value.reset();
      response_rules_.reset();
    }
    if (!failure_) put_upstream(outcome.bytes, now);
    if (exchange_->credential) wipe(outcome.bytes.data(), outcome.head_size);
    if (failure_) fail_upstream();
  }

  void put_upstream(std::string_view bytes, Now now) {
    asked_ = now.mono;
    answered_bytes_ = 0;
    // One request at a time: the bound on owed answers cannot be met.
    (void)response_reader_.expect(exchange_->expectation);
    if (!have_upstream_) {
      have_upstream_ = true;
      sink_.need_upstream();
    }
    sink_.to_upstream(bytes);
  }

  void fail_upstream() {
    sink_.record(exchange_->number, audit::UpstreamError{failure_->message});
    if (exchange_->response_started) return abort("upstream failed");
    refuse(*failure_);
  }

  // Chunks that have come together go on together: one record and one write for all of them, which
  // at full speed is most of what an event costs.
  void on_responses(std::vector<wire::HttpEvent>& events, Now now) {
    for (std::size_t i = 0; i < events.size() && phase_ != Phase::Closed; ++i) {
      const auto chunk = [&](std::size_t at) {
        return at < events.size() ? std::get_if<wire::BodyData>(&events[at]) : nullptr;
      };
      if (chunk(i) == nullptr || chunk(i + 1) == nullptr) {
        on_response(events[i], now);
        continue;
      }
      std::string together(chunk(i)->bytes);
      for (; chunk(i + 1) != nullptr; ++i) together += chunk(i + 1)->bytes;
      apply(response_->data(together));
    }
  }

  void on_response(wire::HttpEvent& event, Now now) {
    if (auto* start = std::get_if<wire::ResponseStart>(&event)) {
      asked_ = now.mono;
      if (start->interim) return interim(std::move(start->head));
      const int status = start->head.status;
      if (exchange_->credential && (status == 401 || status == 403))
        sink_.doubt_credential(exchange_->credential->name);
      if (phase_ == Phase::Uploading && !upload_) {
        if (auto head = request_->early_head(*ruleset_, *person_))
          sink_.record(exchange_->number, *std::move(head));
      }
      response_.emplace(*exchange_, sink_);
      const bool tunnel = start->framing.kind == wire::Framing::Kind::Tunnel;
      apply(response_->start(std::move(start->head), start->framing, response_rules()));
      if (tunnel && phase_ == Phase::Answering) begin_tunnel();
    } else if (const auto* data = std::get_if<wire::BodyData>(&event)) {
      apply(response_->data(data->bytes));
    } else if (auto* trailers = std::get_if<wire::Trailers>(&event)) {
      response_->trailers(std::move(trailers->section));
    } else if (const auto* end = std::get_if<wire::MessageEnd>(&event)) {
      apply(response_->end());
      // A client that is still sending is told so by the end of its connection.
      const bool whole = phase_ == Phase::Answering;
      if (awaits_answer()) finish_exchange(whole && end->persistent, now);
    } else if (const auto* fault = std::get_if<wire::HttpFault>(&event)) {
      bad_response(*fault);
    }
  }

  void interim(wire::ResponseHead head) {
    if (head.status == 100 && exchange_->continued) return;  // the client has had its 100 from us
    if (exchange_->head.minor_version == 0) return;          // RFC 9110, 15.2: it knows none
    if (!observing()) remove_hop_fields(head, wire::UpgradeFields::Strip);
    if (exchange_->sent_credential && exchange_->sent_credential->cover(head.raw))
      exchange_->masked += 1;
    if (const auto engine = response_rules().engine) {
      wire::ResponseHead seen = head;
      auto masks = mask_head(observing() ? seen : head, *engine);
      if (observing())
        exchange_->observed += mark_observed(masks, ruleset_->policy(),
                                             {.direction = policy::Direction::Response,
                                              .host = target_.host,
                                              .person = person_ ? &*person_ : nullptr})
                                   .observed;
      else
        exchange_->masked += masks.size();
    }
    sink_.to_client(head.raw);
  }

  void bad_response(const wire::HttpFault& fault) {
    if (!exchange_) {  // nobody has asked: whatever it is, it is not an answer
      sink_.drop_upstream();
      return shut(false);
    }
    const std::string why(wire::to_string(fault.error));
    sink_.record(exchange_->number, audit::UpstreamError{why});
    if (fault.error == wire::HttpError::EndedEarly) {
      if (response_) return apply(response_->cut_short());
      // A connection that had answered before and ended under the next request: the client sees
      // just that, as it would without us, and sends its request again.
      if (answered_bytes_ == 0 && exchange_->number > 1) return abort("upstream ended early");
    } else if (exchange_->response_started) {
      return abort("upstream malformed");
    }
    refuse(fault.error == wire::HttpError::EndedEarly
               ? refusal::upstream_ended_early(target_.host)
               : refusal::upstream_malformed(target_.host, why));
  }

  void begin_tunnel() {
    phase_ = Phase::Tunnel;
    const std::string early = std::exchange(client_input_, {});
    tunnel_.emplace(sink_, early);
  }

  void apply(const ResponseStep& step) {
    switch (step.next) {
      case ResponseStep::Next::More:
        return;
      case ResponseStep::Next::Refuse:
        return refuse(step.refusal);
      case ResponseStep::Next::EndedEarly:
        close_exchange(step.outcome);
        sink_.drop_upstream();
        return shut(false);
      case ResponseStep::Next::Abort:
        return abort(step.outcome);
    }
  }

  void finish_exchange(bool persistent, Now now) {
    const bool go_on = persistent && exchange_->persistent && !response_->until_close();
    close_exchange("complete");
    if (!go_on) {
      sink_.drop_upstream();
      return shut(false);
    }
    phase_ = Phase::Reading;
    read_client(true);
    pump(now);
  }

  // An answer of ours, complete, in the client's own protocol.
  void refuse(const Refusal& refusal) {
    if (exchange_->response_started) return abort(refusal.outcome);
    if (request_ && exchange_->request_id.empty()) request_->read_question();
    record_begun();
    const auto answer = flow::answer(refusal, exchange_->context(policy::Direction::Response, {}));
    if (!answer) return abort(refusal.outcome);
    sink_.record(exchange_->number,
                 audit::ResponseHead{answer->head.status, {{"Content-Type", answer->media_type}}});
    sink_.record(exchange_->number, audit::ResponseFragment{0, answer->body, {}});
    sink_.to_client(answer->head.raw);
    if (exchange_->head.method() != "HEAD") sink_.to_client(answer->body);
    close_exchange(refusal.outcome);
    sink_.drop_upstream();
    shut(false);
  }

  void abort(std::string_view outcome) {
    if (exchange_) close_exchange(outcome);
    sink_.drop_upstream();
    shut(true);
  }

  // Of a request that goes on as it comes and has not ended: what has gone on.
  void record_begun() {
    if (!request_ || !request_->begun()) return;
    RequestStage::Outcome begun =
        request_->finish(*ruleset_, person_.value_or(identity::Person()), began_);
    for (audit::Body& record : begun.records) sink_.record(exchange_->number, std::move(record));
    request_.reset();
  }

  void close_exchange(std::string_view outcome) {
    if (tunnel_) exchange_->response_bytes += tunnel_->bytes();
    if (upload_) upload_->close();
    record_begun();
    if (response_) response_->close();
    sink_.record(exchange_->number,
                 audit::ExchangeClose{.outcome = std::string(outcome),
                                      .request_bytes = exchange_->request_bytes,
                                      .response_bytes = exchange_->response_bytes,
                                      .masked = exchange_->masked,
                                      .observed = exchange_->observed});
    masked_ += exchange_->masked;
    response_.reset();
    upload_.reset();
    request_.reset();
    response_rules_.reset();
    exchange_.reset();
  }

  void shut(bool reset) {
    phase_ = Phase::Closed;
    room_.stop();
    request_time_.stop();
    client_input_.clear();
    originals_.forget();
    // Closing with bytes unread would destroy the answer on its way.
    if (!reset) read_client(true);
    sink_.close_client(reset);
  }

  const ResponseRules& response_rules() {
    if (!response_rules_)
      response_rules_ = flow::response_rules(ruleset_, target_.host, person_,
                                             exchange_ ? exchange_->sent_credential : nullptr);
    return *response_rules_;
  }

  RelayTarget target_;
  std::shared_ptr<const Ruleset> ruleset_;
  RelaySink& sink_;
  Originals originals_;
  Phase phase_ = Phase::Reading;
  bool have_upstream_ = true;  // the connection dials while the client still shakes hands
  bool reading_client_ = true;
  RoomWait room_;
  RequestTime request_time_;
  Monotonic asked_;  // when the last of a request went out, or a word of the upstream's came
  std::optional<Refusal> failure_;
  std::string unrecorded_;  // why nothing is recorded; empty while it is
  std::optional<identity::Person> person_;
  std::optional<Refusal> unknown_;  // why they would be refused: policy only observes
  Now began_;                       // to go on, of a request that is observed
  bool own_credential_ = false;     // the client's own goes on, whichever is due
  bool doubted_ = false;            // what was said of the person may not hold any more
  bool asking_ = false;             // who it is
  Monotonic ask_no_sooner_;
  std::string credential_wanted_;  // and not here yet
  bool whole_ = false;             // the last byte of the request has come
  wire::RequestReader request_reader_;
  wire::ResponseReader response_reader_;
  std::string client_input_;
  std::optional<Exchange> exchange_;
  std::optional<RequestStage> request_;
  std::optional<UnseenUpload> upload_;
  std::optional<ResponseStage> response_;
  std::optional<Tunnel> tunnel_;
  std::optional<ResponseRules> response_rules_;  // of what is known now
  std::uint64_t answered_bytes_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t masked_ = 0;
};

HttpRelay::HttpRelay(RelayTarget target, std::shared_ptr<const Ruleset> ruleset, RelaySink& sink)
    : impl_(std::make_unique<Impl>(std::move(target), std::move(ruleset), sink)) {}
HttpRelay::~HttpRelay() = default;

void HttpRelay::adopt(std::shared_ptr<const Ruleset> ruleset) { impl_->adopt(std::move(ruleset)); }
void HttpRelay::from_client(std::string_view plain, Now now) { impl_->from_client(plain, now); }
void HttpRelay::from_upstream(std::string_view plain, Now now) { impl_->from_upstream(plain, now); }
void HttpRelay::client_ended() { impl_->client_ended(); }
void HttpRelay::upstream_ended(bool clean, Now now) { impl_->upstream_ended(clean, now); }
void HttpRelay::upstream_failed(std::string_view reason, bool retry, Now now) {
  impl_->upstream_failed(reason, retry, now);
}
void HttpRelay::identity_known(const identity::Person& person, Now now) {
  impl_->identity_known(person, now);
}
void HttpRelay::identity_refused(std::string_view message, bool retry, bool sign_in, Now now) {
  impl_->identity_refused(message, retry, sign_in, now);
}
void HttpRelay::identity_doubted() { impl_->identity_doubted(); }
void HttpRelay::credential_known(std::string_view name, std::shared_ptr<const Secret> value,
                                 Now now) {
  impl_->credential_known(name, std::move(value), now);
}
void HttpRelay::credential_refused(std::string_view name, std::string_view reason, Now now) {
  impl_->credential_refused(name, reason, now);
}
void HttpRelay::recording_failed(std::string_view reason) { impl_->recording_failed(reason); }
void HttpRelay::recording_restored() { impl_->recording_restored(); }
void HttpRelay::agent_stopped() { impl_->agent_stopped(); }
std::optional<Monotonic> HttpRelay::next_tick() const { return impl_->next_tick(); }
void HttpRelay::tick(Now now) { impl_->tick(now); }
std::uint64_t HttpRelay::exchanges() const { return impl_->exchanges(); }
std::uint64_t HttpRelay::masked() const { return impl_->masked(); }
bool HttpRelay::idle() const { return impl_->idle(); }
bool HttpRelay::reading_request() const { return impl_->reading_request(); }

}  // namespace veilwire::flow
