// Edits one HTTP body of a known meaning: decoded bytes in (any content coding is removed before),
// the bytes that may be released out. Everything outside a finding is byte for byte what came in.
//
// One editor lives as long as one body. It is a pure machine: any way of cutting its input gives
// the same output in sum. Tested by tests/unit/flow/*_editor_test.cpp over every split.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/masking/encoded_text.h"
#include "userspace/masking/engine.h"
#include "userspace/policy/policy.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

struct Stretch {
  std::uint64_t offset = 0, size = 0;
};

struct EditedText {
  std::string bytes;
  std::vector<audit::MaskedSpan> masks;  // offsets count released bytes from the start of the body
  // Tokens and client secrets that both sides need as they are, and that nobody writes down: where
  // in the body, as for masks.
  std::vector<Stretch> credentials;
  // Set once, by pass_through(): from this offset of the body on nobody has read what is in bytes.
  std::optional<std::uint64_t> unread_from;
};

// What one step released. The caller clears it between steps; members are appended to.
struct Released : EditedText {
  std::vector<masking::Original> originals;  // what the masks stand for, in order
  // What the record says instead, where policy lets findings pass (recorded_editor.h).
  std::optional<EditedText> recorded;
  // Set at most once: a Block finding. Nothing of it is in bytes; its offset is where it would have
  // stood. The caller calls end_early() or answers 451; further input is ignored.
  std::optional<audit::MaskedSpan> blocked;
  // Set at most once, to the reason: the body is not what its type says (bad JSON, an event over
  // the limit). Nothing after that point has been released. Policy decides whether the caller calls
  // pass_through() or end_early(); until then further input is held.
  std::optional<std::string> malformed;
};

class Conversation;

class BodyEditor {
 public:
  virtual ~BodyEditor() = default;
  virtual void feed(std::string_view bytes, Released& out) = 0;
  // The body has ended, as its framing says.
  virtual void finish(Released& out) = 0;
  // A changed policy: applies from the next byte on, held text included.
  virtual void adopt(std::shared_ptr<const masking::Engine> engine, Released& out) = 0;
  // After `malformed`, or where the input itself cannot go on: decides and releases the text that
  // is held, then all other held bytes as they came, and every later byte unseen.
  virtual void pass_through(Released& out) = 0;
  // Bytes that are held until more has come; what a rule can still claim is not counted, which is
  // bounded (limits::kHeldText).
  virtual std::size_t held() const = 0;
  // Everything that has come has been released or replaced: what comes next stands right behind it,
  // whoever writes it.
  virtual bool settled() const = 0;
  // Ends the body well-formed in its own protocol with a notice for the person, whatever has been
  // released so far (Anthropic stream: close the open block, one text block, end_turn,
  // message_stop; JSON: an error object, or where a part of a document has been released, the
  // shortest end that makes it parse). Held bytes are dropped; nothing is added to a body that is
  // complete. No other call may follow.
  virtual void end_early(std::string_view notice, Released& out) = 0;
  // Ends the body with an error that its readers take for one, whatever has come before. false, and
  // nothing added: its protocol has none, or nobody can say any more what stands before, and only
  // the end of the connection is honest. kind: an Anthropic error type. Held bytes are dropped. No
  // other call may follow.
  virtual bool end_with_error(std::string_view kind, std::string_view message, Released& out) = 0;
};

// The views need to live only as long as the call.
struct EditorContext {
  policy::Service service = policy::Service::Generic;
  policy::Direction direction = policy::Direction::Response;
  std::string_view media_type;  // of the body: without parameters, lower case
  std::string_view target;      // path and query of the request
  std::string_view
      request_id;  // MCP: JSON text of the request's "id" (for a JSON-RPC error); else empty
  std::string_view mcp_method;  // MCP: method of the request ("tools/call"); else empty
  // Requests of the Messages API: what is known of the conversation; else nullptr.
  const Conversation* conversation = nullptr;
};

// Returns nullptr when the type holds no text that we know how to edit (images, archives,
// multipart): the caller treats it as Uninspected::NotText.
std::unique_ptr<BodyEditor> make_body_editor(const EditorContext& context,
                                             std::shared_ptr<const masking::Engine> engine);

// What media types say of a body.
bool is_json_type(std::string_view media_type);
bool is_json_lines_type(std::string_view media_type);
bool is_text_type(std::string_view media_type);  // text as it stands

// A complete response body in the client's own protocol that says why the exchange was refused. The
// caller frames it.
struct ErrorBody {
  int status = 451;  // may differ from the one asked for: tools/call shows a message only on 200
  std::string media_type;
  std::string body;
};
// kind: an Anthropic error type ("permission_error", "invalid_request_error", "api_error").
ErrorBody error_body(const EditorContext& context, int status, std::string_view kind,
                     std::string_view message);

}  // namespace veilwire::flow
