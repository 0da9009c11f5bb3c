#include "agent/recorder/delivery_server.h"

#include "agent/host/clock.h"
#include "agent/host/limited_log.h"
#include "agent/host/local_server.h"
#include "agent/host/log.h"
#include "agent/host/protocol/delivery.h"
#include "agent/recorder/ledger_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;
using host::LocalServer;
using protocol::DeliveryError;

enum class Standing : std::uint8_t {
  Unattached,
  Attaching,
  Attached,
  Replaced,  // somebody else has attached for its sink since
};

struct Connection {
  Standing standing = Standing::Unattached;
  std::string sink;                       // from Attaching on
  bool asking = false;                    // the committer, which has not answered yet
  std::optional<protocol::Read> waiting;  // for the record that it names
};

std::vector<uid_t> and_root(std::vector<uid_t> users) {
  users.push_back(0);
  return users;
}

}  // namespace

struct DeliveryServer::State {
  using Id = LocalServer::ConnectionId;

  State(DeliveryOptions given, Committer& committer_of_ledger);

  bool take(Id id, std::string_view message);
  bool take(Id id, Connection& connection, protocol::Attach attach);
  bool take(Id id, Connection& connection, const protocol::Read& read);
  bool take(Id id, Connection& connection, protocol::ReadExchange read);
  bool take(Id id, Connection& connection, protocol::Confirm confirm);
  bool take(Id id, Connection& connection, protocol::Rewind rewind);
  bool take(Id id, Connection& connection, const protocol::AskLog& question);
  void turned();
  void hear_committer();

  bool is_attached(Id id, const Connection& connection);
  void ask(Id id, Connection& connection, Delivery delivery);
  void give(Id id, const LedgerReader::Span& span, std::uint64_t after_all);
  bool is_deleted(const LedgerReader::Exchange& exchange);
  void cannot_read(Id id, const SqliteError& why);
  void answer(Id id, const protocol::DeliveryAnswer& answer);
  void refuse(Id id, DeliveryError error) { answer(id, protocol::Refused{error, ""}); }

  std::vector<uid_t> readers;
  std::string ledger;
  Committer& committer;
  std::map<Id, Connection> connections;  // that have said something
  std::optional<LedgerReader> reader;
  host::LimitedLog log;
  LocalServer server;
  host::UniqueFd stop;
  std::thread thread;
};

DeliveryServer::State::State(DeliveryOptions given, Committer& committer_of_ledger)
    : readers(std::move(given.readers)),
      ledger(std::move(given.ledger)),
      committer(committer_of_ledger),
      server({.listener = std::move(given.listener),
              .status = nullptr,
              .allowed = and_root(readers),
              .most_connections = kMostConnections},
             {.message = [this](Id id, std::string_view message) { return take(id, message); },
              .status = nullptr,
              .closed = [this](Id id) { connections.erase(id); },
              .turned = [this] { turned(); },
              .deadline = nullptr}),
      stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!stop) throw std::system_error(errno, std::generic_category(), "eventfd");
}

DeliveryServer::DeliveryServer(DeliveryOptions options, Committer& committer)
    : state_(std::make_unique<State>(std::move(options), committer)) {
  State& s = *state_;
  committer.on_delivery([&s] { s.server.wake(); });
  s.thread = std::thread([&s] {
    try {
      s.server.run(s.stop.get());
    } catch (const std::exception& e) {
      // The ledger is still written; that nothing is delivered shows at the other end.
      host::log::error(std::string("delivery has ended: ") + e.what());
    }
  });
}

DeliveryServer::~DeliveryServer() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(state_->stop.get(), &one, sizeof one));
  state_->thread.join();
  state_->committer.on_delivery(nullptr);
}

bool DeliveryServer::State::take(Id id, std::string_view message) {
  auto request = protocol::decode_delivery_request(message);
  Connection& connection = connections[id];
  const bool in_turn = !connection.asking && !connection.waiting;
  // Root needs no leave to do anything; what it would do here by accident is in a sink's place.
  const bool permitted =
      request && (std::holds_alternative<protocol::Rewind>(*request) ||
                  std::find(readers.begin(), readers.end(), server.user(id)) != readers.end());
  if (!request || !in_turn || !permitted) {
    log.warning("a reader of the ledger sent what is none of its messages now, and was closed",
                host::now().mono);
    return false;
  }
  return std::visit([&](auto& what) { return take(id, connection, std::move(what)); }, *request);
}

bool DeliveryServer::State::take(Id id, Connection& connection, protocol::Attach attach) {
  for (auto& [other_id, other] : connections) {
    if (other_id == id || other.sink != attach.sink || other.standing == Standing::Unattached)
      continue;
    other.standing = Standing::Replaced;
    if (std::exchange(other.waiting, std::nullopt)) refuse(other_id, DeliveryError::InUse);
  }
  connection.standing = Standing::Attaching;
  connection.sink = attach.sink;
  ask(id, connection, {.asker = id, .sink = connection.sink, .what = std::move(attach)});
  return true;
}

