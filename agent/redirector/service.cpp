#include "agent/redirector/service.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>

namespace veilwire::redirector {
namespace {

using host::protocol::RedirectorAnswer;
using host::protocol::RedirectorMessage;
using host::protocol::RedirectorRequest;
using host::protocol::RedirectorStatus;
using host::protocol::RedirectorTargets;

constexpr int kSoNetnsCookie = 71;  // SO_NETNS_COOKIE, missing from older C libraries
// Kept while no proxy takes them, the newest: somebody may detach us again and again.
constexpr std::size_t kMostNotices = 256;

RedirectorAnswer make_answer(RedirectorStatus status, int error = 0) {
  return {host::protocol::kRedirectorVersion, status, static_cast<std::uint32_t>(error)};
}

template <class T>
bool option(int fd, int name, T& value) {
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 && size == sizeof(value);
}

}  // namespace

std::optional<ListenerFacts> inspect_listener(int fd) {
  int protocol = 0;
  int listening = 0;
  ListenerFacts facts;
  if (!option(fd, SO_PROTOCOL, protocol) || protocol != IPPROTO_TCP) return std::nullopt;
  if (!option(fd, SO_ACCEPTCONN, listening) || listening == 0) return std::nullopt;
  if (!option(fd, kSoNetnsCookie, facts.netns_cookie)) return std::nullopt;
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof(address));
    if (address.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) return std::nullopt;
    facts.port = ntohs(address.sin_port);
    return facts;
  }
  if (storage.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 address{};
  std::memcpy(&address, &storage, sizeof(address));
  if (std::memcmp(&address.sin6_addr, &in6addr_loopback, sizeof(in6_addr)) != 0)
    return std::nullopt;
  facts.port = ntohs(address.sin6_port);
  facts.six = true;
  return facts;
}

Service::Service(host::UniqueFd listener, std::uint32_t proxy_uid, KernelMaps& maps,
                 Targets& targets, std::function<bool(int)> registered)
    : listener_(std::move(listener)),
      proxy_uid_(proxy_uid),
      maps_(maps),
      targets_(targets),
      registered_(std::move(registered)) {}

void Service::handle_listener() {
  auto accepted = host::accept_local(listener_.get());
  if (!accepted) return;
  if (accepted->peer.uid != proxy_uid_ && accepted->peer.uid != 0) {
    refusals_.warning(
        "refused uid " + std::to_string(accepted->peer.uid) + " at the redirector's socket",
        host::now().mono);
    const RedirectorAnswer no = make_answer(RedirectorStatus::NotAllowed, EPERM);
    (void)host::send_message(accepted->fd.get(), {reinterpret_cast<const char*>(&no), sizeof(no)});
    return;
  }
  client_pid_ = accepted->peer.pid;
  client_ = std::move(accepted->fd);
  registered_client_ = false;
}

void Service::handle_client() {
  auto message = host::receive_message(client_.get());
  if (!message && message.error() == EAGAIN) return;
  if (!message || (message->bytes.empty() && message->descriptors.empty())) {
    client_.reset();
    return;
  }
  std::vector<int> descriptors;
  Answer reply{};
  try {
    reply = answer(*message, descriptors);
  } catch (const std::system_error& error) {
    host::log::error(std::string("for the proxy: ") + error.what());
    reply = make_answer(RedirectorStatus::Failed, error.code().value());
  } catch (const std::exception& error) {
    host::log::error(std::string("for the proxy: ") + error.what());
    reply = make_answer(RedirectorStatus::Failed);
  }
  const auto sent = host::send_message(
      client_.get(), {reinterpret_cast<const char*>(&reply), sizeof(reply)}, descriptors);
  if (!sent || reply.status == RedirectorStatus::Malformed) client_.reset();
  send_notices();
}

void Service::tell(const host::protocol::RedirectorNotice& notice) {
  if (notices_.size() == kMostNotices) notices_.pop_front();
  notices_.push_back(notice);
  send_notices();
}

