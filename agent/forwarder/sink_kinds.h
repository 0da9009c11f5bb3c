// The kinds of sinks that a configuration can name: the one place where all of them meet. Tested by
// tests/unit/forwarder/settings_test.cpp.
#pragma once

#include "agent/forwarder/delivery.h"
#include "agent/forwarder/sink.h"
#include "agent/host/config.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

// What every sink is given, whatever its kind.
struct SinkGift {
  projection::Level level = projection::Level::Masked;
  projection::Source source;
  std::string internal_ca;  // never a receiver's
};
// What a kind has read from its table.
struct ReadSink {
  std::string destination;
  std::function<std::unique_ptr<Sink>(boost::asio::io_context&)> make;
};
struct SinkKind {
  std::string_view name;
  Tell tell = Tell::Exchanges;      // unless the table says otherwise
  bool only_records_whole = false;  // what it is for needs every record, at level masked
  ReadSink (*read)(const host::ConfigSection&, SinkGift);
};

// nullptr: there is no such kind.
const SinkKind* find_sink_kind(std::string_view name);
std::string sink_kinds();  // "otlp", "kafka", ...: for a message

}  // namespace veilwire::forwarder
