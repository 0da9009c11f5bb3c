#include "agent/identity/event_poller.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/host/protocol/status.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/security_event.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::EventMeaning;
using identity::IdpFault;
using identity::IdpRequest;
using identity::IdpResponse;
using identity::ReceivedSet;

asio::steady_timer::time_point steady(Monotonic at) {
  return asio::steady_timer::time_point(at.since_start);
}

}  // namespace

EventPoller::EventPoller(asio::io_context& io, const TransmitterSettings& settings, Parts parts)
    : settings_(settings),
      parts_(std::move(parts)),
      transmitter_(io, parts_.idp, *identity::parse_issuer(settings_.expected.transmitter),
                   parts_.patience, parts_.random, identity::transmitter_discovery_request),
      bearer_(read_bearer(settings_.token_file)),
      poll_(settings_.poll),
      timer_(io) {
  // Nothing in it throws but for want of memory: to go on without events would be to miss ends.
  asio::co_spawn(io, run(), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

std::uint32_t EventPoller::random_number() const {
  std::uint32_t number = 0;
  parts_.random({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  return number;
}

void EventPoller::complain(const std::string& what) {
  log_.warning("events of " + settings_.expected.transmitter + ": " + host::log::printable(what),
               host::now().mono);
}

asio::awaitable<void> EventPoller::run() {
  while (true) {
    const Monotonic now = host::now().mono;
    const bool has_keys = keys_.keys(now) != nullptr;
    const Monotonic next = has_keys ? std::min(*keys_.due(), *poll_.due()) : *keys_.due();
    if (now < next) {
      timer_.expires_at(steady(next));
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    } else if (*keys_.due() <= now) {
      co_await fetch_keys();
    } else {
      co_await poll();
    }
  }
}

asio::awaitable<Result<IdpResponse, IdpFault>> EventPoller::ask_for_keys() {
  identity::OidcProvider provider;
  if (settings_.keys) {
    provider.jwks_uri = *settings_.keys;
  } else {
    const auto found = co_await transmitter_.provider();
    if (!found) co_return Unexpected{found.error()};
    provider = **found;
  }
  const IdpRequest request = identity::key_set_request(provider);
  co_return co_await transmitter_.ask(request);
}

asio::awaitable<void> EventPoller::fetch_keys() {
  keys_.asked(host::now().mono);
  const auto response = co_await ask_for_keys();
  const Monotonic now = host::now().mono;
  Result<void, IdpFault> taken;
  if (response) {
    taken = keys_.answered(*response, now, random_number());
  } else {
    keys_.unreachable(now, random_number());
    taken = Unexpected{response.error()};
  }
  keys_fail_ = !taken;
  if (!taken) complain("its keys cannot be had: " + to_string(taken.error()));
}

asio::awaitable<void> EventPoller::poll() {
  const IdpRequest request = poll_.ask(bearer_, host::now().mono);
  const auto response = co_await parts_.idp.ask(request, poll_.patience());
  const Monotonic now = host::now().mono;
  if (!response) {
    const IdpClientFailure& failure = response.error();
    if (failure.error == IdpClientError::Late)
      poll_.silent(now, random_number());
    else
      poll_.unreachable(now, random_number());
    if (poll_.failures() != 0)
      complain(std::string(to_string(failure.error)) +
               (failure.detail.empty() ? "" : ": " + failure.detail));
    co_return;
  }
  const auto sets = poll_.answered(*response, now, random_number());
  if (!sets) {
    complain(to_string(sets.error()));
    co_return;
  }
  last_answer_ = now;
  std::vector<std::string> taken;
  for (const ReceivedSet& set : *sets)
    if (take(set)) taken.push_back(set.id);
  if (taken.empty()) co_return;
  const bool at_rest = co_await parts_.keeper.at_rest();
  if (!at_rest) co_return;
  for (const std::string& id : taken) poll_.accepted(id);
}

// What is not settled here comes again.
bool EventPoller::take(const ReceivedSet& set) {
  const Now now = host::now();
  const identity::JwkSet* const keys = keys_.keys(now.mono);
  if (keys == nullptr) return false;
  const auto read = identity::read_security_events(set.token, *keys, settings_.expected, now.wall);
  if (!read) {
    if (read.error().error == identity::TokenError::UnknownKey) {
      (void)keys_.unknown_key(now.mono);
      if (poll_.may_wait(set.id, now.mono)) return false;
    }
    poll_.refused(set.id, read.error());
    complain("one is refused: " + to_string(read.error()));
    return false;
  }
  parts_.keeper.carry_out(read->events);
  events_ += read->events.size();
  for (const identity::SecurityEvent& event : read->events)
    if (event.meaning != EventMeaning::EndsSessions)
      host::log::info("event of " + settings_.expected.transmitter + ", " +
                      host::log::printable(event.type) + ": " +
                      std::string(to_string(event.meaning)));
  return true;
}

std::string EventPoller::status() const {
  using host::protocol::status_member;
  const identity::PollCounts& counts = poll_.counts();
  // An issuer is an address, and so holds nothing that JSON would have escaped.
  std::string text =
      "{\"issuer\":\"" + settings_.expected.transmitter + "\",\"last_answer_seconds\":";
  if (last_answer_) {
    const auto ago = host::now().mono - *last_answer_;
    text += std::to_string(std::chrono::duration_cast<std::chrono::seconds>(ago).count());
  } else {
    text += "null";
  }
  return text + ",\"keys\":" + (keys_fail_ ? "false" : "true") +
         status_member("failures", poll_.failures()) + status_member("events", events_) +
         status_member("received", counts.received) + status_member("again", counts.again) +
         status_member("refused", counts.refused) +
         status_member("passed_over", counts.passed_over) + "}";
}

}  // namespace veilwire::agent_identity
