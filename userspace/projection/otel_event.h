// OpenTelemetry log events, as values: how one goes over the wire is otlp.h. Names are those of
// otel_names.h. Tested by tests/unit/projection/otel_event_test.cpp.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/value.h"

#include <cstdint>
#include <optional>
#include <string>

namespace veilwire::projection {

// As SeverityNumber of the log data model.
enum class Severity : std::uint8_t { Debug = 5, Info = 9, Warn = 13 };

struct Event {
  std::uint64_t time_ns = 0;  // since 1970; 0: before that, or unknown
  Severity severity = Severity::Info;
  std::string name;
  Value attributes = Value::map();  // log.record.uid, host.id, veilwire.writer and .seq always
  std::optional<Value> body;
};

// Nothing where a sink of this level is not told. The body is body_tree().
std::optional<Event> event_of(const audit::Parsed& record, Level level);
// A model call becomes what the GenAI conventions call it; our own attributes stand beside theirs.
std::optional<Event> event_of(const Exchange& exchange, Level level);

}  // namespace veilwire::projection
