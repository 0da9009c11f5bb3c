#include "agent/recorder/service.h"

#include "agent/host/clock.h"
#include "agent/host/limited_log.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/protocol/recorder.h"
#include "agent/recorder/disk_reserve.h"
#include "userspace/audit/canonical_json.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;
using host::UniqueFd;

// Messages read from one writer before the next has its turn.
constexpr int kTurn = 64;

struct Client {
  UniqueFd fd;
  pid_t pid = 0;
  std::optional<WriterId> writer;  // after Hello
  Arrival partial;                 // pieces so far, seq 0: none
  std::uint32_t total = 0;
  std::uint64_t committed = 0;
  bool greeted = false;  // committed has been read from the ledger
  bool answer_due = false;
  bool closing = false;
};

UniqueFd make_eventfd() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

struct Service::State {
  explicit State(ServiceOptions given)
      : options(std::move(given)),
        wake(make_eventfd()),
        committer(
            options.open,
            [this] {
              const std::uint64_t one = 1;
              (void)!::write(wake.get(), &one,
                             sizeof one);  // full means that it is readable anyhow
            },
            options.pace) {}

  void accept_one();
  void read(Client& client);
  bool take(Client& client, std::string_view bytes);
  bool greet(Client& client, std::string_view bytes);
  void hear_committer();
  void answer(Client& client);
  void drop(Client& client, const char* why);
  int wait_ms() const;  // until somebody counts as gone, -1: never
  void close_left();

  std::string status() const;

  ServiceOptions options;
  UniqueFd wake;
  std::list<Client> clients;
  std::map<WriterId, Monotonic> missing;  // writers without a connection, and until when they may
  std::optional<Monotonic> start_over;    // when those of an earlier recorder should be here
  host::LimitedLog refusals;
  protocol::RecorderStatus told = protocol::RecorderStatus::Ok;
  Committer committer;  // last: its thread writes to wake
};

Service::Service(ServiceOptions options) : state_(std::make_unique<State>(std::move(options))) {
  state_->committer.wait_until_open();
}

Service::~Service() = default;

Committer& Service::committer() { return state_->committer; }

void Service::run(int stop_fd) {
  State& s = *state_;
  bool stopping = false;
  s.start_over = host::now().mono + s.options.patience;
  // After the stop what has arrived is still committed; a ledger that refuses is not waited for.
  while (!stopping ||
         (s.committer.busy() && s.committer.status() == protocol::RecorderStatus::Ok)) {
    const short in = POLLIN;
    std::vector<pollfd> fds = {{stopping ? -1 : stop_fd, in, 0},
                               {stopping ? -1 : s.options.listener.get(), in, 0},
                               {s.wake.get(), in, 0},
                               {s.options.status ? s.options.status->descriptor() : -1, in, 0}};
    const bool reading = !stopping && !s.committer.enough();
    for (const Client& client : s.clients) {
      // A socket that is asked for nothing still reports its end, again and again: leave it out.
      const short events =
          static_cast<short>((reading ? POLLIN : 0) | (client.answer_due ? POLLOUT : 0));
      fds.push_back({events == 0 ? -1 : client.fd.get(), events, 0});
    }
    if (::poll(fds.data(), fds.size(), stopping ? -1 : s.wait_ms()) < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "poll");

    auto polled = fds.begin() + 4;
    for (Client& client : s.clients) {
      const short events = (polled++)->revents;
      if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) s.read(client);
      if ((events & POLLOUT) != 0 && !client.closing) s.answer(client);
    }
    if (fds[2].revents != 0) s.hear_committer();
    if (fds[3].revents != 0) s.options.status->answer([&s] { return s.status(); });
    if (fds[1].revents != 0) s.accept_one();
    if (fds[0].revents != 0) stopping = true;
    s.clients.remove_if([](const Client& client) { return client.closing; });
    if (!stopping && s.wait_ms() == 0) s.close_left();
  }
  s.hear_committer();
}

void Service::State::accept_one() {
  auto accepted = host::accept_local(options.listener.get());
  if (!accepted) {
    if (accepted.error() != EAGAIN && accepted.error() != ECONNABORTED)
      refusals.warning(std::string("accept: ") + std::strerror(accepted.error()), host::now().mono);
    return;
  }
  const host::Credentials& peer = accepted->peer;
  const auto who = [&] {
    return "uid " + std::to_string(peer.uid) + ", pid " + std::to_string(peer.pid);
  };
  if (std::find(options.allowed.begin(), options.allowed.end(), peer.uid) ==
      options.allowed.end()) {
    refusals.warning("refused a writer that is not allowed: " + who(), host::now().mono);
  } else if (clients.size() >= kMostWriters) {
    refusals.warning("refused a writer, there are too many: " + who(), host::now().mono);
  } else {
    clients.emplace_back();
    clients.back().fd = std::move(accepted->fd);
    clients.back().pid = peer.pid;
  }
}

