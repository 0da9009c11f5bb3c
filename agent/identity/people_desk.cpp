#include "agent/identity/people_desk.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using identity::Binding;
using identity::CallbackError;
using identity::Found;
using protocol::PeopleAnswer;
using protocol::PeopleAsk;
using protocol::PeopleSession;
using std::chrono::seconds;

PeopleAnswer refused(std::string why) {
  return {.what = PeopleAnswer::What::Refused, .text = std::move(why)};
}

PeopleSession shown(const Binding& binding, const identity::Session& session,
                    identity::PersonClass person_class, identity::Standing standing, Now now) {
  const auto expires = identity::expiry_of(session, now) - now.mono;
  return {.issuer = session.person.issuer,
          .subject = session.person.subject,
          .name = session.person.name,
          .groups = session.person.groups,
          .person_class = std::string(to_string(person_class)),
          .method = session.person.method,
          .binding = to_string(binding),
          .standing = std::string(to_string(standing)),
          .age = std::chrono::floor<seconds>(identity::age_of(session, now)),
          .expires = std::max(std::chrono::floor<seconds>(expires), seconds(0))};
}

PeopleAnswer shown(const Found& found) {
  return {.what = PeopleAnswer::What::Session,
          .session = shown(found.binding, *found.session, found.person_class, found.standing,
                           host::now())};
}

PeopleAnswer shown(const DeviceSignIns::Outcome& outcome) {
  return outcome ? shown(*outcome) : refused(outcome.error());
}

PeopleAnswer shown(const DeviceSignIns::Offer& offer) {
  return {.what = PeopleAnswer::What::Device,
          .text = offer.address,
          .code = offer.code,
          .complete = offer.complete,
          .expires = std::chrono::floor<seconds>(offer.until - host::now().mono)};
}

PeopleAnswer of_machine(const Machine& machine) {
  return refused("this process acts for the machine " + machine.rule().name +
                 ", for which nobody signs in");
}

// An end that a restart would take back must not look like one.
constexpr const char* kNotAtRest =
    "it has ended, but that cannot be written down, so that a restart of veilwire-identity may "
    "bring "
    "it back; an administrator finds the reason in its log";
constexpr const char* kNobodySignsIn =
    "people do not sign in on this host: [identity] has no issuer";
constexpr const char* kNoDevice =
    "the identity provider of this host knows sign-ins in a browser alone; where that is on "
    "another machine, forward the port of the callback to it (ssh -L, see veilwire(1)) and run "
    "`veilwire login --no-browser`";

}  // namespace

PeopleDesk::PeopleDesk(asio::io_context& io, Parts parts,
                       std::function<void(ConnectionId, std::string)> send)
    : io_(io), parts_(std::move(parts)), send_(std::move(send)) {}

bool PeopleDesk::opened(ConnectionId id, int fd, const host::Credentials& credentials) {
  people_.emplace(id, Person{.who = local_peer(fd, credentials, parts_.cgroups)});
  return true;
}

void PeopleDesk::closed(ConnectionId id) {
  people_.erase(id);
  if (parts_.saml != nullptr) parts_.saml->forget(id);
}

PeopleDesk::Person* PeopleDesk::person(ConnectionId id) {
  const auto at = people_.find(id);
  return at == people_.end() ? nullptr : &at->second;
}

void PeopleDesk::answer(ConnectionId id, const Answer& answer) {
  if (person(id) != nullptr) send_(id, protocol::encode(answer));
}

bool PeopleDesk::message(ConnectionId id, std::string_view message) {
  Person* const asks = person(id);
  if (asks == nullptr || asks->busy) return false;
  auto ask = protocol::decode_people_ask(message);
  if (!ask) {
    if (ask.error() != protocol::PeopleProtocolError::OtherVersion) return false;
    answer(id, refused("this command is of another version than veilwire-identity, which speaks " +
                       std::to_string(protocol::kPeopleVersion)));
    return true;
  }
  if (!asks->who) {
    answer(id, refused(std::string(asks->who.error())));
    return true;
  }
  asks->busy = true;
  asio::co_spawn(io_, take(id, *std::move(ask)), asio::detached);
  return true;
}

