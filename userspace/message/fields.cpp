#include "userspace/message/fields.h"

#include <algorithm>
#include <array>

namespace veilwire::message {
namespace {

// Whether a member changes what a later sibling is.
enum class Mark : std::uint8_t {
  No,
  Seen,
  Base64
};  // Base64: when its value is the string "base64"

// In an object of zone `in`, the value of `key` is of zone `value`, or of `if_marked` once a
// sibling has marked the object. A key may begin or end with '*' for any beginning or end.
struct Entry {
  Zone in;
  std::string_view key;
  Zone value;
  Mark mark = Mark::No;
  Zone if_marked = value;
};

using enum Zone;

// Sources, named in the sections below:
// [M]   Messages API reference and its streaming page, platform.claude.com/docs/en/api/messages and
//       .../docs/en/build-with-claude/streaming; the type names are those of the official SDKs
//       (BetaTextBlock, ...).
// [B]   Message Batches, Models and Files references; [S] Sessions, at the same place.
// [MCP] The JSON schemas of the Model Context Protocol, revisions 2024-11-05 to 2026-07-28; the
// names are their types. [O]   RFC 6749 section 5.1, RFC 7591 section 3.2.1, RFC 8628 section 3.2,
// RFC 7521 section 4.
constexpr Entry kEntries[] = {
    // [O] Tokens that a server issues to the client as such, and that the client redeems: members
    // of the root object of
    // a token, registration or device answer or request. Masking them would end the client's login.
    // raw_key: the API
    // key that Claude Code is given when it logs in.
    {Credentials, "access_token", Fixed},
    {Credentials, "refresh_token", Fixed},
    {Credentials, "id_token", Fixed},
    {Credentials, "client_secret", Fixed},
    {Credentials, "registration_access_token", Fixed},
    {Credentials, "device_code", Fixed},
    {Credentials, "assertion", Fixed},
    {Credentials, "client_assertion", Fixed},
    {Credentials, "raw_key", Fixed},

    // [M] MessageCreateParams, MessageCountTokensParams; [B] BatchCreateParams (requests: custom_id
    // and params).
    // metadata.user_id is an opaque identifier. mcp_servers stays text: its url and
    // authorization_token are credentials
    // that leave the host, which is for the policy to judge. fallbacks repeat members of the
    // request.
    {AnthropicRequest, "model", Fixed},
    {AnthropicRequest, "messages", AnthropicTurn},
    {AnthropicRequest, "system", AnthropicBlock},
    {AnthropicRequest, "tools", AnthropicTool},
    {AnthropicRequest, "mcp_servers", AnthropicTool},
    {AnthropicRequest, "tool_choice", Fixed},
    {AnthropicRequest, "metadata", Fixed},
    {AnthropicRequest, "service_tier", Fixed},
    {AnthropicRequest, "thinking", Fixed},
    {AnthropicRequest, "container", Fixed},
    {AnthropicRequest, "inference_geo", Fixed},
    {AnthropicRequest, "speed", Fixed},
    {AnthropicRequest, "cache_control", Fixed},
    {AnthropicRequest, "diagnostics", Fixed},
    {AnthropicRequest, "fallback_credit_token", Fixed},
    {AnthropicRequest, "fallbacks", AnthropicRequest},
    {AnthropicRequest, "anthropic_version", Fixed},
    {AnthropicRequest, "anthropic_beta", Fixed},
    {AnthropicRequest, "betas", Fixed},
    {AnthropicRequest, "requests", AnthropicRequest},
    {AnthropicRequest, "custom_id", Fixed},
    {AnthropicRequest, "params", AnthropicRequest},
    {AnthropicRequest, "stop_sequences", Text},
    {AnthropicRequest, "output_config", Text},
    {AnthropicRequest, "output_format", Text},
    {AnthropicRequest, "context_management", Text},
    {AnthropicRequest, "prompt", Text},
    {AnthropicRequest, "stream", Fixed},
    {AnthropicRequest, "max_tokens", Fixed},

    // [M] BetaMessageParam.
    {AnthropicTurn, "role", Fixed},
    {AnthropicTurn, "content", AnthropicBlock},

    // [M] BetaTool and the server tools; BetaRequestMCPServerURLDefinition. A tool's name must
    // equal that of its calls.
    {AnthropicTool, "type", Fixed},
    {AnthropicTool, "name", Fixed},
    {AnthropicTool, "mcp_server_name", Fixed},
    {AnthropicTool, "cache_control", Fixed},
    {AnthropicTool, "allowed_callers", Fixed},
    {AnthropicTool, "tool_configuration", Fixed},
    {AnthropicTool, "configs", Fixed},
    {AnthropicTool, "default_config", Fixed},
    {AnthropicTool, "model", Fixed},
    {AnthropicTool, "description", Text},
    {AnthropicTool, "input_schema", Text},
    {AnthropicTool, "input_examples", Text},
    {AnthropicTool, "url", Text},
    {AnthropicTool, "authorization_token", Text},

    // [M] BetaMessage, BetaErrorResponse; [B] BetaMessageBatch, BetaMessageBatchIndividualResponse,
    // BetaModelInfo,
    // BetaFileMetadata and the lists of them (data).
    {AnthropicResponse, "id", Fixed},
    {AnthropicResponse, "type", Fixed},
    {AnthropicResponse, "role", Fixed},
    {AnthropicResponse, "model", Fixed},
    {AnthropicResponse, "stop_reason", Fixed},
    {AnthropicResponse, "stop_sequence", Fixed},
    {AnthropicResponse, "stop_details", AnthropicStopDetails},
    {AnthropicResponse, "usage", Fixed},
    {AnthropicResponse, "container", Fixed},
    {AnthropicResponse, "context_management", Fixed},
    {AnthropicResponse, "diagnostics", Fixed},
    {AnthropicResponse, "input_transformations", Fixed},
    {AnthropicResponse, "content", AnthropicBlock},
    {AnthropicResponse, "error", AnthropicError},
    {AnthropicResponse, "message", AnthropicResponse},
    {AnthropicResponse, "result", AnthropicResponse},
    {AnthropicResponse, "data", AnthropicResponse},
    {AnthropicResponse, "*_id", Fixed},
    {AnthropicResponse, "*_at", Fixed},
    {AnthropicResponse, "next_page", Fixed},
    {AnthropicResponse, "processing_status", Fixed},
    {AnthropicResponse, "results_url", Fixed},
    {AnthropicResponse, "mime_type", Fixed},
    {AnthropicResponse, "allowed_fallback_models", Fixed},
    {AnthropicResponse, "capabilities", Fixed},

    // [M] BetaErrorResponse.error; the batch result "errored" wraps one more.
    {AnthropicError, "type", Fixed},
    {AnthropicError, "message", Text},
    {AnthropicError, "error", AnthropicError},
    {AnthropicError, "request_id", Fixed},

    // [M] BetaRefusalStopDetails.
    {AnthropicStopDetails, "type", Fixed},
    {AnthropicStopDetails, "category", Fixed},
    {AnthropicStopDetails, "explanation", Text},
    {AnthropicStopDetails, "fallback_credit_token", Fixed},
    {AnthropicStopDetails, "recommended_model", Fixed},

    // [M] BetaContentBlock and BetaContentBlockParam, with what stands inside the results of server
    // tools. data is that
    // of redacted_thinking. encrypted_*: encrypted_content, encrypted_index, encrypted_stdout are
    // opaque and returned to
    // the provider as they were. from, to, trigger: BetaFallbackBlock.
    {AnthropicBlock, "type", Fixed},
    {AnthropicBlock, "id", Fixed},
    {AnthropicBlock, "*_id", Fixed},
    {AnthropicBlock, "name", Fixed},
    {AnthropicBlock, "server_name", Fixed},
    {AnthropicBlock, "tool_name", Fixed},
    {AnthropicBlock, "toolset_name", Fixed},
    {AnthropicBlock, "signature", Fixed},
    {AnthropicBlock, "data", Fixed},
    {AnthropicBlock, "encrypted_*", Fixed},
    {AnthropicBlock, "caller", Fixed},
    {AnthropicBlock, "cache_control", Fixed},
    {AnthropicBlock, "error_code", Fixed},
    {AnthropicBlock, "file_type", Fixed},
    {AnthropicBlock, "retrieved_at", Fixed},
    {AnthropicBlock, "stop_reason", Fixed},
    {AnthropicBlock, "transformations", Fixed},
    {AnthropicBlock, "from", Fixed},
    {AnthropicBlock, "to", Fixed},
    {AnthropicBlock, "trigger", Fixed},
    {AnthropicBlock, "content", AnthropicBlock},
    {AnthropicBlock, "source", AnthropicSource},
    {AnthropicBlock, "citations", AnthropicCitation},
    {AnthropicBlock, "tool", AnthropicBlock},
    {AnthropicBlock, "tool_references", AnthropicBlock},
    {AnthropicBlock, "tabs", AnthropicBlock},
    {AnthropicBlock, "state_changes", AnthropicBlock},
    {AnthropicBlock, "text", Text},
    {AnthropicBlock, "thinking", Text},
    {AnthropicBlock, "input", Text},
    {AnthropicBlock, "title", Text},
    {AnthropicBlock, "context", Text},
    {AnthropicBlock, "url", Text},
    {AnthropicBlock, "stdout", Text},
    {AnthropicBlock, "stderr", Text},
    {AnthropicBlock, "lines", Text},
    {AnthropicBlock, "error_message", Text},
    {AnthropicBlock, "page_age", Text},
    {AnthropicBlock, "is_error", Fixed},

    // [M] BetaBase64ImageSource, BetaBase64PDFSource, BetaPlainTextSource, BetaURL..., BetaFile...,
    // BetaContentBlockSource.
    // data is base64 behind "type":"base64" and plain text behind "type":"text"; text too where the
    // type comes later.
    {AnthropicSource, "type", Fixed, Mark::Base64},
    {AnthropicSource, "media_type", Fixed},
    {AnthropicSource, "data", Text, Mark::No, Base64},
    {AnthropicSource, "file_id", Fixed},
    {AnthropicSource, "content", AnthropicBlock},
    {AnthropicSource, "url", Text},

    // [M] BetaTextCitation.
    {AnthropicCitation, "type", Fixed},
    {AnthropicCitation, "*_id", Fixed},
    {AnthropicCitation, "encrypted_*", Fixed},
    {AnthropicCitation, "cited_text", Text},
    {AnthropicCitation, "title", Text},
    {AnthropicCitation, "document_title", Text},
    {AnthropicCitation, "url", Text},
    {AnthropicCitation, "source", Text},

    // [M] BetaRawMessageStreamEvent: the members that are not already those of AnthropicResponse.
    {AnthropicEvent, "index", Fixed},
    {AnthropicEvent, "content_block", AnthropicStartBlock},
    {AnthropicEvent, "delta", AnthropicDelta},

    // [M] BetaRawContentBlockStartEvent: the text that a block begins with is continued by its
    // deltas. content is a
    // string in a compaction block alone.
    {AnthropicStartBlock, "text", TextPiece},
    {AnthropicStartBlock, "thinking", ThinkingPiece},
    {AnthropicStartBlock, "content", AnthropicStartContent},

    // [M] BetaRawContentBlockDelta and BetaRawMessageDeltaEvent.delta.
    {AnthropicDelta, "type", Fixed},
    {AnthropicDelta, "text", TextPiece},
    {AnthropicDelta, "thinking", ThinkingPiece},
    {AnthropicDelta, "partial_json", InputPiece},
    {AnthropicDelta, "content", AnthropicDeltaContent},
    {AnthropicDelta, "citation", AnthropicCitation},
    {AnthropicDelta, "signature", Fixed},
    {AnthropicDelta, "encrypted_*", Fixed},
    {AnthropicDelta, "stop_reason", Fixed},
    {AnthropicDelta, "stop_sequence", Fixed},
    {AnthropicDelta, "stop_details", AnthropicStopDetails},
    {AnthropicDelta, "container", Fixed},
    {AnthropicDelta, "index", Fixed},

    // [S] BetaManagedAgentsDeltaContent: a preview of text whose event follows whole.
    {AnthropicPreview, "type", Fixed},
    {AnthropicPreview, "text", TextPiece},

    // [MCP] JSONRPCMessage. Error.message and Error.data are text.
    {McpFromClient, "jsonrpc", Fixed},
    {McpFromClient, "id", Fixed},
    {McpFromClient, "method", Fixed},
    {McpFromClient, "params", McpParams},
    {McpFromClient, "result", McpClientResult},
    {McpFromClient, "error", Text},
    {McpFromServer, "result", McpServerResult},

    // [MCP] The params of every request and notification of both sides; their names do not collide.
    // name and the name in
    // McpReference select a tool or prompt and must equal the Mcp-Name field. cursor, requestState:
    // opaque.
    {McpParams, "_meta", McpMeta},
    {McpParams, "name", Fixed},
    {McpParams, "arguments", Text},
    {McpParams, "uri", Text},
    {McpParams, "cursor", Fixed},
    {McpParams, "requestState", Fixed},
    {McpParams, "inputResponses", McpInputResponses},
    {McpParams, "protocolVersion", Fixed},
    {McpParams, "capabilities", Text},
    {McpParams, "clientInfo", Text},
    {McpParams, "progressToken", Fixed},
    {McpParams, "requestId", Fixed},
    {McpParams, "elicitationId", Fixed},
    {McpParams, "level", Fixed},
    {McpParams, "logger", Text},
    {McpParams, "data", Text},
    {McpParams, "message", Text},
    {McpParams, "reason", Text},
    {McpParams, "ref", McpReference},
    {McpParams, "argument", McpReference},
    {McpParams, "context", Text},
    {McpParams, "messages", McpTurn},
    {McpParams, "systemPrompt", Text},
    {McpParams, "includeContext", Fixed},
    {McpParams, "modelPreferences", Fixed},
    {McpParams, "stopSequences", Text},
    {McpParams, "metadata", Text},
    {McpParams, "tools", McpTool},
    {McpParams, "toolChoice", Fixed},
    {McpParams, "mode", Fixed},
    {McpParams, "requestedSchema", Text},
    {McpParams, "url", Text},
    {McpParams, "notifications", Text},
    {McpParams, "task", McpTask},

    // [MCP] PromptReference, ResourceTemplateReference, CompleteRequestParams.argument.
    {McpReference, "type", Fixed},
    {McpReference, "name", Fixed},
    {McpReference, "uri", Text},
    {McpReference, "title", Text},
    {McpReference, "value", Text},

    // [MCP] CreateMessageResult, ElicitResult, ListRootsResult. content is a content block behind
    // the role or model of a
    // sampling result, else the free-form answers of a person.
    {McpClientResult, "role", Fixed, Mark::Seen},
    {McpClientResult, "model", Fixed, Mark::Seen},
    {McpClientResult, "content", Text, Mark::No, McpContent},
    {McpClientResult, "stopReason", Fixed},
    {McpClientResult, "action", Fixed},
    {McpClientResult, "roots", McpResource},
    {McpClientResult, "resultType", Fixed},
    {McpClientResult, "_meta", McpMeta},
    {McpClientResult, "task", McpTask},
    {McpClientResult, "tasks", McpTask},

    // [MCP] InputRequests and InputResponses (2026-07-28): the keys are chosen by the server and
    // returned to it.
    {McpInputRequests, "*", McpFromServer},
    {McpInputResponses, "*", McpClientResult},

    // [MCP] CallToolResult, List...Result, GetPromptResult, ReadResourceResult, InitializeResult,
    // DiscoverResult,
    // CompleteResult, InputRequiredResult, CreateTaskResult.
    {McpServerResult, "_meta", McpMeta},
    {McpServerResult, "content", McpContent},
    {McpServerResult, "structuredContent", Text},
    {McpServerResult, "resultType", Fixed},
    {McpServerResult, "nextCursor", Fixed},
    {McpServerResult, "cacheScope", Fixed},
    {McpServerResult, "requestState", Fixed},
    {McpServerResult, "inputRequests", McpInputRequests},
    {McpServerResult, "protocolVersion", Fixed},
    {McpServerResult, "supportedVersions", Fixed},
    {McpServerResult, "capabilities", Text},
    {McpServerResult, "serverInfo", Text},
    {McpServerResult, "instructions", Text},
    {McpServerResult, "tools", McpTool},
    {McpServerResult, "prompts", McpPrompt},
    {McpServerResult, "resources", McpResource},
    {McpServerResult, "resourceTemplates", McpResource},
    {McpServerResult, "contents", McpResource},
    {McpServerResult, "messages", McpTurn},
    {McpServerResult, "description", Text},
    {McpServerResult, "completion", Text},
    {McpServerResult, "task", McpTask},
    {McpServerResult, "tasks", McpTask},

    // [MCP] PromptMessage, SamplingMessage.
    {McpTurn, "role", Fixed},
    {McpTurn, "content", McpContent},
    {McpTurn, "_meta", McpMeta},

    // [MCP] ContentBlock and SamplingMessageContentBlock. name is a link's; that of a tool use is
    // text as well.
    {McpContent, "type", Fixed},
    {McpContent, "mimeType", Fixed},
    {McpContent, "id", Fixed},
    {McpContent, "toolUseId", Fixed},
    {McpContent, "text", Text},
    {McpContent, "data", Base64},
    {McpContent, "uri", Text},
    {McpContent, "name", Text},
    {McpContent, "title", Text},
    {McpContent, "description", Text},
    {McpContent, "input", Text},
    {McpContent, "resource", McpResource},
    {McpContent, "content", McpContent},
    {McpContent, "structuredContent", Text},
    {McpContent, "annotations", Fixed},
    {McpContent, "icons", Text},
    {McpContent, "_meta", McpMeta},

    // [MCP] Resource, ResourceTemplate, TextResourceContents, BlobResourceContents, Root.
    {McpResource, "uri", Text},
    {McpResource, "uriTemplate", Text},
    {McpResource, "name", Text},
    {McpResource, "title", Text},
    {McpResource, "description", Text},
    {McpResource, "mimeType", Fixed},
    {McpResource, "text", Text},
    {McpResource, "blob", Base64},
    {McpResource, "annotations", Fixed},
    {McpResource, "icons", Text},
    {McpResource, "_meta", McpMeta},

    // [MCP] Tool. Its name must equal that of its calls.
    {McpTool, "name", Fixed},
    {McpTool, "title", Text},
    {McpTool, "description", Text},
    {McpTool, "inputSchema", Text},
    {McpTool, "outputSchema", Text},
    {McpTool, "annotations", Text},
    {McpTool, "execution", Fixed},
    {McpTool, "icons", Text},
    {McpTool, "_meta", McpMeta},

    // [MCP] Prompt and PromptArgument.
    {McpPrompt, "name", Fixed},
    {McpPrompt, "title", Text},
    {McpPrompt, "description", Text},
    {McpPrompt, "arguments", McpPrompt},
    {McpPrompt, "icons", Text},
    {McpPrompt, "_meta", McpMeta},

    // [MCP] Task, TaskMetadata (2025-11-25); GetTaskResult and TaskStatusNotificationParams have
    // these members themselves.
    {McpTask, "taskId", Fixed},
    {McpTask, "status", Fixed},
    {McpTask, "statusMessage", Text},
    {McpTask, "createdAt", Fixed},
    {McpTask, "lastUpdatedAt", Fixed},

    // [MCP] RequestMetaObject, NotificationMetaObject, SubscriptionsListenResultMetaObject: the
    // reserved keys; all else
    // in _meta is free. traceparent and tracestate: W3C Trace Context identifiers.
    {McpMeta, "progressToken", Fixed},
    {McpMeta, "io.modelcontextprotocol/protocolVersion", Fixed},
    {McpMeta, "io.modelcontextprotocol/logLevel", Fixed},
    {McpMeta, "io.modelcontextprotocol/subscriptionId", Fixed},
    {McpMeta, "io.modelcontextprotocol/related-task", Fixed},
    {McpMeta, "io.modelcontextprotocol/clientInfo", Text},
    {McpMeta, "io.modelcontextprotocol/clientCapabilities", Text},
    {McpMeta, "io.modelcontextprotocol/serverInfo", Text},
    {McpMeta, "traceparent", Fixed},
    {McpMeta, "tracestate", Fixed},
};

constexpr std::size_t index(Zone zone) { return static_cast<std::size_t>(zone); }

// Where a key that a zone does not list is looked for next; Text: nowhere.
constexpr Zone fallback(Zone zone) {
  switch (zone) {
    case AnthropicEvent:
      return AnthropicResponse;
    case AnthropicStartBlock:
      return AnthropicBlock;
    case McpFromServer:
      return McpFromClient;
    case AnthropicRequest:
    case AnthropicResponse:
    case McpFromClient:
    case Generic:
      return Credentials;
    case McpParams:
    case McpClientResult:
    case McpServerResult:
      return McpTask;
    default:
      return Text;
  }
}

// Entries of one zone stand together: [first, last) for each, found when compiled.
struct Range {
  std::size_t first = 0, last = 0;
};
constexpr std::array<Range, kZones> find_ranges() {
  std::array<Range, kZones> ranges{};
  for (std::size_t i = 0; i < std::size(kEntries); ++i) {
    Range& range = ranges[index(kEntries[i].in)];
    if (range.last == 0) range.first = i;
    if (range.last != 0 && range.last != i) throw "entries of one zone must stand together";
    range.last = i + 1;
  }
  return ranges;
}
constexpr std::array<Range, kZones> kRanges = find_ranges();
static_assert(std::ranges::all_of(kEntries,
                                  [](const Entry& e) { return e.key.size() <= kLongestKnownKey; }));

bool matches(std::string_view pattern, std::string_view key) {
  if (pattern.back() == '*') return key.starts_with(pattern.substr(0, pattern.size() - 1));
  if (pattern.front() == '*') return key.ends_with(pattern.substr(1));
  return pattern == key;
}

const Entry* find(Zone zone, std::string_view key) {
  for (; zone != Text; zone = fallback(zone)) {
    const Range range = kRanges[index(zone)];
    for (std::size_t i = range.first; i < range.last; ++i) {
      if (matches(kEntries[i].key, key)) return &kEntries[i];
    }
  }
  return nullptr;
}

}  // namespace

Zone leaf(Zone zone) {
  if (zone <= CompactionPiece) return zone;
  return zone == AnthropicStartContent || zone == AnthropicDeltaContent ? CompactionPiece : Text;
}

void FieldWalker::begin(bool array) {
  Zone zone = this->zone();
  if (zone == AnthropicStartContent) {
    zone = AnthropicBlock;
  } else if (zone == AnthropicDeltaContent) {
    zone = AnthropicPreview;
  } else if (zone <= CompactionPiece && zone != Fixed) {
    zone = Text;
  }
  open_.push_back({.zone = zone, .array = array});
}

bool FieldWalker::key(std::string_view decoded) {
  if (open_.empty()) return true;
  Level& level = open_.back();
  level.decisive = false;
  if (level.zone == Fixed) {
    level.member = Fixed;
    return false;
  }
  const Entry* entry = find(level.zone, decoded);
  if (entry == nullptr) {
    level.member = Text;
    return true;
  }
  level.member = level.marked ? entry->if_marked : entry->value;
  if (entry->mark == Mark::Seen) level.marked = true;
  level.decisive = entry->mark == Mark::Base64;
  return false;
}

void FieldWalker::string_value(std::string_view decoded) {
  if (open_.empty() || !open_.back().decisive) return;
  // The last value of a repeated member is the one that parsers keep.
  open_.back().marked = decoded == "base64";
}

Zone FieldWalker::zone() const {
  if (open_.empty()) return root_;
  return open_.back().array ? open_.back().zone : open_.back().member;
}

}  // namespace veilwire::message
