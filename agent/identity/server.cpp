#include "agent/identity/server.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"

#include <utility>

namespace veilwire::agent_identity {
namespace {

namespace protocol = host::protocol;

constexpr int kQuestionsAtOnce = 64;

}  // namespace

Server::Server(ServerOptions options, std::shared_ptr<IdentitySource> source)
    : server_({.listener = std::move(options.listener),
               .status = std::move(options.status),
               .allowed = {options.proxy_uid},
               .most_connections = host::kProxyConnections,
               .turn = kQuestionsAtOnce},
              {.message = [this](auto id, auto message) { return take(id, message); },
               .status = [this] { return status(); },
               .closed = [this](auto id) { lookups_.forget(id); },
               .turned =
                   [this] {
                     for (Answered& answered : lookups_.collect(host::now().mono))
                       reply(answered.ticket, std::move(answered.who));
                   },
               .deadline = [this] { return lookups_.next_deadline(); }}),
      lookups_(std::move(source), options.limits, [this] { server_.wake(); }) {}

bool Server::take(std::uint64_t connection, std::string_view message) {
  const auto question = protocol::decode_identity_question(message);
  if (!question) {
    host::log::warning(
        "a question that is not of this version's protocol: the proxy and veilwire-identity must "
        "be of one package");
    return false;
  }
  const Ticket ticket{connection, question->id};
  if (auto who = lookups_.ask(question->peer, ticket, host::now().mono))
    reply(ticket, *std::move(who));
  return true;
}

void Server::reply(const Ticket& ticket, Who who) {
  auto message = protocol::encode(protocol::IdentityAnswer{ticket.question, std::move(who)});
  if (!message)
    message = protocol::encode(protocol::IdentityAnswer{
        ticket.question,
        protocol::NobodyKnown{.reason = "the groups of this user do not fit an answer: more than " +
                                        std::to_string(protocol::kIdentityGroups) +
                                        " or with very long names"}});
  server_.send(ticket.connection, *std::move(message));
}

std::string Server::status() const {
  const Lookups::Counters& c = lookups_.counters();
  return R"({"program":"veilwire-identity","healthy":true,"source":"local")" +
         protocol::status_member("connections", server_.connections()) +
         protocol::status_member("asked", c.asked) +
         protocol::status_member("from_cache", c.from_cache) +
         protocol::status_member("looked_up", c.looked_up) +
         protocol::status_member("refused", c.refused) +
         protocol::status_member("too_late", c.too_late) +
         protocol::status_member("too_many", c.too_many) +
         protocol::status_member("open", lookups_.open()) +
         protocol::status_member("refused_askers", server_.refused()) + "}";
}

}  // namespace veilwire::agent_identity