asio::awaitable<void> PeopleDesk::take(ConnectionId id, PeopleAsk ask) {
  Person* asks = person(id);
  if (asks == nullptr) co_return;
  const LocalPeer who = *asks->who;
  std::optional<Answer> result;
  switch (ask.what) {
    case PeopleAsk::What::WhoAmI:
      result = whoami(who);
      break;
    case PeopleAsk::What::Login:
      if (parts_.saml != nullptr)
        result = co_await login_saml(id, who);
      else
        result = co_await login(id, who, ask.port);
      break;
    case PeopleAsk::What::Callback:
      result = co_await callback(id, who, std::move(ask.text));
      break;
    case PeopleAsk::What::Response:
      result = co_await response(id, who, std::move(ask));
      break;
    case PeopleAsk::What::LoginDevice:
      result = login_device(id, who);
      break;
    case PeopleAsk::What::Logout:
      result = co_await logout(who);
      break;
    case PeopleAsk::What::Attach: {
      const auto attached = co_await parts_.keeper.attach(who, std::move(ask.text));
      result = shown(attached);
      break;
    }
    case PeopleAsk::What::Sessions:
    case PeopleAsk::What::Revoke: {
      const bool may = co_await is_operator(who);
      if (!may) {
        result = refused("only root, and who is in the operators' group, may do that");
      } else if (ask.what == PeopleAsk::What::Sessions) {
        list_sessions(id);
        result = Answer{.what = Answer::What::Done};
      } else {
        const std::size_t count = parts_.keeper.revoke(std::string(ask.text.reveal()));
        host::log::info("user " + std::to_string(who.peer.uid) + " ended " + std::to_string(count) +
                        " sessions of a subject");
        result = Answer{.what = Answer::What::Done, .count = static_cast<std::uint32_t>(count)};
        const bool at_rest = co_await parts_.keeper.at_rest();
        if (!at_rest) result = refused(kNotAtRest);
      }
      break;
    }
  }
  asks = person(id);
  if (asks == nullptr) co_return;
  asks->busy = false;
  if (result) answer(id, *result);
}

PeopleAnswer PeopleDesk::whoami(const LocalPeer& who) const {
  const Found found = parts_.keeper.find(who.peer, who.place);
  if (stands(found.standing)) return shown(found);
  const Machine* const machine = parts_.keeper.machine_of(who);
  if (machine != nullptr && found.standing == identity::Standing::Unknown)
    return {.what = Answer::What::Nobody,
            .text = "the machine " + machine->rule().name +
                    ", for which this process acts, signs in with its next request"};
  return {.what = Answer::What::Nobody, .text = reason(found)};
}

asio::awaitable<PeopleAnswer> PeopleDesk::logout(LocalPeer who) {
  const Found found = parts_.keeper.find(who.peer, who.place);
  // A job has what its token gave it: what it starts must not take that away. The same holds for
  // a machine, which would sign in again at once.
  const bool may = found.session != nullptr && found.binding.kind != identity::BindingKind::Job &&
                   found.session->person.method != identity::kMachineMethod;
  if (!may || !parts_.keeper.sign_out(found.binding))
    co_return Answer{.what = Answer::What::Nobody, .text = reason(found)};
  const bool at_rest = co_await parts_.keeper.at_rest();
  if (!at_rest) co_return refused(kNotAtRest);
  co_return Answer{.what = Answer::What::Done};
}

asio::awaitable<PeopleAnswer> PeopleDesk::login(ConnectionId id, LocalPeer who,
                                                std::uint16_t port) {
  if (parts_.client == nullptr) co_return refused(kNobodySignsIn);
  if (const Machine* machine = parts_.keeper.machine_of(who)) co_return of_machine(*machine);
  const auto binding = binding_for_sign_in(who.peer, who.place, parts_.settings.bindings);
  if (!binding) co_return refused(std::string(to_string(binding.error())));
  const auto provider = co_await parts_.client->issuer().provider();
  if (!provider) {
    host::log::warning("no sign-in: " + host::log::printable(to_string(provider.error())));
    co_return refused("the identity provider does not answer; try again in a moment");
  }
  // Without consent, no IdP gives what refreshes (OpenID Connect Core 1.0, 11).
  const bool offline = parts_.settings.scope.find("offline_access") != std::string::npos;
  auto key = parts_.client->new_key(**provider);
  auto request = identity::AuthorizationRequest::make(
      **provider, parts_.settings.client.id, {.port = port, .path = parts_.settings.redirect_path},
      {.scope = parts_.settings.scope,
       .prompt = offline ? "consent" : "",
       .proof_key = key ? key->thumbprint() : ""},
      parts_.random);
  if (!request)
    co_return refused(
        "the identity provider offers no sign-in in a browser; try `veilwire login --device`");
  Person* const asks = person(id);
  if (asks == nullptr) co_return Answer{};
  asks->browser = *std::move(request);
  asks->key = std::move(key);
  co_return Answer{.what = Answer::What::Address, .text = asks->browser->url()};
}

