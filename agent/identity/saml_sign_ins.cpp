#include "agent/identity/saml_sign_ins.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/saml_person.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using identity::SamlRequestFault;

constexpr std::size_t kStateBytes = 16;  // below limits::kSamlRelayState in base64url

}  // namespace

SamlSignIns::SamlSignIns(asio::io_context& io, SessionKeeper& keeper, const OidcSettings& settings,
                         crypto::RandomSource random, std::function<void()> ended)
    : keeper_(keeper),
      settings_(settings),
      random_(std::move(random)),
      ended_(std::move(ended)),
      link_(io, settings.saml->socket) {}

// Any user of the host can have this said as often as they like.
Unexpected<std::string> SamlSignIns::refused(std::string why) {
  log_.warning("refused a sign-in: " + host::log::printable(why), host::now().mono);
  return {std::move(why)};
}

asio::awaitable<SamlSignIns::Begun> SamlSignIns::begin(ConnectionId id, LocalPeer who) {
  const auto binding = binding_for_sign_in(who.peer, who.place, settings_.bindings);
  if (!binding) co_return Unexpected{std::string(to_string(binding.error()))};
  const protocol::SamlBegin question{
      .relay_state = crypto::base64url_encode(crypto::random_bytes(random_, kStateBytes))};
  auto begun = co_await link_.begin(question);
  if (!begun) co_return refused(std::move(begun.error().message));
  const auto fault = requests_.add(
      question.relay_state,
      {.asker = id, .binding = *binding, .share = who.peer.uid, .id = begun->request_id},
      host::now().mono);
  if (fault) co_return refused(std::string(to_string(*fault)));
  co_return *std::move(begun);
}

asio::awaitable<SamlSignIns::Ended> SamlSignIns::finish(ConnectionId id, LocalPeer who,
                                                        std::string relay_state, Secret response) {
  const auto binding = binding_for_sign_in(who.peer, who.place, settings_.bindings);
  if (!binding) co_return Unexpected{std::string(to_string(binding.error()))};
  const auto request = requests_.take(relay_state, id, *binding, host::now().mono);
  if (!request && request.error() == SamlRequestFault::Unknown) {
    log_.warning("a response came to the callback that answers no sign-in which is open (user " +
                     std::to_string(who.peer.uid) + ")",
                 host::now().mono);
    co_return std::optional<identity::Found>();
  }
  finishing_.insert_or_assign(id, *binding);
  Result<identity::VerifiedToken, std::string> token = Unexpected{std::string()};
  if (request)
    token = co_await read(*request, std::move(response));
  else
    token = Unexpected{std::string(to_string(request.error()))};
  Ended outcome = std::optional<identity::Found>();
  if (token) {
    auto found = co_await keeper_.sign_in(std::move(who), *std::move(token), "saml");
    if (found)
      outcome = std::optional(*std::move(found));
    else
      outcome = Unexpected{std::move(found.error())};
  } else {
    keeper_.count_refused();
    outcome = refused(std::move(token.error()));
  }
  finishing_.erase(id);
  ended_();
  co_return outcome;
}

asio::awaitable<Result<identity::VerifiedToken, std::string>> SamlSignIns::read(
    std::string request_id, Secret response) {
  protocol::SamlFinish question{
      .response = std::string(response.reveal()),
      .in_response_to = std::move(request_id),
      .now = {std::chrono::floor<std::chrono::seconds>(host::now().wall.since_epoch)}};
  const auto assertion = co_await link_.finish(std::move(question));
  if (!assertion) co_return Unexpected{assertion.error().message};
  auto token = identity::token_of(*assertion, settings_.saml->person, host::now().wall);
  if (!token) co_return Unexpected{std::string(to_string(token.error()))};
  co_return *std::move(token);
}

void SamlSignIns::forget(ConnectionId id) {
  if (requests_.forget(id)) ended_();
}

bool SamlSignIns::waits(const identity::Binding& binding) const {
  const auto is_it = [&](const auto& entry) { return entry.second == binding; };
  return requests_.waits(binding, host::now().mono) ||
         std::any_of(finishing_.begin(), finishing_.end(), is_it);
}

}  // namespace veilwire::agent_identity
