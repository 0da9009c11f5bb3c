// What kind of call an exchange was, and what its two sides are called in the vocabularies of
// OpenTelemetry and OCSF. Tested by tests/unit/projection/call_test.cpp.
#pragma once

#include "userspace/projection/conversation.h"
#include "userspace/projection/exchange.h"

#include <cstdint>
#include <optional>
#include <string>

namespace veilwire::projection {

struct Call {
  enum class Kind : std::uint8_t { Model, Mcp, Other };
  Kind kind = Kind::Other;
  std::string server;  // a name, else an address; empty where neither is known
  std::uint16_t port = 443;
  std::string provider;    // gen_ai.provider.name; of a model
  std::string operation;   // gen_ai.operation.name; of a model and of a tool
  std::string error_type;  // error.type; empty where nothing went wrong
  // Where the body was whole and could be read.
  std::optional<ModelRequest> model;
  std::optional<McpRequest> mcp;
};
Call call_of(const Exchange& exchange);

}  // namespace veilwire::projection
