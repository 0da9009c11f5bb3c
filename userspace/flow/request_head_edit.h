// Secrets in what stands around the body of a request: its target, its fields, its trailers.
//
// What a client shows to its own server stays: credentials, cookies, session identifiers and the
// address of an MCP server, which may be a credential itself. All else is text like the body.
// Where MCP repeats a value of the body in a field (2026-07-28: Mcp-Name, Mcp-Param-*), the server
// refuses a request in which the two differ: such a field follows the body. Tested by
// tests/unit/flow/request_head_edit_test.cpp.
#pragma once

#include "userspace/flow/head_value.h"
#include "userspace/masking/engine.h"
#include "userspace/policy/policy.h"
#include "userspace/wire/http.h"

#include <memory>
#include <string_view>

namespace veilwire::flow {

// A JSON body as it came and as it leaves; empty where it was not inspected.
struct BodyChange {
  std::string_view plain, released;
};

// Both append to masks; one with action "block" says that the request must not go out.
void mask_request_head(wire::RequestHead& head, policy::Service service, const BodyChange& body,
                       const std::shared_ptr<const masking::Engine>& engine, Masks& masks);
void mask_request_trailers(wire::FieldSection& trailers, const masking::Engine& engine,
                           Masks& masks);

}  // namespace veilwire::flow
