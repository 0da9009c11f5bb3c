#include "agent/forwarder/delivery.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/audit/record.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using protocol::DeliveryError;

bool ends_exchange(const audit::Record& record) {
  if (std::holds_alternative<audit::ExchangeClose>(record.body)) return true;
  const auto* gap = std::get_if<audit::Gap>(&record.body);
  return gap != nullptr && gap->reason == audit::kProxyGone;
}

// nullopt: it is told with the exchange that it belongs to, when that has ended.
std::optional<Told> told_of(LedgerRecord record, Tell tell) {
  Told told{.record = record.number,
            .canonical = std::move(record.canonical),
            .parsed = std::nullopt,
            .exchange = std::nullopt};
  auto parsed = audit::parse_record(told.canonical);
  if (parsed) told.parsed = *std::move(parsed);
  const bool of_exchange = told.parsed && told.parsed->record.context.exchange != 0;
  if (tell == Tell::Exchanges && of_exchange && !ends_exchange(told.parsed->record))
    return std::nullopt;
  return told;
}

WallTime time_of(const std::vector<LedgerRecord>& records) {
  if (records.empty()) return {};
  const auto parsed = audit::parse_record(records.front().canonical);
  return parsed ? parsed->record.time.wall : WallTime{};
}

// Within the protocol's bounds, whatever a destination has said.
std::string reason_of(const Refusal& refusal) {
  std::string reason = refusal.reason.substr(0, protocol::kDeadReason);
  std::replace_if(
      reason.begin(), reason.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return reason;
}

bool is_told_whole(const Told& told, Tell tell) {
  return tell == Tell::Exchanges && told.parsed && told.parsed->record.context.exchange != 0;
}

}  // namespace

Delivery::Delivery(asio::io_context& io, DeliverySettings settings, std::string recorder_socket,
                   std::unique_ptr<Sink> sink, Random random)
    : settings_(std::move(settings)),
      ledger_(io, std::move(recorder_socket)),
      sink_(std::move(sink)),
      backoff_(settings_.backoff, std::move(random)),
      timer_(io),
      log_(std::chrono::minutes(1)) {}

asio::awaitable<void> Delivery::run() {
  while (true) {
    const LedgerFailure failure = co_await deliver();
    complain(failure.detail);
    co_await pause(backoff_.failed());
  }
}

// From attaching to the first failure of the recorder.
asio::awaitable<LedgerFailure> Delivery::deliver() {
  protocol::Attach sink{settings_.name, settings_.destination};
  const auto attached = co_await ledger_.attach(std::move(sink));
  if (!attached) co_return attached.error();
  state_.next = attached->next;
  state_.last = attached->last;
  if (sink_->asks_for_log()) {
    auto origin = co_await ledger_.ask_log();
    if (!origin) co_return origin.error();
    sink_->records_are_of(*std::move(origin));
  }
  go_on();
  while (true) {
    auto records = co_await ledger_.read(state_.next, settings_.batch_bytes);
    if (!records) {
      if (records.error().refused != DeliveryError::Deleted) co_return records.error();
      auto failed = co_await skip_deleted();
      if (failed) co_return *std::move(failed);
      continue;
    }
    state_.last = records->last;
    state_.oldest = time_of(records->records);
    Batch batch;
    batch.next = records->next;
    auto failed = co_await gather(std::move(records->records), batch);
    if (!failed) failed = co_await send(batch);
    if (failed) co_return *std::move(failed);
    if (state_.next > state_.last) state_.oldest = {};
  }
}

Delivery::Failed Delivery::gather(std::vector<LedgerRecord> records, Batch& batch) {
  for (LedgerRecord& record : records) {
    auto told = told_of(std::move(record), settings_.tell);
    if (!told) continue;
    if (is_told_whole(*told, settings_.tell)) {
      auto failed = co_await gather_exchange(*told);
      if (failed) co_return failed;
    }
    batch.told.push_back(*std::move(told));
  }
  co_return std::nullopt;
}