asio::awaitable<PeopleAnswer> PeopleDesk::callback(ConnectionId id, LocalPeer who, Secret target) {
  Person* const asks = person(id);
  if (asks == nullptr || !asks->browser) co_return refused("no sign-in is under way");
  identity::AuthorizationRequest& browser = *asks->browser;
  const auto code = browser.take_callback(target.reveal());
  if (!code) {
    const CallbackError error = code.error().error;
    const bool stranger = error == CallbackError::WrongPath || error == CallbackError::Malformed ||
                          error == CallbackError::WrongState;
    if (stranger) co_return Answer{.what = Answer::What::Again};
    std::string why(to_string(error));
    if (error == CallbackError::Refused) {
      why += " (" + std::string(to_string(code.error().code));
      if (!code.error().said.empty()) why += ": " + code.error().said;
      why += ")";
    }
    co_return refused(std::move(why));
  }
  const auto provider = co_await parts_.client->issuer().provider();
  if (!provider) co_return refused("the identity provider does not answer; sign in again");
  // The connection may have gone in the meantime, and with it the request.
  Person* const still = person(id);
  if (still == nullptr || !still->browser) co_return Answer{};
  auto request = identity::code_request(parts_.client->context(**provider), *code,
                                        still->browser->redirect_uri(), still->browser->verifier());
  const std::string nonce = still->browser->nonce();
  const auto key = std::exchange(still->key, std::nullopt);
  if (!request) co_return refused("the identity provider has no token endpoint");
  const Monotonic asked_at = host::now().mono;
  const auto response = co_await parts_.client->ask(*std::move(request), key);
  if (!response) co_return refused("the identity provider does not answer; sign in again");
  auto tokens = identity::read_tokens(*response, identity::IdToken::Required, asked_at,
                                      parts_.client->token_type(key));
  if (!tokens) {
    host::log::warning("no tokens for a code: " + host::log::printable(to_string(tokens.error())));
    co_return refused(
        "the identity provider gives no tokens; an administrator finds the reason in "
        "the log of veilwire-identity");
  }
  if (key) tokens->proof_key = key->to_pem();
  const auto outcome =
      co_await parts_.keeper.sign_in(std::move(who), *std::move(tokens), "pkce", nonce);
  co_return shown(outcome);
}

asio::awaitable<PeopleAnswer> PeopleDesk::login_saml(ConnectionId id, LocalPeer who) {
  if (const Machine* machine = parts_.keeper.machine_of(who)) co_return of_machine(*machine);
  const auto begun = co_await parts_.saml->begin(id, std::move(who));
  // Nobody listens on the callback any more.
  if (person(id) == nullptr) parts_.saml->forget(id);
  if (!begun) co_return refused(begun.error());
  co_return Answer{.what = Answer::What::Address, .text = begun->url, .callback = begun->callback};
}

asio::awaitable<PeopleAnswer> PeopleDesk::response(ConnectionId id, LocalPeer who, PeopleAsk ask) {
  if (parts_.saml == nullptr) co_return refused("people do not sign in with SAML on this host");
  const auto ended = co_await parts_.saml->finish(id, std::move(who), std::move(ask.relay_state),
                                                  std::move(ask.text));
  if (!ended) co_return refused(ended.error());
  if (!*ended) co_return Answer{.what = Answer::What::Again};
  co_return shown(**ended);
}

std::optional<PeopleAnswer> PeopleDesk::login_device(ConnectionId id, const LocalPeer& who) {
  if (parts_.saml != nullptr) return refused(kNoDevice);
  if (parts_.device == nullptr) return refused(kNobodySignsIn);
  if (const Machine* machine = parts_.keeper.machine_of(who)) return of_machine(*machine);
  const auto binding = binding_for_sign_in(who.peer, who.place, parts_.settings.bindings);
  if (!binding) return refused(std::string(to_string(binding.error())));
  const auto begun = parts_.device->begin(who, *binding);
  if (!begun) return refused(begun.error());
  person(id)->device = *binding;
  if (const auto* const offer = parts_.device->offer(*binding)) return shown(*offer);
  return std::nullopt;  // offered() gives it
}

void PeopleDesk::offered(const Binding& binding) {
  const auto* const offer = parts_.device->offer(binding);
  if (offer == nullptr) return;
  for (const auto& [id, waits] : people_)
    if (waits.device == binding) answer(id, shown(*offer));
}

void PeopleDesk::ended(const Binding& binding, const DeviceSignIns::Outcome& outcome) {
  for (auto& [id, waits] : people_) {
    if (waits.device != binding) continue;
    waits.device.reset();
    answer(id, shown(outcome));
  }
}

asio::awaitable<bool> PeopleDesk::is_operator(LocalPeer who) {
  if (who.peer.uid == 0) co_return true;
  const std::string& group = parts_.settings.operator_group;
  if (group.empty()) co_return false;
  const auto account = co_await parts_.accounts.find(who.peer.uid);
  if (!account || !*account) co_return false;
  const auto& groups = (*account)->groups;
  co_return std::find(groups.begin(), groups.end(), group) != groups.end();
}

void PeopleDesk::list_sessions(ConnectionId id) {
  const Now now = host::now();
  const identity::SessionTable& table = parts_.keeper.table();
  for (const auto& [binding, session] : table.sessions())
    answer(id, {.what = Answer::What::Session,
                .session = shown(binding, session, session.person.person_class,
                                 standing_of(session, table.times(), now), now)});
}

}  // namespace veilwire::agent_identity