void Service::send_notices() {
  while (client_ && registered_client_ && !notices_.empty()) {
    const auto& notice = notices_.front();
    if (!host::send_message(client_.get(),
                            {reinterpret_cast<const char*>(&notice), sizeof(notice)}))
      return;
    notices_.pop_front();
  }
}

Service::Answer Service::answer(host::Message& message, std::vector<int>& descriptors) {
  RedirectorRequest head{};
  if (message.bytes.size() < sizeof(head)) return make_answer(RedirectorStatus::Malformed, EINVAL);
  std::memcpy(&head, message.bytes.data(), sizeof(head));
  if (head.version != host::protocol::kRedirectorVersion || head.reserved != 0)
    return make_answer(RedirectorStatus::Malformed, EINVAL);
  const bool bare = message.bytes.size() == sizeof(head);
  switch (head.type) {
    case RedirectorMessage::Hello:
      if (bare && message.descriptors.empty()) return hello(descriptors);
      break;
    case RedirectorMessage::Listeners:
      if (bare && !message.descriptors.empty()) return mark(message.descriptors);
      break;
    case RedirectorMessage::Targets:
      if (message.bytes.size() == sizeof(RedirectorTargets) && message.descriptors.empty())
        return add_targets(message.bytes);
      break;
  }
  return make_answer(RedirectorStatus::Malformed, EINVAL);
}

Service::Answer Service::hello(std::vector<int>& descriptors) {
  if (!registered_(client_pid_)) return make_answer(RedirectorStatus::Failed, ESRCH);
  descriptors.push_back(maps_.heartbeat_fd());
  return make_answer(RedirectorStatus::Ok);
}

Service::Answer Service::mark(const std::vector<host::UniqueFd>& sockets) {
  // All or none: what is half right is not what was meant.
  std::vector<ListenerFacts> facts;
  for (const host::UniqueFd& socket : sockets) {
    const auto fact = inspect_listener(socket.get());
    if (!fact) return make_answer(RedirectorStatus::NotAllowed, EINVAL);
    facts.push_back(*fact);
  }
  for (const host::UniqueFd& socket : sockets) maps_.mark_listener(socket.get());
  // A message names all listeners of a namespace: a port that is not in it has gone.
  std::map<std::uint64_t, vw_listener> by_namespace;
  for (const ListenerFacts& fact : facts) {
    vw_listener& listener = by_namespace[fact.netns_cookie];
    (fact.six ? listener.port6 : listener.port4) = fact.port;
  }
  for (const auto& [cookie, listener] : by_namespace) maps_.set_listener(cookie, listener);
  registered_client_ = true;
  return make_answer(RedirectorStatus::Ok);
}

Service::Answer Service::add_targets(const std::string& bytes) {
  RedirectorTargets targets{};
  std::memcpy(&targets, bytes.data(), sizeof(targets));
  if (targets.count == 0 || targets.count > host::protocol::kRedirectorMaxAddresses ||
      targets.lifetime_seconds == 0 ||
      targets.lifetime_seconds > host::protocol::kRedirectorMaxTargetTime)
    return make_answer(RedirectorStatus::Malformed, EINVAL);
  for (std::uint32_t i = 0; i < targets.count; ++i) {
    Address address{};
    std::copy_n(static_cast<const std::uint8_t*>(targets.addresses[i]), address.size(),
                address.begin());
    // A name that resolves to loopback must not draw this host's own services in.
    if (is_loopback(address) || is_unspecified(address))
      return make_answer(RedirectorStatus::NotAllowed, EADDRNOTAVAIL);
    if (!targets_.add(address, std::chrono::seconds(targets.lifetime_seconds),
                      Targets::Time::clock::now()))
      return make_answer(RedirectorStatus::Full, ENOSPC);
  }
  return make_answer(RedirectorStatus::Ok);
}

}  // namespace veilwire::redirector
