// Bodies that tell a person why an exchange was refused, in the client's own protocol.
// Tested by tests/unit/flow/error_body_editor_test.cpp.
#pragma once

#include "userspace/policy/policy.h"

#include <string>
#include <string_view>

namespace veilwire::flow {

// The text as a JSON string, quotes included.
std::string json_quote(std::string_view text);

// {"type":"error","error":{"type":kind,"message":message}}
std::string anthropic_error(std::string_view kind, std::string_view message);
// id: JSON text of the request's id; left out where it is empty or not a JSON string or number.
std::string json_rpc_error(std::string_view id, std::string_view message);

// Of the service: one of the two above, or {"error":{"message":...}}.
std::string error_json(policy::Service service, std::string_view id, std::string_view kind,
                       std::string_view message);

}  // namespace veilwire::flow
