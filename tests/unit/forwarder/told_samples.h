// What a sink is told in tests, and one call of it.
#pragma once

#include "agent/forwarder/sink.h"
#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/source.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace veilwire::forwarder::testing {

inline const projection::Source kSource = {
    .version = "0.1.0", .host_id = "3f6c1d0e", .host_name = "build-7"};

inline Told told_record(std::uint64_t number, audit::Body body) {
  audit::Record record = audit::sample(std::move(body));
  Told told;
  told.record = number;
  told.canonical = audit::canonical(record, projection::kSampleWriter, number);
  auto parsed = audit::parse_record(told.canonical);
  if (parsed) told.parsed = *std::move(parsed);
  return told;
}

// Pieces of an answer, numbered from `first`; content is of `bytes` bytes.
inline std::vector<Told> told_records(std::size_t count, std::uint64_t first = 1,
                                      std::size_t bytes = 20) {
  std::vector<Told> told;
  for (std::size_t at = 0; at < count; ++at)
    told.push_back(told_record(
        first + at,
        audit::ResponseFragment{.offset = at, .content = std::string(bytes, 'x'), .masks = {}}));
  return told;
}

inline Told told_exchange(std::uint64_t number) {
  Told told = told_record(number, projection::sample_close());
  told.exchange = projection::as_exchange(projection::model_call());
  return told;
}

inline Sent send_all(boost::asio::io_context& io, Sink& sink, std::span<const Told> told) {
  std::optional<Sent> sent;
  boost::asio::co_spawn(
      io, [&]() -> boost::asio::awaitable<void> { sent.emplace(co_await sink.send(told)); },
      [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
  io.restart();
  io.run();
  if (!sent) throw std::runtime_error("the sink has not come to an end");
  return *std::move(sent);
}

// host-writer-seq
inline std::string key_of(std::uint64_t seq) {
  return "3f6c1d0e-" + std::string(projection::kSampleWriter) + "-" + std::to_string(seq);
}

}  // namespace veilwire::forwarder::testing
