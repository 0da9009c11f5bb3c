#include "agent/credentials/server.h"

#include "agent/host/clock.h"

#include <optional>
#include <utility>

namespace veilwire::credentials {
namespace {

namespace protocol = host::protocol;

constexpr int kQuestionsAtOnce = 64;

// Reasons are printable (protocol/credentials.h).
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out + '"';
}

}  // namespace

Server::Server(ServerOptions options, std::map<std::string, KeptSource> sources)
    : server_({.listener = std::move(options.listener),
               .status = std::move(options.status),
               .allowed = {options.proxy_uid},
               .most_connections = host::kProxyConnections,
               .turn = kQuestionsAtOnce},
              {.message = [this](auto id, auto message) { return take(id, message); },
               .status = [this] { return status(); },
               .closed = [this](auto id) { keeper_.forget(id); },
               .turned =
                   [this] {
                     for (Answered& answered : keeper_.collect(host::now().mono))
                       reply(answered.ticket, answered.name, std::move(answered.what));
                   },
               .deadline = nullptr}),
      keeper_(std::move(sources), [this] { server_.wake(); }) {}

bool Server::take(std::uint64_t connection, std::string_view message) {
  const Now now = host::now();
  const auto question = protocol::decode_credential_question(message);
  if (!question) {
    log_.warning(
        "a question that is not of this version's protocol: the proxy and veilwire-credentials "
        "must be of one package",
        now.mono);
    return false;
  }
  const Ticket ticket{connection, question->id};
  if (question->anew)
    log_.warning("the credential " + question->name + " has been refused by its host", now.mono);
  auto what = keeper_.ask(question->name, ticket, now.mono, question->anew);
  if (what) reply(ticket, question->name, *std::move(what));
  return true;
}

void Server::reply(const Ticket& ticket, const std::string& name, What what) {
  if (const auto* none = std::get_if<protocol::NoCredential>(&what))
    log_.warning("no credential " + name + ": " + none->reason, host::now().mono);
  // A keeper holds nothing that does not fit.
  if (auto message = protocol::encode(protocol::CredentialAnswer{ticket.question, std::move(what)}))
    server_.send(ticket.connection, *std::move(message));
}

std::string Server::status() const {
  const Keeper::Counters& c = keeper_.counters();
  std::string sources;
  bool healthy = true;
  for (const Keeper::Health& health : keeper_.health(host::now().mono)) {
    using State = Keeper::Health::State;
    if (health.state == State::Failed || health.state == State::Kept) healthy = false;
    sources += std::string(sources.empty() ? "" : ",") + "{\"name\":" + quoted(health.name) +
               ",\"kind\":" + quoted(health.kind) + ",\"state\":" + quoted(to_string(health.state));
    if (!health.reason.empty()) sources += ",\"reason\":" + quoted(health.reason);
    if (health.age)
      sources +=
          protocol::status_member("age_seconds", static_cast<std::uint64_t>(health.age->count()));
    sources += '}';
  }
  return std::string(R"({"program":"veilwire-credentials","healthy":)") +
         (healthy ? "true" : "false") +
         protocol::status_member("connections", server_.connections()) +
         protocol::status_member("asked", c.asked) + protocol::status_member("fetched", c.fetched) +
         protocol::status_member("failed", c.failed) +
         protocol::status_member("refused", c.refused) +
         protocol::status_member("refused_askers", server_.refused()) + ",\"sources\":[" + sources +
         "]}";
}

}  // namespace veilwire::credentials
