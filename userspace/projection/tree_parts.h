// Pieces that several projections show in the same way, and what each level leaves of them.
// Tested by tests/unit/projection/record_tree_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::projection {

// What makes duplicates of a delivery known: one record of one host has one.
std::string record_key(std::string_view host, std::string_view writer, std::uint64_t seq);
// Of a whole exchange: that of its last record, told apart from the record itself.
std::string exchange_key(const Exchange& exchange);

// Value of the first field of this lower-case name.
std::optional<std::string_view> field(const audit::Fields& fields, std::string_view name);
// Below Masked only types, sizes and the identifiers of MCP's transport have their values.
bool shows_value(std::string_view field_name, Level level);
// The path, and below Masked nothing else.
std::string_view shown_target(std::string_view target, Level level);

Value fields_tree(const audit::Fields& fields, Level level);
Value person_tree(const identity::Person& person, Monotonic now);
Value peer_tree(const identity::Peer& peer);
Value masks_tree(const std::vector<audit::MaskedSpan>& masks);
Value findings_tree(const std::vector<FindingCount>& findings, Level level);

// In JSON, integers beyond 2^53 have no exact spelling: decimal text.
Value decimal(std::uint64_t value);
Value decimal(std::int64_t value);

}  // namespace veilwire::projection
