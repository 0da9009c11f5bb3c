#include "agent/signer/server.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/host/protocol/signer.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/random.h"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace veilwire::signer {
namespace {

namespace protocol = host::protocol;

constexpr int kRequestsAtOnce = 16;

}  // namespace

Server::Server(ServerOptions options, Authorities authorities, IssuerOptions issuer)
    : known_(std::move(authorities.known)),
      issuer_(std::move(authorities.signing), std::move(issuer), crypto::system_random(),
              host::now()),
      server_({.listener = std::move(options.listener),
               .status = std::move(options.status),
               .allowed = {options.proxy_uid},
               .most_connections = host::kProxyConnections,
               .turn = kRequestsAtOnce},
              {.message = [this](auto id, auto message) { return take(id, message); },
               .status = [this] { return status(); },
               .closed = [this](auto id) { askers_.erase(id); },
               .turned = [this] { take_replaced(); },
               .deadline = nullptr}) {}

void Server::replace(Authorities authorities) {
  {
    const std::lock_guard lock(mutex_);
    replaced_ = std::move(authorities);
  }
  server_.wake();
}

void Server::take_replaced() {
  std::optional<Authorities> next;
  {
    const std::lock_guard lock(mutex_);
    next.swap(replaced_);
  }
  if (!next) return;
  known_ = std::move(next->known);
  if (next->signing.certificate_der() == issuer_.authority().certificate_der()) return;
  try {
    issuer_.replace(std::move(next->signing), host::now().wall);
  } catch (const std::runtime_error& e) {
    host::log::error(std::string("the former CA goes on signing: ") + e.what());
    return;
  }
  host::log::info("signing with " + issuer_.authority().subject());
  for (const std::uint64_t asker : askers_) server_.close(asker);
}

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
  askers_.insert(connection);
  auto encoded = protocol::encode(reply);
  if (!encoded) return false;  // the issuer bounds its chains: cannot be
  server_.send(connection, *std::move(encoded));
  return true;
}

namespace {

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.since_epoch).count();
}

std::string sha256_of(const std::string& der) { return crypto::hex_encode(crypto::sha256(der)); }

}  // namespace

std::string Server::status() const {
  const Issuer::Counters& c = issuer_.counters();
  const WallTime until = issuer_.authority().not_after();
  const bool healthy = host::now().wall < until;
  const std::string used = issuer_.authority().certificate_der();
  std::string authorities;
  for (const wire::AuthorityChain& chain : known_)
    authorities += std::string(authorities.empty() ? "" : ",") + R"({"sha256":")" +
                   sha256_of(chain.der) + R"(","signs":)" + (chain.der == used ? "true" : "false") +
                   protocol::status_member("not_after", seconds_of(chain.not_after)) + "}";
  return std::string(R"({"program":"veilwire-signer","healthy":)") + (healthy ? "true" : "false") +
         R"(,"ca_sha256":")" + sha256_of(used) + "\"" +
         protocol::status_member("ca_not_after", seconds_of(until)) + R"(,"authorities":[)" +
         authorities + "]" + protocol::status_member("connections", server_.connections()) +
         protocol::status_member("made", c.made) +
         protocol::status_member("from_cache", c.from_cache) +
         protocol::status_member("not_permitted", c.not_permitted) +
         protocol::status_member("bad", c.bad) + protocol::status_member("too_many", c.too_many) +
         protocol::status_member("unavailable", c.unavailable) +
         protocol::status_member("refused_askers", server_.refused()) + "}";
}

}  // namespace veilwire::signer
