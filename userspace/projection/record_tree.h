// One record, and one whole exchange, as a tree with the names of the native record: the JSON of
// syslog messages and of JSONL below the full record, and the body of OpenTelemetry events.
// Tested by tests/unit/projection/record_tree_test.cpp.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/value.h"

#include <optional>

namespace veilwire::projection {

// What stands around the body of every record: host, writer, seq and their like.
Value envelope(const audit::Parsed& record);
// The body alone; nothing where a sink of this level is not told.
std::optional<Value> body_tree(const audit::Record& record, Level level);
std::optional<Value> record_tree(const audit::Parsed& record, Level level);
// Whether a record holds what no sink is given whatever its level: originals, sealed.
bool holds_originals(const audit::Record& record);
// Whether it is one that somebody should look at: a block, a gap, an upstream that fails, a person
// who is lost.
bool is_grave(const audit::Record& record);

// What was found and decided in an exchange: a map of the lists findings, blocks, gaps and
// identity_changes.
Value decisions_tree(const Exchange& exchange, Level level);
std::optional<Value> exchange_tree(const Exchange& exchange, Level level);

}  // namespace veilwire::projection
