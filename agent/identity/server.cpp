#include "agent/identity/server.h"

#include "agent/host/log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

namespace log = host::log;
namespace protocol = host::protocol;

// The proxy needs one, and one more while it is replaced; the rest is somebody who has its user and
// misuses it.
constexpr std::size_t kConnections = 16;
// Taken from one connection before the others have their turn.
constexpr int kQuestionsAtOnce = 64;

Monotonic monotonic_now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return {std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec)};
}

host::UniqueFd make_eventfd() {
  host::UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

// Rounded up, so that the loop does not spin in the last millisecond.
int poll_timeout(std::optional<Monotonic> deadline, Monotonic now) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

}  // namespace

Server::Server(ServerOptions options, std::shared_ptr<IdentitySource> source)
    : options_(std::move(options)),
      wake_(make_eventfd()),
      lookups_(std::move(source), options_.limits, [fd = wake_.get()] {
        const std::uint64_t one = 1;
        // Fails only when the counter is full, and then the loop is being woken anyway.
        static_cast<void>(!::write(fd, &one, sizeof one));
      }) {}

Server::~Server() = default;

void Server::run(int stop) {
  std::vector<pollfd> polled;
  std::vector<std::uint64_t> ids;
  while (true) {
    polled = {{stop, POLLIN, 0},
              {wake_.get(), POLLIN, 0},
              {connections_.size() < kConnections ? options_.listener.get() : -1, POLLIN, 0},
              {options_.status ? options_.status->descriptor() : -1, POLLIN, 0}};
    ids.clear();
    for (const auto& [id, connection] : connections_) {
      // Who does not take answers asks no more questions.
      const short events = connection.unsent.empty() ? POLLIN : POLLOUT;
      polled.push_back({connection.fd.get(), events, 0});
      ids.push_back(id);
    }
    const int n = ::poll(polled.data(), polled.size(),
                         poll_timeout(lookups_.next_deadline(), monotonic_now()));
    if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    if (n < 0) continue;
    if (polled[0].revents != 0) return;
    if (polled[1].revents != 0) {
      std::uint64_t count = 0;
      static_cast<void>(!::read(wake_.get(), &count, sizeof count));
    }
    const Monotonic now = monotonic_now();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (polled[4 + i].revents == 0) continue;
      Connection& connection = connections_.at(ids[i]);
      send_unsent(connection);
      if (connection.unsent.empty()) read_questions(ids[i], connection, now);
    }
    for (Answered& answered : lookups_.collect(now)) {
      const auto it = connections_.find(answered.ticket.connection);
      if (it != connections_.end())
        reply(it->second, answered.ticket.question, std::move(answered.who));
    }
    if (polled[2].revents != 0) accept_all();
    if (polled[3].revents != 0) options_.status->answer([this] { return status(); });
    std::erase_if(connections_, [this](const auto& entry) {
      if (entry.second.broken) lookups_.forget(entry.first);
      return entry.second.broken;
    });
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
      log::warning("refused a question of uid " + std::to_string(accepted->peer.uid) +
                   ", process " + std::to_string(accepted->peer.pid) + ": only the proxy may ask");
      continue;
    }
    connections_[next_connection_++].fd = std::move(accepted->fd);
  }
}

void Server::read_questions(std::uint64_t id, Connection& connection, Monotonic now) {
  for (int i = 0; i < kQuestionsAtOnce && connection.unsent.empty(); ++i) {
    const auto message = host::receive_message(connection.fd.get());
    if (!message) {
      if (message.error() != EAGAIN) connection.broken = true;
      return;
    }
    if (message->bytes.empty()) {  // the proxy has closed
      connection.broken = true;
      return;
    }
    const auto question = protocol::decode_identity_question(message->bytes);
    if (!question) {
      log::warning(
          "a question that is not of this version's protocol: the proxy and veilwire-identity must "
          "be of one "
          "package");
      connection.broken = true;
      return;
    }
    if (auto who = lookups_.ask(question->peer, {id, question->id}, now))
      reply(connection, question->id, *std::move(who));
  }
}

void Server::reply(Connection& connection, std::uint64_t question, Who who) {
  auto message = protocol::encode(protocol::IdentityAnswer{question, std::move(who)});
  if (!message)
    message = protocol::encode(protocol::IdentityAnswer{
        question, protocol::NobodyKnown{"the groups of this user do not fit an answer: more than " +
                                        std::to_string(protocol::kIdentityGroups) +
                                        " or with very long names"}});
  connection.unsent.push_back(*std::move(message));
  send_unsent(connection);
}

void Server::send_unsent(Connection& connection) {
  while (!connection.unsent.empty()) {
    const auto sent = host::send_message(connection.fd.get(), connection.unsent.front());
    if (!sent) {
      if (sent.error() != EAGAIN) {
        connection.broken = true;
        connection.unsent.clear();
      }
      return;
    }
    connection.unsent.pop_front();
  }
}

std::string Server::status() const {
  const Lookups::Counters& c = lookups_.counters();
  const auto member = [](std::string_view name, std::uint64_t value) {
    return ",\"" + std::string(name) + "\":" + std::to_string(value);
  };
  return R"({"program":"veilwire-identity","healthy":true,"source":"local")" +
         member("connections", connections_.size()) + member("asked", c.asked) +
         member("from_cache", c.from_cache) + member("looked_up", c.looked_up) +
         member("refused", c.refused) + member("too_late", c.too_late) +
         member("too_many", c.too_many) + member("open", lookups_.open()) +
         member("refused_askers", refused_askers_) + "}";
}

}  // namespace veilwire::agent_identity
