#include "agent/signer/server.h"

#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <string_view>
#include <system_error>
#include <vector>

#include <poll.h>

namespace veilwire::signer {
namespace {

namespace log = host::log;
namespace protocol = host::protocol;

// The proxy has one a thread, and as many again while it is replaced. Only its user gets this far.
constexpr std::size_t kConnections = 64;
// Every local user can connect and be refused: at most one line in this time is written about it.
constexpr std::chrono::seconds kBetweenWarnings{5};
// Taken from one connection before the others have their turn.
constexpr int kRequestsAtOnce = 16;

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}
Now current_time() { return {{read_clock(CLOCK_MONOTONIC)}, {read_clock(CLOCK_REALTIME)}}; }

}  // namespace

Server::Server(ServerOptions options, Issuer issuer)
    : options_(std::move(options)), issuer_(std::move(issuer)) {}

void Server::run(int stop) {
  std::vector<pollfd> polled;
  std::vector<std::uint64_t> ids;
  while (true) {
    polled = {{stop, POLLIN, 0},
              {connections_.size() < kConnections ? options_.listener.get() : -1, POLLIN, 0},
              {options_.status ? options_.status->descriptor() : -1, POLLIN, 0}};
    ids.clear();
    for (const auto& [id, connection] : connections_) {
      const short events = connection.unsent.empty() ? POLLIN : POLLOUT;
      polled.push_back({connection.fd.get(), events, 0});
      ids.push_back(id);
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (polled[0].revents != 0) return;
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (polled[3 + i].revents != 0) serve(connections_.at(ids[i]));
    if (polled[1].revents != 0) accept_all();
    if (polled[2].revents != 0) options_.status->answer([this] { return status(); });
    std::erase_if(connections_, [](const auto& entry) { return entry.second.broken; });
  }
}

void Server::accept_all() {
  while (connections_.size() < kConnections) {
    auto accepted = host::accept_local(options_.listener.get());
    if (!accepted) {
      const int error = accepted.error();
      if (error == EINTR || error == ECONNABORTED) continue;
      if (error != EAGAIN)
        log::warning("a connection could not be accepted: " +
                     std::generic_category().message(error));
      return;
    }
    if (accepted->peer.uid != options_.proxy_uid) {
      ++refused_askers_;
      warn("refused uid " + std::to_string(accepted->peer.uid) + ", process " +
           std::to_string(accepted->peer.pid) + ": only the proxy is given certificates");
      continue;
    }
    connections_[next_connection_++].fd = std::move(accepted->fd);
  }
}

void Server::serve(Connection& connection) {
  send_unsent(connection);
  for (int i = 0; i < kRequestsAtOnce && connection.unsent.empty() && !connection.broken; ++i) {
    const auto message = host::receive_message(connection.fd.get());
    if (!message) {
      connection.broken = message.error() != EAGAIN;
      return;
    }
    if (message->bytes.empty()) {  // the proxy has closed
      connection.broken = true;
      return;
    }
    const auto request = protocol::decode_signer_request(message->bytes);
    if (!request) {
      warn(
          "a request that is not of this version's protocol: the proxy and veilwire-signer must be "
          "of one package");
      connection.broken = true;
      return;
    }
    const protocol::SignerReply reply = issuer_.answer(*request, current_time());
    if (reply.status != protocol::SignerStatus::Signed)
      warn("no certificate for " + log::printable(request->name) + ": " +
           std::string(protocol::to_string(reply.status)));
    auto encoded = protocol::encode(reply);
    if (!encoded) {  // the issuer bounds its chains: cannot be
      connection.broken = true;
      return;
    }
    connection.unsent = *std::move(encoded);
    send_unsent(connection);
  }
}

void Server::send_unsent(Connection& connection) {
  if (connection.unsent.empty()) return;
  const auto sent = host::send_message(connection.fd.get(), connection.unsent);
  if (!sent && sent.error() == EAGAIN) return;
  connection.broken = !sent;
  connection.unsent.clear();
}

void Server::warn(std::string line) {
  const Monotonic now = current_time().mono;
  if (now < next_warning_) {
    ++silenced_;
    return;
  }
  next_warning_ = now + kBetweenWarnings;
  if (silenced_ != 0) line += " (and " + std::to_string(silenced_) + " such lines left out)";
  silenced_ = 0;
  log::warning(line);
}

std::string Server::status() const {
  const Issuer::Counters& c = issuer_.counters();
  const auto member = [](std::string_view name, auto value) {
    return ",\"" + std::string(name) + "\":" + std::to_string(value);
  };
  const WallTime until = issuer_.authority().not_after();
  const bool healthy = current_time().wall < until;
  return std::string(R"({"program":"veilwire-signer","healthy":)") + (healthy ? "true" : "false") +
         R"(,"ca_sha256":")" +
         crypto::hex_encode(crypto::sha256(issuer_.authority().certificate_der())) + "\"" +
         member("ca_not_after",
                std::chrono::floor<std::chrono::seconds>(until.since_epoch).count()) +
         member("connections", connections_.size()) + member("made", c.made) +
         member("from_cache", c.from_cache) + member("not_permitted", c.not_permitted) +
         member("bad", c.bad) + member("too_many", c.too_many) +
         member("unavailable", c.unavailable) + member("refused_askers", refused_askers_) + "}";
}

}  // namespace veilwire::signer
