// What a request asks for, as facts for policy and record. Hostile bodies cost one scan and give
// empty facts. Tested by tests/unit/message/inspect_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace veilwire::message {

enum class Dialect { Anthropic, Mcp, Generic };

struct RequestFacts {
  bool is_json = false;    // the body is one JSON value
  bool streaming = false;  // an answer in server-sent events was asked for
  std::string model;       // from the body, else from a Vertex or Bedrock target
  std::string mcp_method;  // "tools/call"; of a batch, that of its last message
  std::string tool;        // the name in the params of tools/call
  std::string id;  // JSON text of the JSON-RPC id as it came: 17 or "a"; empty for a notification
  std::string progress_token;  // JSON text of params._meta.progressToken, empty where there is none
};

// method: of HTTP. target: path and query. body: decoded from any content coding, empty where there
// is none.
RequestFacts inspect_request(Dialect dialect, std::string_view method, std::string_view target,
                             std::string_view body);

}  // namespace veilwire::message
