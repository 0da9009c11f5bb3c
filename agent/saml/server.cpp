#include "agent/saml/server.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/base/limits.h"

#include <utility>

namespace veilwire::saml {
namespace {

namespace protocol = host::protocol;

// veilwire-identity opens one for each question that is under way.
constexpr std::size_t kConnections = 64;
constexpr int kQuestionsAtOnce = 1;  // an answer takes milliseconds

}  // namespace

Server::Server(ServerOptions options, Service service)
    : service_(std::move(service)),
      server_({.listener = std::move(options.listener),
               .status = std::move(options.status),
               .allowed = {options.identity_uid},
               .most_connections = kConnections,
               .turn = kQuestionsAtOnce},
              {.message = [this](auto id, auto message) { return take(id, message); },
               .status = [this] { return status(); },
               .closed = nullptr,
               .turned = nullptr,
               .deadline = nullptr}) {}

bool Server::take(std::uint64_t connection, std::string_view message) {
  const Monotonic now = host::now().mono;
  const auto question = protocol::decode_saml_question(message);
  if (!question) {
    log_.warning(
        "a question that is not of this version's protocol: veilwire-identity and veilwire-saml "
        "must be of one package",
        now);
    return false;
  }
  protocol::SamlAnswer answer = service_.answer(*question);
  if (const auto* refused = std::get_if<protocol::SamlRefused>(&answer.what))
    log_.warning("no sign-in: " + std::string(protocol::to_string(refused->error)) +
                     (refused->said.empty() ? "" : ": " + host::log::printable(refused->said)),
                 now);
  auto encoded = protocol::encode(answer);
  // Each text has its bound, but all of them together may not fit one message.
  if (!encoded)
    encoded = protocol::encode(protocol::SamlAnswer{
        question->id, protocol::SamlRefused{protocol::SamlError::TooLarge, {}}});
  if (!encoded) return false;
  server_.send(connection, *std::move(encoded));
  return true;
}

std::string Server::status() const {
  const Service::Counters& c = service_.counters();
  return std::string(R"({"program":"veilwire-saml","healthy":true)") +
         protocol::status_member("connections", server_.connections()) +
         protocol::status_member("begun", c.begun) +
         protocol::status_member("finished", c.finished) +
         protocol::status_member("refused", c.refused) +
         protocol::status_member("refused_askers", server_.refused()) + "}";
}

}  // namespace veilwire::saml
