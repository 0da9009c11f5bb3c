// Edits one HTTP body of a known meaning: decoded bytes in (any content coding is removed before),
// the bytes that may be released out. Everything outside a finding is byte for byte what came in.
//
// One editor lives as long as one body. It is a pure machine: any way of cutting its input gives
// the same output in sum. Tested by tests/unit/flow/*_editor_test.cpp over every split.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/masking/engine.h"
#include "userspace/policy/policy.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

// What one step released. The caller clears it between steps; members are appended to.
struct Released {
  std::string bytes;
  std::vector<audit::MaskedSpan> masks;  // offsets count released bytes from the start of the body
  // Set at most once: a Block finding. Nothing of it is in bytes; the caller calls end_early() or
  // answers 451.
  std::optional<audit::MaskedSpan> blocked;
  // Set when the body is not what its type says (bad JSON, SSE without end, over a limit). Nothing
  // after that point has been released; policy decides whether the caller goes on with
  // pass_through() or stops.
  std::optional<std::string> malformed;
};

class BodyEditor {
 public:
  virtual ~BodyEditor() = default;
  virtual void feed(std::string_view bytes, Released& out) = 0;
  // The body has ended, as its framing says.
  virtual void finish(Released& out) = 0;
  // A changed policy: applies from the next event on, held text included.
  virtual void adopt(std::shared_ptr<const masking::Engine> engine, Released& out) = 0;
  // Ends the body well-formed in its own protocol with a notice for the person, whatever has been
  // released so far (Anthropic stream: close the open block, one text block, end_turn,
  // message_stop). Held text is dropped.
  virtual void end_early(std::string_view notice, Released& out) = 0;
};

// `response_media_type` is the type without parameters, lower case. Returns nullptr when the type
// holds no text that we know how to edit (images, archives): the caller treats it as
// Uninspected::NotText. request_id: for an MCP response, the JSON text of the request's "id" (for a
// JSON-RPC error); else empty.
struct EditorContext {
  policy::Service service = policy::Service::Generic;
  policy::Direction direction = policy::Direction::Response;
  std::string_view media_type;
  std::string_view target;  // path and query of the request
  std::string_view request_id;
};
std::unique_ptr<BodyEditor> make_body_editor(const EditorContext& context,
                                             std::shared_ptr<const masking::Engine> engine);

// A complete response body in the client's own protocol that says why the exchange was refused. The
// caller frames it.
struct ErrorBody {
  int status = 451;
  std::string media_type;
  std::string body;
};
// kind: an Anthropic error type ("permission_error", "invalid_request_error", "api_error").
ErrorBody error_body(const EditorContext& context, int status, std::string_view kind,
                     std::string_view message);

}  // namespace veilwire::flow
