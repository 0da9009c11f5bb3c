#include "agent/identity/device_sign_ins.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/identity/refresh_plan.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::Binding;
using identity::DeviceFlow;

// Sign-ins that are open at the same time: a process in cgroups of its own making could have us
// begin them without end.
constexpr std::size_t kOpen = 256, kOpenOfUser = 8;
// Whoever comes back at once is told why the last one failed, and not offered the next.
constexpr std::chrono::seconds kFailureShown{10};
// No failure: the next question begins anew.
constexpr const char* kNobodyCame = "nobody came to sign in in time";

}  // namespace

DeviceSignIns::DeviceSignIns(asio::io_context& io, SessionKeeper& keeper, ClientAtIdp& client,
                             const OidcSettings& settings, crypto::RandomSource random,
                             Events events)
    : io_(io),
      keeper_(keeper),
      client_(client),
      settings_(settings),
      random_(std::move(random)),
      events_(std::move(events)) {}

std::uint32_t DeviceSignIns::random_number() const {
  std::uint32_t number = 0;
  random_({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  return number;
}

Result<void, std::string> DeviceSignIns::begin(const LocalPeer& who, const Binding& binding) {
  if (flows_.contains(binding)) return {};
  const Monotonic now = host::now().mono;
  std::erase_if(failures_, [&](const auto& entry) { return entry.second.until <= now; });
  if (const std::string* why = failure(binding, now)) return Unexpected{*why};
  const auto of_user = std::count_if(flows_.begin(), flows_.end(), [&](const auto& entry) {
    return entry.second.user == who.peer.uid;
  });
  if (flows_.size() >= kOpen || of_user >= static_cast<std::ptrdiff_t>(kOpenOfUser))
    return Unexpected{std::string("too many sign-ins are open; try again in a moment")};
  flows_.emplace(binding, Flow{.user = who.peer.uid});
  asio::co_spawn(io_, run(who, binding), asio::detached);
  return {};
}

const DeviceSignIns::Offer* DeviceSignIns::offer(const Binding& binding) const {
  const auto flow = flows_.find(binding);
  return flow != flows_.end() && flow->second.offer ? &*flow->second.offer : nullptr;
}

const std::string* DeviceSignIns::failure(const Binding& binding, Monotonic now) const {
  const auto at = failures_.find(binding);
  return at != failures_.end() && now < at->second.until ? &at->second.why : nullptr;
}

asio::awaitable<void> DeviceSignIns::run(LocalPeer who, Binding binding) {
  const Outcome outcome = co_await sign_in(std::move(who), binding);
  flows_.erase(binding);
  if (!outcome && outcome.error() != kNobodyCame)
    failures_[binding] = {outcome.error(), host::now().mono + kFailureShown};
  if (events_.ended) events_.ended(binding, outcome);
}

asio::awaitable<DeviceSignIns::Outcome> DeviceSignIns::sign_in(LocalPeer who, Binding binding) {
  const auto failing = [](const identity::IdpFault& fault) -> Outcome {
    host::log::warning("no sign-in on another device: " + host::log::printable(to_string(fault)));
    const bool refused = identity::verdict(fault) != identity::IdpVerdict::Failing;
    return Unexpected{std::string(
        refused ? "the identity provider offers no sign-in on another device; run `veilwire login`"
                : "the identity provider does not answer; try again in a moment")};
  };
  const auto provider = co_await client_.issuer().provider();
  if (!provider) co_return failing(provider.error());
  const auto request =
      identity::device_authorization_request(client_.context(**provider), settings_.scope);
  if (!request)
    co_return failing({.error = identity::IdpError::Refused,
                       .about = "device_authorization_endpoint",
                       .code = identity::OAuthError::UnauthorizedClient});
  const Monotonic asked_at = host::now().mono;
  const auto begun = co_await client_.issuer().ask(*request);
  if (!begun) co_return failing(begun.error());
  auto start = identity::read_device_start(*begun, (*provider)->issuer, asked_at);
  if (!start) co_return failing(start.error());
  flows_[binding].offer = Offer{.address = start->verification_uri,
                                .code = start->user_code,
                                .complete = start->verification_uri_complete,
                                .until = start->until};
  if (events_.offered) events_.offered(binding);

  const auto key = client_.new_key(**provider);
  DeviceFlow flow(*std::move(start), host::now().mono);
  asio::steady_timer timer(io_);
  while (flow.state(host::now().mono) == DeviceFlow::State::Waiting) {
    const Monotonic due = std::min(flow.due().value_or(flow.start().until), flow.start().until);
    timer.expires_at(asio::steady_timer::time_point(due.since_start));
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (flow.state(host::now().mono) != DeviceFlow::State::Waiting) break;
    auto poll =
        identity::device_code_request(client_.context(**provider), flow.start().device_code);
    if (!poll)
      co_return failing({.error = identity::IdpError::MemberMissing, .about = "token_endpoint"});
    flow.asked(host::now().mono);
    const auto response = co_await client_.ask(*std::move(poll), key);
    if (!response) {
      flow.unreachable(host::now().mono, random_number());
      continue;
    }
    auto tokens =
        flow.answered(*response, host::now().mono, random_number(), client_.token_type(key));
    if (tokens) {
      if (key) tokens->proof_key = key->to_pem();
      auto result =
          co_await keeper_.sign_in(std::move(who), *std::move(tokens), "device", std::nullopt);
      co_return result;
    }
  }
  switch (flow.state(host::now().mono)) {
    case DeviceFlow::State::Denied:
      co_return Unexpected{std::string("the sign-in was denied")};
    case DeviceFlow::State::Failed:
      co_return failing(flow.fault().value_or(identity::IdpFault{}));
    case DeviceFlow::State::Waiting:
    case DeviceFlow::State::Done:
    case DeviceFlow::State::Expired:
      break;
  }
  co_return Unexpected{std::string(kNobodyCame)};
}

}  // namespace veilwire::agent_identity
