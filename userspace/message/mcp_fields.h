// What the members of MCP's messages are. Source:
// [MCP] The JSON schemas of the Model Context Protocol, revisions 2024-11-05 to 2026-07-28; the
//       names are their types.
#pragma once

#include "userspace/message/field_entry.h"

namespace veilwire::message::table {

inline constexpr Entry kMcpFields[] = {
    // [MCP] JSONRPCMessage. Error.message and Error.data are text.
    {McpFromClient, "jsonrpc", Fixed},
    {McpFromClient, "id", Fixed},
    {McpFromClient, "method", Fixed},
    {McpFromClient, "params", McpParams},
    {McpFromClient, "result", McpClientResult},
    {McpFromClient, "error", Text},
    {McpFromServer, "result", McpServerResult},

    // [MCP] The params of every request and notification of both sides; their names do not collide.
    // name and the name in McpReference select a tool or prompt and must equal the Mcp-Name field.
    // cursor, requestState: opaque.
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
    // the role or model of a sampling result, else the free-form answers of a person.
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
    // DiscoverResult, CompleteResult, InputRequiredResult, CreateTaskResult.
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
    // reserved keys; all else in _meta is free. traceparent and tracestate: W3C Trace Context
    // identifiers.
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

}  // namespace veilwire::message::table
