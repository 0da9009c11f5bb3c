#include "agent/signer/server.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/host/protocol/signer.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <chrono>
#include <utility>

namespace veilwire::signer {
namespace {

namespace protocol = host::protocol;

constexpr int kRequestsAtOnce = 16;

}  // namespace

Server::Server(ServerOptions options, Issuer issuer)
    : issuer_(std::move(issuer)),
      server_({.listener = std::move(options.listener),
               .status = std::move(options.status),
               .allowed = {options.proxy_uid},
               .most_connections = host::kProxyConnections,
               .turn = kRequestsAtOnce},
              {.message = [this](auto id, auto message) { return take(id, message); },
               .status = [this] { return status(); },
               .closed = nullptr,
               .turned = nullptr,
               .deadline = nullptr}) {}

bool Server::take(std::uint64_t connection, std::string_view message) {
  const Now now = host::now();
  const auto request = protocol::decode_signer_request(message);
  if (!request) {
    log_.warning(
        "a request that is not of this version's protocol: the proxy and veilwire-signer must be "
        "of one package",
        now.mono);
    return false;
  }
  const protocol::SignerReply reply = issuer_.answer(*request, now);
  if (reply.status != protocol::SignerStatus::Signed)
    log_.warning("no certificate for " + host::log::printable(request->name) + ": " +
                     std::string(protocol::to_string(reply.status)),
                 now.mono);
  auto encoded = protocol::encode(reply);
  if (!encoded) return false;  // the issuer bounds its chains: cannot be
  server_.send(connection, *std::move(encoded));
  return true;
}

std::string Server::status() const {
  const Issuer::Counters& c = issuer_.counters();
  const WallTime until = issuer_.authority().not_after();
  const bool healthy = host::now().wall < until;
  return std::string(R"({"program":"veilwire-signer","healthy":)") + (healthy ? "true" : "false") +
         R"(,"ca_sha256":")" +
         crypto::hex_encode(crypto::sha256(issuer_.authority().certificate_der())) + "\"" +
         protocol::status_member(
             "ca_not_after", std::chrono::floor<std::chrono::seconds>(until.since_epoch).count()) +
         protocol::status_member("connections", server_.connections()) +
         protocol::status_member("made", c.made) +
         protocol::status_member("from_cache", c.from_cache) +
         protocol::status_member("not_permitted", c.not_permitted) +
         protocol::status_member("bad", c.bad) + protocol::status_member("too_many", c.too_many) +
         protocol::status_member("unavailable", c.unavailable) +
         protocol::status_member("refused_askers", server_.refused()) + "}";
}

}  // namespace veilwire::signer
