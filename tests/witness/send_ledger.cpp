// Sends a ledger to a witness as veilwire-forwarder does, from record FROM on, so many at once:
//
//   send_ledger LEDGER ENDPOINT WITNESS_KEY CA CERTIFICATE KEY FROM COUNT
//
// Prints a line of JSON for each send, until all is done or a problem comes up.
#include "agent/forwarder/witness_sink.h"
#include "agent/host/clock.h"
#include "agent/recorder/ledger_reader.h"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace veilwire;

std::vector<forwarder::Told> read(recorder::LedgerReader& ledger, std::uint64_t from,
                                  std::uint64_t count) {
  std::vector<forwarder::Told> out;
  ledger.all_records(static_cast<std::int64_t>(from) - 1,
                     [&](const recorder::LedgerReader::StoredRecord& record) {
                       forwarder::Told told{.record = static_cast<std::uint64_t>(record.id),
                                            .canonical = record.bytes,
                                            .parsed = std::nullopt,
                                            .exchange = std::nullopt};
                       auto parsed = audit::parse_record(record.bytes);
                       if (parsed) told.parsed = *std::move(parsed);
                       out.push_back(std::move(told));
                       return out.size() < count;
                     });
  return out;
}

forwarder::Sent send_once(boost::asio::io_context& io, forwarder::WitnessSink& sink,
                          const std::vector<forwarder::Told>& told) {
  forwarder::Sent sent;
  boost::asio::co_spawn(
      io, [&]() -> boost::asio::awaitable<void> { sent = co_await sink.send(told); },
      [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
  io.restart();
  io.run();
  return sent;
}

int send(const std::vector<std::string>& arguments) {
  recorder::LedgerReader ledger(arguments[1]);
  forwarder::WitnessSettings settings;
  settings.url =
      identity::parse_url(arguments[2] + "/v1/records", identity::PlainHttp::Loopback).value();
  settings.key = arguments[3];
  settings.tls = {
      .roots = arguments[4], .never_trust = "", .certificate = arguments[5], .key = arguments[6]};
  boost::asio::io_context io;
  forwarder::WitnessSink sink(io, settings, [] { return host::now().wall; });
  sink.records_are_of(ledger.origin());
  for (std::uint64_t next = std::stoull(arguments[7]);;) {
    const auto told = read(ledger, next, std::stoull(arguments[8]));
    if (told.empty()) return 0;
    const forwarder::Sent sent = send_once(io, sink, told);
    next += sent.done;
    nlohmann::json line = {{"next", next}, {"problem", sent.problem}};
    if (sent.cosigned) line["cosigned"] = {sent.cosigned->size, sent.cosigned->line};
    std::cout << line.dump() << '\n';
    if (!sent.problem.empty()) return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.size() != 9) return std::cerr << "usage: see send_ledger.cpp\n", 2;
  return send(arguments);
}
