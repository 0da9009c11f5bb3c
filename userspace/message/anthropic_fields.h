// What the members of the Messages API's documents are. The type names are those of the official
// SDKs (BetaTextBlock, ...). Sources:
// [M] Messages API reference and its streaming page, platform.claude.com/docs/en/api/messages and
//     .../docs/en/build-with-claude/streaming
// [B] Message Batches, Models and Files references; [S] Sessions, at the same place.
#pragma once

#include "userspace/message/field_entry.h"

namespace veilwire::message::table {

inline constexpr Entry kAnthropicFields[] = {
    // [M] MessageCreateParams, MessageCountTokensParams; [B] BatchCreateParams (requests: custom_id
    // and params). metadata.user_id is an opaque identifier. mcp_servers stays text: its url and
    // authorization_token are credentials that leave the host, which is for the policy to judge.
    // fallbacks repeat members of the request.
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
    // BetaModelInfo, BetaFileMetadata and the lists of them (data).
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
    // tools. data is that of redacted_thinking. encrypted_*: encrypted_content, encrypted_index,
    // encrypted_stdout are opaque and returned to the provider as they were. from, to, trigger:
    // BetaFallbackBlock.
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
    // BetaContentBlockSource. data is base64 behind "type":"base64" and plain text behind
    // "type":"text"; text too where the type comes later.
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
    // The Text Completions API, which came before.
    {AnthropicEvent, "completion", TextPiece},

    // [M] BetaRawContentBlockStartEvent: the text that a block begins with is continued by its
    // deltas. content is a string in a compaction block alone, whose delta brings it whole.
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
};

}  // namespace veilwire::message::table
