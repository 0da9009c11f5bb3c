#include "agent/identity/issuer.h"

#include "agent/host/clock.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/refresh_plan.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::IdpError;
using identity::IdpFault;
using identity::IdpRequest;
using identity::IdpResponse;
using identity::VerifiedToken;

// Endpoints move rarely, and an IdP announces it.
constexpr std::chrono::hours kDiscoveryKept{24};

asio::awaitable<void> wait(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

asio::awaitable<void> Issuer::Gate::enter() {
  while (busy_) co_await wait(left_);
  busy_ = true;
}

void Issuer::Gate::leave() {
  busy_ = false;
  left_.cancel();
}

Issuer::Issuer(asio::io_context& io, IdpClient& client, identity::Url url,
               std::chrono::milliseconds patience, crypto::RandomSource random, Discovery discovery)
    : io_(io),
      client_(client),
      url_(std::move(url)),
      patience_(patience),
      random_(std::move(random)),
      discovery_(discovery),
      discovering_(io),
      fetching_(io) {}

std::uint32_t Issuer::random_number() const {
  std::uint32_t number = 0;
  random_({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  return number;
}

asio::awaitable<Result<IdpResponse, IdpFault>> Issuer::ask(const IdpRequest& request) {
  auto response = co_await client_.ask(request, patience_);
  if (response) co_return *std::move(response);
  const IdpClientFailure& failure = response.error();
  std::string said(to_string(failure.error));
  if (!failure.detail.empty()) said += ": " + failure.detail;
  co_return Unexpected{
      IdpFault{.error = IdpError::Unreachable, .said = identity::shown_text(said)}};
}

asio::awaitable<Result<ProviderPtr, IdpFault>> Issuer::provider() {
  co_await discovering_.enter();
  const auto answer = [this]() -> Result<ProviderPtr, IdpFault> {
    discovering_.leave();
    if (provider_ != nullptr) return provider_;
    return Unexpected{fault_};
  };
  if (host::now().mono < discover_at_) co_return answer();
  const IdpRequest request = discovery_(url_);
  const auto response = co_await ask(request);
  const Monotonic now = host::now().mono;
  auto read = response ? identity::read_discovery(*response, url_)
                       : Result<identity::OidcProvider, IdpFault>(Unexpected{response.error()});
  if (read) {
    failures_ = 0;
    discover_at_ = now + kDiscoveryKept;
    provider_ = std::make_shared<const identity::OidcProvider>(*std::move(read));
  } else {
    fault_ = read.error();
    discover_at_ = now + identity::retry_wait(++failures_, random_number(), fault_.retry_after);
  }
  co_return answer();
}

asio::awaitable<Result<void, IdpFault>> Issuer::fetch_keys() {
  co_await fetching_.enter();
  const auto due = keys_.due();
  if (!due || host::now().mono < *due) {
    fetching_.leave();
    co_return Result<void, IdpFault>();
  }
  const auto found = co_await provider();
  Result<void, IdpFault> result;
  if (!found) {
    result = Unexpected{found.error()};
  } else {
    const IdpRequest request = identity::key_set_request(**found);
    keys_.asked(host::now().mono);
    const auto response = co_await ask(request);
    if (response) {
      result = keys_.answered(*response, host::now().mono, random_number());
    } else {
      keys_.unreachable(host::now().mono, random_number());
      result = Unexpected{response.error()};
    }
  }
  fetching_.leave();
  co_return result;
}

asio::awaitable<Result<VerifiedToken, std::string>> Issuer::verify(
    const Secret& token, const identity::TokenExpectation& expected) {
  for (int attempt = 0;; ++attempt) {
    const auto fetched = co_await fetch_keys();
    const Now now = host::now();
    const identity::JwkSet* const keys = keys_.keys(now.mono);
    if (keys == nullptr)
      co_return Unexpected{"the keys of the identity provider cannot be had" +
                           (fetched ? std::string() : ": " + to_string(fetched.error()))};
    auto verified = identity::verify_token(token.reveal(), *keys, expected, now.wall);
    if (verified) co_return *std::move(verified);
    const bool may_have_changed = verified.error().error == identity::TokenError::UnknownKey &&
                                  attempt == 0 && keys_.unknown_key(now.mono);
    const auto due = keys_.due();
    if (!may_have_changed || !due || *due - now.mono > patience_)
      co_return Unexpected{"its token is refused: " + to_string(verified.error())};
    asio::steady_timer timer(io_, *due - now.mono);
    co_await wait(timer);
  }
}

}  // namespace veilwire::agent_identity
