// Where maskable text lies in the JSON of the Anthropic Messages API and of MCP. This is the one
// place that says so.
//
// Position decides, not name. A document is walked from a root zone; a member's key leads from the
// zone of its object to the zone of its value, array elements keep the zone of their array. Every
// string is text unless the table in fields.cpp names its position as one that is never altered:
// identifiers, types, model names, signatures, opaque state, binary data. A key that the table does
// not name is text too, and everything below it: so a field called "id" or "type" inside tool
// arguments, structured content, metadata or a schema is text, as is a field that is newer than
// this table. Tested by tests/unit/message/fields_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace veilwire::message {

enum class Zone : std::uint8_t {
  // Leaves. A container that stands in one of them is of that zone to its bottom: Fixed with its
  // keys, else Text.
  Text,
  Fixed,       // never altered
  Credential,  // never altered on its way, and never written down
  Base64,      // standard base64 of bytes that may or may not be text: an image, or an MCP resource
               // blob

  // Pieces of one text that goes on in the next event of the same content block.
  TextPiece,
  ThinkingPiece,
  InputPiece,  // piece of a JSON document that is written inside a JSON string

  // Roots.
  AnthropicRequest,   // bodies sent to the API
  AnthropicResponse,  // whole JSON bodies: messages, errors, models, files, batches, a line of
                      // batch results
  AnthropicEvent,     // data of one server-sent event
  McpFromClient,      // JSON-RPC messages, single or in a batch
  McpFromServer,
  Generic,  // any other JSON

  // Inner zones, named after what stands there.
  Credentials,
  AnthropicTurn,
  AnthropicBlock,
  AnthropicStartBlock,
  AnthropicStartContent,
  AnthropicDelta,
  AnthropicDeltaContent,
  AnthropicPreview,
  AnthropicSource,
  AnthropicCitation,
  AnthropicError,
  AnthropicTool,
  AnthropicStopDetails,
  McpParams,
  McpClientResult,
  McpServerResult,
  McpInputRequests,
  McpInputResponses,
  McpContent,
  McpResource,
  McpTool,
  McpPrompt,
  McpReference,
  McpTurn,
  McpTask,
  McpMeta,
};
inline constexpr std::size_t kZones = static_cast<std::size_t>(Zone::McpMeta) + 1;

// What a string value in this zone is: one of the leaves above. Where the table has an object, a
// string is Text
// ("content": "hello").
Zone leaf(Zone zone);

// True for the leaves that are never altered.
constexpr bool is_kept(Zone leaf) { return leaf == Zone::Fixed || leaf == Zone::Credential; }

// True for the three zones whose text goes on in the next event.
constexpr bool is_piece(Zone zone) { return zone >= Zone::TextPiece && zone <= Zone::InputPiece; }

// No key of the table is longer, decoded: of a longer one a walker needs only the first
// kLongestKnownKey + 1 bytes.
inline constexpr std::size_t kLongestKnownKey = 48;

// Follows one JSON document by its tokens. Its depth is what the tokenizer allows
// (limits::kJsonDepth).
class FieldWalker {
 public:
  explicit FieldWalker(Zone root) : root_(root) {}

  void begin_object() { begin(false); }
  void begin_array() { begin(true); }
  void end() {
    if (!open_.empty()) open_.pop_back();
  }
  // A member's key, decoded. True when the key itself is text. zone() is then the zone of the
  // member's value.
  bool key(std::string_view decoded);
  // A member's string value, decoded, or its first kLongestKnownKey + 1 bytes: at a few positions
  // it decides what a sibling is. To be called after the value, before the next key.
  void string_value(std::string_view decoded);

  // Zone of the value that begins now: of the member after key(), of an element, or of the root.
  Zone zone() const;
  std::size_t depth() const { return open_.size(); }

 private:
  struct Level {
    Zone zone = Zone::Text;
    Zone member = Zone::Text;
    bool array = false;
    bool decisive = false;  // the value of the current member may mark the level
    bool marked = false;    // a member has been seen that changes what another one is
  };
  void begin(bool array);

  Zone root_;
  std::vector<Level> open_;
};

}  // namespace veilwire::message