bool DeliveryServer::State::take(Id id, Connection& connection, const protocol::Read& read) {
  if (!is_attached(id, connection)) return true;
  const std::uint64_t last = committer.last_record();
  if (read.from - 1 > last) {
    refuse(id, DeliveryError::OutOfRange);
  } else if (read.from < committer.first_record()) {
    refuse(id, DeliveryError::Deleted);
  } else if (read.from - 1 == last) {
    connection.waiting = read;
  } else {
    give(id, {.from = read.from, .through = last, .most_bytes = read.most_bytes}, last + 1);
  }
  return true;
}

bool DeliveryServer::State::take(Id id, Connection& connection, protocol::ReadExchange read) {
  if (!is_attached(id, connection)) return true;
  give(id,
       {.from = read.from,
        .through = committer.last_record(),
        .most_bytes = read.most_bytes,
        .exchange = LedgerReader::Exchange{std::move(read.session), read.exchange}},
       0);
  return true;
}

bool DeliveryServer::State::take(Id id, Connection& connection, protocol::Confirm confirm) {
  if (!is_attached(id, connection)) return true;
  ask(id, connection, {.asker = id, .sink = connection.sink, .what = std::move(confirm)});
  return true;
}

// What the attached one has confirmed before comes before it; nothing of it comes after.
bool DeliveryServer::State::take(Id id, Connection& connection, protocol::Rewind rewind) {
  for (auto& [other_id, other] : connections) {
    if (other.sink == rewind.sink && other_id != id) server.close(other_id);
  }
  std::string sink = rewind.sink;
  ask(id, connection, {.asker = id, .sink = std::move(sink), .what = std::move(rewind)});
  return true;
}

bool DeliveryServer::State::take(Id id, Connection& connection, const protocol::AskLog&) {
  if (!is_attached(id, connection)) return true;
  try {
    if (!reader) reader.emplace(ledger);
    answer(id, protocol::LogName{reader->origin()});
  } catch (const SqliteError& e) {
    cannot_read(id, e);
  }
  return true;
}

bool DeliveryServer::State::is_attached(Id id, const Connection& connection) {
  if (connection.standing == Standing::Attached) return true;
  refuse(id, connection.standing == Standing::Replaced ? DeliveryError::InUse
                                                       : DeliveryError::NotAttached);
  return false;
}

void DeliveryServer::State::ask(Id id, Connection& connection, Delivery delivery) {
  delivery.asker = id;
  connection.asking = true;
  committer.deliver(std::move(delivery));
}

void DeliveryServer::State::turned() {
  hear_committer();
  const std::uint64_t last = committer.last_record();
  for (auto& [id, connection] : connections) {
    if (!connection.waiting || connection.waiting->from > last) continue;
    const protocol::Read read = *std::exchange(connection.waiting, std::nullopt);
    give(id, {.from = read.from, .through = last, .most_bytes = read.most_bytes}, last + 1);
  }
}

void DeliveryServer::State::hear_committer() {
  for (const DeliveryNotice& notice : committer.take_delivered()) {
    const auto found = connections.find(notice.asker);
    if (found == connections.end()) continue;
    Connection& connection = found->second;
    connection.asking = false;
    if (connection.standing == Standing::Attaching) {
      connection.standing = std::holds_alternative<protocol::Attached>(notice.answer)
                                ? Standing::Attached
                                : Standing::Unattached;
    }
    answer(notice.asker, notice.answer);
  }
}

// All of it before the first piece goes: what cannot be read to the end is not begun.
void DeliveryServer::State::give(Id id, const LedgerReader::Span& span, std::uint64_t after_all) {
  std::vector<protocol::DeliveryAnswer> answers;
  try {
    if (!reader) reader.emplace(ledger);
    std::uint64_t first = 0;
    const auto next = reader->span(span, [&](const LedgerReader::StoredRecord& record) {
      if (first == 0) first = static_cast<std::uint64_t>(record.id);
      for (std::size_t at = 0; at < record.bytes.size(); at += protocol::kDeliveryPiece) {
        answers.emplace_back(
            protocol::Piece{.record = static_cast<std::uint64_t>(record.id),
                            .total = static_cast<std::uint32_t>(record.bytes.size()),
                            .offset = static_cast<std::uint32_t>(at),
                            .bytes = record.bytes.substr(at, protocol::kDeliveryPiece)});
      }
    });
    // Deleting goes on meanwhile.
    if (span.exchange ? is_deleted(*span.exchange) : first != span.from)
      return refuse(id, DeliveryError::Deleted);
    answers.emplace_back(protocol::End{.next = next.value_or(after_all), .last = span.through});
  } catch (const SqliteError& e) {
    return cannot_read(id, e);
  }
  for (const auto& each : answers) answer(id, each);
}

// An exchange is asked for by who has had a record of it.
bool DeliveryServer::State::is_deleted(const LedgerReader::Exchange& exchange) {
  return reader->deleted() != 0 &&
         (reader->is_cut(exchange) || !reader->has_exchange(exchange.session, exchange.number));
}

void DeliveryServer::State::cannot_read(Id id, const SqliteError& why) {
  reader.reset();
  log.warning(std::string("a sink cannot read the ledger: ") + why.what(), host::now().mono);
  refuse(id, DeliveryError::Unavailable);
}

void DeliveryServer::State::answer(Id id, const protocol::DeliveryAnswer& answer) {
  auto message = protocol::encode(answer);
  // A record beyond every bound, which only a changed ledger can hold.
  if (!message) return server.close(id);
  server.send(id, *std::move(message));
}

}  // namespace veilwire::recorder