Delivery::Failed Delivery::gather_exchange(Told& told) {
  projection::ExchangeReader reader;
  const audit::Context& context = told.parsed->record.context;
  protocol::ReadExchange what{.session = context.session, .exchange = 0, .from = 1};
  // Of the session its first record counts.
  what.most_bytes = 1;
  bool in_session = true;
  while (true) {
    auto records = co_await ledger_.read_exchange(what);
    // What retention has taken is told without.
    if (!records && records.error().refused != DeliveryError::Deleted) co_return records.error();
    if (records) {
      for (const LedgerRecord& record : records->records) {
        const auto parsed = audit::parse_record(record.canonical);
        if (parsed && record.number <= told.record) reader.add(*parsed);
      }
    }
    const std::uint64_t next = records ? records->next : 0;
    if (in_session) {
      in_session = false;
      what = {.session = context.session, .exchange = context.exchange, .from = 1};
    } else if (next == 0 || next > told.record) {
      break;
    } else {
      what.from = next;
    }
  }
  told.exchange = reader.finish();
  co_return std::nullopt;
}

Delivery::Failed Delivery::send(const Batch& batch) {
  std::span<const Told> rest = batch.told;
  if (rest.empty()) co_return co_await go_to(batch.next);
  while (!rest.empty()) {
    Sent sent = co_await sink_->send(rest);
    const std::size_t done = std::min(sent.done, rest.size());
    state_.sent += done - std::min(done, sent.refused.size());
    state_.refused += sent.refused.size();
    rest = rest.subspan(done);
    // What is dealt with is said before anything is waited for.
    if (done != 0) {
      const std::uint64_t next = rest.empty() ? batch.next : rest.front().record;
      auto failed = co_await confirm(next, sent.refused, sent.cosigned);
      if (failed) co_return failed;
    }
    if (rest.empty()) break;
    ++state_.attempts_failed;
    complain(sent.problem.empty() ? "the destination has not taken all" : sent.problem);
    co_await pause(backoff_.failed(sent.retry_after));
    // Who has been moved to another record is cut off, and what is in hand is not what comes next.
    const auto connected = co_await ledger_.ask_log();
    if (!connected) co_return connected.error();
  }
  backoff_.succeeded();
  go_on();
  co_return std::nullopt;
}

Delivery::Failed Delivery::confirm(std::uint64_t next, std::span<const Refusal> refused,
                                   const std::optional<Sent::Cosignature>& cosigned) {
  protocol::Confirm done;
  // A batch of nothing but dead letters is said in several messages: the position follows.
  while (refused.size() > protocol::kDeadLetters) {
    for (const Refusal& refusal : refused.first(protocol::kDeadLetters))
      done.dead.push_back({refusal.record, reason_of(refusal)});
    done.next = done.dead.back().record + 1;
    auto failed = co_await confirm(std::move(done));
    if (failed) co_return failed;
    done = {};
    refused = refused.subspan(protocol::kDeadLetters);
  }
  for (const Refusal& refusal : refused) done.dead.push_back({refusal.record, reason_of(refusal)});
  done.next = next;
  if (cosigned) done.cosigned = protocol::Cosigned{cosigned->size, cosigned->line};
  co_return co_await confirm(std::move(done));
}

Delivery::Failed Delivery::go_to(std::uint64_t next) {
  protocol::Confirm done;
  done.next = next;
  co_return co_await confirm(std::move(done));
}

Delivery::Failed Delivery::confirm(protocol::Confirm done) {
  while (true) {
    const auto said = co_await ledger_.confirm(done);
    if (said) {
      state_.next = said->next;
      state_.last = said->last;
      co_return std::nullopt;
    }
    // To send all of it again would not help.
    if (said.error().refused != DeliveryError::Unavailable) co_return said.error();
    complain(said.error().detail);
    co_await pause(backoff_.failed());
  }
}

// Retention is told which sinks it must wait for. This one is not among them.
Delivery::Failed Delivery::skip_deleted() {
  protocol::Attach sink{settings_.name, settings_.destination};
  const auto attached = co_await ledger_.attach(std::move(sink));
  if (!attached) co_return attached.error();
  if (attached->first > attached->next) {
    host::log::error("sink " + settings_.name + ": records " + std::to_string(attached->next) +
                     " to " + std::to_string(attached->first - 1) +
                     " were deleted before they were delivered; name the sink in the recorder's "
                     "delivered_to to prevent this");
    co_return co_await go_to(attached->first);
  }
  co_return std::nullopt;
}

asio::awaitable<void> Delivery::pause(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Delivery::complain(const std::string& problem) {
  state_.problem = problem;
  log_.warning("sink " + settings_.name + ": " + problem + "; trying again", host::now().mono);
}

void Delivery::go_on() {
  if (!std::exchange(state_.problem, {}).empty())
    host::log::info("sink " + settings_.name + ": delivers again");
}

}  // namespace veilwire::forwarder
