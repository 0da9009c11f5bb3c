#include "agent/recorder/sink_table.h"

#include <algorithm>

namespace veilwire::recorder {

namespace protocol = host::protocol;
using protocol::DeliveryAnswer;
using protocol::DeliveryError;

SinkTable::SinkTable(Database& database)
    : database_(database),
      find_(database, "SELECT next FROM sinks WHERE name = ?1"),
      count_(database, "SELECT count(*) FROM sinks"),
      add_(database,
           "INSERT INTO sinks(name, destination, next, attached_wall_ns) VALUES(?1, ?2, ?3, ?4)"),
      attach_(database, "UPDATE sinks SET destination = ?2, attached_wall_ns = ?3 WHERE name = ?1"),
      confirm_(database,
               "UPDATE sinks SET delivered = delivered + ?2 - next, next = ?2,"
               " confirmed_wall_ns = ?3 WHERE name = ?1"),
      rewind_(database, "UPDATE sinks SET next = ?2 WHERE name = ?1"),
      // Of a record that was driven again the first reason stays.
      bury_(database, "INSERT INTO dead_letters VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"),
      cosign_(database, "INSERT INTO cosignatures VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING") {}

std::map<std::string, std::uint64_t> SinkTable::read() {
  std::map<std::string, std::uint64_t> out;
  Statement all(database_, "SELECT name, next FROM sinks");
  Step step;
  while ((step = all.step()) == Step::Row)
    out.emplace(all.text(0), static_cast<std::uint64_t>(all.integer(1)));
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

struct SinkTable::Apply {
  SinkTable& table;
  std::string_view sink;
  Extent records;
  std::int64_t now;
  std::uint64_t next = 0;  // 0: there is no such sink

  DeliveryAnswer stands_at(std::uint64_t position) const {
    return protocol::Attached{.next = position, .first = records.first, .last = records.last};
  }
  static DeliveryAnswer refuse(DeliveryError error, std::string said = "") {
    return protocol::Refused{.error = error, .said = std::move(said)};
  }

  std::optional<DeliveryAnswer> operator()(const protocol::Attach& attach) {
    if (next != 0) {
      if (!table.attach_.run(sink, std::string_view(attach.destination), now)) return std::nullopt;
      return stands_at(next);
    }
    table.count_.bind();
    const bool counted = table.count_.step() == Step::Row;
    const bool room = counted && table.count_.integer(0) < std::int64_t{kMostSinks};
    table.count_.reset();
    if (!counted) return std::nullopt;
    if (!room) return refuse(DeliveryError::Unavailable, "the ledger knows too many sinks");
    if (!table.add_.run(sink, std::string_view(attach.destination), records.first, now))
      return std::nullopt;
    return stands_at(records.first);
  }
  std::optional<DeliveryAnswer> operator()(const protocol::Confirm& confirm) {
    if (next == 0) return refuse(DeliveryError::UnknownSink);
    if (confirm.next < next || confirm.next - 1 > records.last)
      return refuse(DeliveryError::OutOfRange);
    const bool buried =
        std::all_of(confirm.dead.begin(), confirm.dead.end(), [&](const auto& letter) {
          return table.bury_.run(sink, letter.record, std::string_view(letter.reason), now);
        });
    if (!buried ||
        (confirm.cosigned &&
         !table.cosign_.run(confirm.cosigned->size, std::string_view(confirm.cosigned->line), now)))
      return std::nullopt;
    if (!table.confirm_.run(sink, confirm.next, now)) return std::nullopt;
    return stands_at(confirm.next);
  }
  std::optional<DeliveryAnswer> operator()(const protocol::Rewind& rewind) {
    if (next == 0) return refuse(DeliveryError::UnknownSink);
    if (rewind.next - 1 > records.last) return refuse(DeliveryError::OutOfRange);
    if (rewind.next < records.first) return refuse(DeliveryError::Deleted);
    if (!table.rewind_.run(sink, rewind.next)) return std::nullopt;
    return stands_at(rewind.next);
  }
};

std::optional<DeliveryAnswer> SinkTable::apply(const Delivery& delivery, Extent records,
                                               std::int64_t now_wall_ns) {
  find_.bind(std::string_view(delivery.sink));
  const Step found = find_.step();
  const std::uint64_t next =
      found == Step::Row ? static_cast<std::uint64_t>(find_.integer(0)) : std::uint64_t{0};
  find_.reset();
  if (found == Step::Failed) return std::nullopt;
  return std::visit(Apply{.table = *this,
                          .sink = delivery.sink,
                          .records = records,
                          .now = now_wall_ns,
                          .next = next},
                    delivery.what);
}

}  // namespace veilwire::recorder
