// The objects that stand in several OCSF classes. Tested by tests/unit/projection/ocsf_test.cpp.
#pragma once

#include "userspace/identity/person.h"
#include "userspace/projection/call.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"
#include "userspace/projection/value.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace veilwire::projection::ocsf {

// integer_t has four bytes.
Value integer(std::uint64_t value);

Value user(const identity::Person& person);
// Of whom nothing is known the application is "unknown": one member is required.
Value actor(const identity::Person* person, const identity::Peer* peer);
Value device(const Source& source);
Value source_endpoint(const Source& source);
std::optional<Value> destination(const Call& call);
Value http_request(const audit::RequestHead& head, const Call& call, std::uint64_t body_bytes,
                   Level level);
Value http_response(const audit::ResponseHead& head, std::uint64_t body_bytes, Level level);
std::int64_t auth_protocol(std::string_view method);

}  // namespace veilwire::projection::ocsf