void Service::State::read(Client& client) {
  for (int i = 0; i < kTurn && !client.closing && !committer.enough(); ++i) {
    auto message = host::receive_message(client.fd.get());
    if (!message) {
      if (message.error() == EAGAIN) return;
      // The writer has died with answers unread. What it sent before is still here to be read.
      if (message.error() == ECONNRESET) continue;
      return drop(client, message.error() == EMSGSIZE ? "sent too large a message" : nullptr);
    }
    if (message->bytes.empty()) return drop(client, nullptr);
    const bool good = client.writer ? take(client, message->bytes) : greet(client, message->bytes);
    if (!good) return drop(client, "sent a message that is none of ours");
  }
}

bool Service::State::greet(Client& client, std::string_view bytes) {
  const auto hello = protocol::decode_hello(bytes);
  if (!hello) return false;
  // The same writer again: it has noticed the end of its connection before we have.
  for (Client& other : clients) {
    if (&other != &client && other.writer == hello->writer) drop(other, nullptr);
  }
  client.writer = hello->writer;
  missing.erase(hello->writer);
  committer.greet(hello->writer);
  // A ledger that cannot be read does not know what it holds, and one that is used up is busy with
  // what it has: say so at once.
  if (takes_nothing(committer.status())) answer(client);
  return true;
}

bool Service::State::take(Client& client, std::string_view bytes) {
  const auto append = protocol::decode_append(bytes);
  if (!append) return false;
  Arrival& partial = client.partial;
  if (append->offset == 0) {
    partial.bytes.clear();
    partial.writer = *client.writer;
    partial.seq = append->seq;
    client.total = append->total;
    partial.bytes.reserve(append->total);
  } else if (append->seq != partial.seq || append->total != client.total ||
             append->offset != partial.bytes.size()) {
    return false;
  }
  partial.bytes.append(append->piece);
  if (partial.bytes.size() == client.total) {
    committer.submit(std::exchange(partial, Arrival{}));
  }
  return true;
}

void Service::State::hear_committer() {
  std::uint64_t count = 0;
  (void)!::read(wake.get(), &count, sizeof count);
  const std::vector<Notice> notices = committer.take();
  const auto status = committer.status();
  const bool status_changed = std::exchange(told, status) != status;
  for (Client& client : clients) {
    if (!client.writer || client.closing) continue;
    const auto mine = std::find_if(notices.begin(), notices.end(), [&](const Notice& notice) {
      return notice.writer == *client.writer;
    });
    if (mine != notices.end()) {
      client.committed = mine->committed;
      client.greeted = true;
    }
    if (mine != notices.end() || (status_changed && client.greeted)) answer(client);
  }
}

void Service::State::answer(Client& client) {
  const auto sent = host::send_message(client.fd.get(), protocol::encode(protocol::RecorderAck{
                                                            client.committed, committer.status()}));
  // A writer that does not read: only the newest answer matters, it goes when there is room. One
  // that has died is dropped when everything it sent has been read.
  client.answer_due = !sent && sent.error() == EAGAIN;
}

std::string Service::State::status() const {
  const Health health = committer.health();
  audit::JsonObject out;
  out.text("program", "veilwire-recorder")
      .json("healthy", health.status == protocol::RecorderStatus::Ok ? "true" : "false")
      .text("ledger", to_string(health.status))
      .number("used_bytes", health.used_bytes)
      .number("most_bytes", health.most_bytes)
      .number("waiting_bytes", health.waiting_bytes)
      .number("writers", clients.size())
      .number("records", health.records)
      .number("transactions", health.transactions)
      .number("checkpoints", health.checkpoints)
      .number("ledger_records", health.ledger_records)
      .number("signed_records", health.signed_records)
      .number("deleted_records", health.deleted_records)
      .number("failures", health.failures)
      .number("free_bytes", free_bytes(options.ledger))
      .json("commit_seconds", health.commit_time.to_json())
      .json("batch_records", health.batch_records.to_json());
  audit::JsonArray sinks;
  for (const auto& [name, next] : health.sinks) {
    sinks.json(audit::JsonObject()
                   .text("name", name)
                   .number("next", next)
                   .number("lag", health.ledger_records + 1 - next)
                   .finish());
  }
  out.json("sinks", sinks.finish());
  if (!health.reason.empty()) out.text("reason", health.reason);
  return out.finish();
}

void Service::State::drop(Client& client, const char* why) {
  if (why != nullptr)
    host::log::warning("closed a writer (pid " + std::to_string(client.pid) + ") that " + why);
  if (client.writer) missing[*client.writer] = host::now().mono + options.patience;
  client.closing = true;
}

// Rounded up, so that the loop does not spin in the last millisecond.
int Service::State::wait_ms() const {
  std::optional<Monotonic> next = start_over;
  for (const auto& [writer, until] : missing) next = next ? std::min(*next, until) : until;
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - host::now().mono).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

void Service::State::close_left() {
  const Monotonic now = host::now().mono;
  if (start_over && *start_over <= now) start_over.reset();
  std::erase_if(missing, [now](const auto& entry) { return entry.second <= now; });
  std::set<WriterId> present;
  for (const auto& [writer, until] : missing) present.insert(writer);
  for (const Client& client : clients) {
    if (client.writer) present.insert(*client.writer);
  }
  committer.close_left(std::move(present));
}

}  // namespace veilwire::recorder
