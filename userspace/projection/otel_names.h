// Every name of OpenTelemetry that is used here, in one table, because they still move:
//
//   gen_ai.*   open-telemetry/semantic-conventions-genai: docs/gen-ai/client-inference.md of commit
//              024a4f944a12, which builds on semantic conventions v1.44.0
//   mcp.*      the same: docs/registry/attributes/mcp.md of commit 4172e394d28f (MCP 2026-07-28)
//   others     open-telemetry/semantic-conventions v1.44.0
//
// gen_ai, mcp, user, host, log and jsonrpc are in Development: names change without notice.
// veilwire.* are ours. Whoever takes a newer version changes this file and the version in it.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace veilwire::projection::otel {

// Of the resource, which has stable names alone.
inline constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.44.0";

inline constexpr std::string_view kServiceName = "service.name";
inline constexpr std::string_view kServiceVersion = "service.version";
inline constexpr std::string_view kHostId = "host.id";
inline constexpr std::string_view kHostName = "host.name";

inline constexpr std::string_view kLogRecordUid = "log.record.uid";
inline constexpr std::string_view kErrorType = "error.type";
inline constexpr std::string_view kServerAddress = "server.address";
inline constexpr std::string_view kServerPort = "server.port";
inline constexpr std::string_view kHttpRequestMethod = "http.request.method";
inline constexpr std::string_view kHttpResponseStatusCode = "http.response.status_code";
inline constexpr std::string_view kUrlPath = "url.path";
inline constexpr std::string_view kUrlQuery = "url.query";
inline constexpr std::string_view kUserId = "user.id";
inline constexpr std::string_view kUserName = "user.name";
inline constexpr std::string_view kUserRoles = "user.roles";
inline constexpr std::string_view kProcessPid = "process.pid";
inline constexpr std::string_view kProcessUserId = "process.user.id";
inline constexpr std::string_view kProcessExecutableName = "process.executable.name";
inline constexpr std::string_view kJsonRpcRequestId = "jsonrpc.request.id";
inline constexpr std::string_view kRpcResponseStatusCode = "rpc.response.status_code";

inline constexpr std::string_view kInferenceDetails = "gen_ai.client.inference.operation.details";
inline constexpr std::string_view kOperationName = "gen_ai.operation.name";
inline constexpr std::string_view kProviderName = "gen_ai.provider.name";
inline constexpr std::string_view kConversationId = "gen_ai.conversation.id";
inline constexpr std::string_view kRequestModel = "gen_ai.request.model";
inline constexpr std::string_view kRequestMaxTokens = "gen_ai.request.max_tokens";
inline constexpr std::string_view kRequestStream = "gen_ai.request.stream";
inline constexpr std::string_view kResponseId = "gen_ai.response.id";
inline constexpr std::string_view kResponseModel = "gen_ai.response.model";
inline constexpr std::string_view kFinishReasons = "gen_ai.response.finish_reasons";
inline constexpr std::string_view kTimeToFirstChunk = "gen_ai.response.time_to_first_chunk";
inline constexpr std::string_view kInputTokens = "gen_ai.usage.input_tokens";
inline constexpr std::string_view kOutputTokens = "gen_ai.usage.output_tokens";
inline constexpr std::string_view kCacheReadTokens = "gen_ai.usage.cache_read.input_tokens";
inline constexpr std::string_view kCacheWriteTokens = "gen_ai.usage.cache_write.input_tokens";
inline constexpr std::string_view kInputMessages = "gen_ai.input.messages";
inline constexpr std::string_view kOutputMessages = "gen_ai.output.messages";
inline constexpr std::string_view kSystemInstructions = "gen_ai.system_instructions";
inline constexpr std::string_view kToolName = "gen_ai.tool.name";
inline constexpr std::string_view kToolCallArguments = "gen_ai.tool.call.arguments";
inline constexpr std::string_view kToolCallResult = "gen_ai.tool.call.result";
inline constexpr std::string_view kPromptName = "gen_ai.prompt.name";

inline constexpr std::string_view kMcpMethodName = "mcp.method.name";
inline constexpr std::string_view kMcpSessionId = "mcp.session.id";
inline constexpr std::string_view kMcpProtocolVersion = "mcp.protocol.version";
inline constexpr std::string_view kMcpResourceUri = "mcp.resource.uri";

inline constexpr std::string_view kMcpWithoutSessions = "2026-07-28";

// Well-known values.
inline constexpr std::string_view kChat = "chat";
inline constexpr std::string_view kTextCompletion = "text_completion";
inline constexpr std::string_view kEmbeddings = "embeddings";
inline constexpr std::string_view kExecuteTool = "execute_tool";
inline constexpr std::string_view kToolError = "tool_error";
inline constexpr std::string_view kFinishError = "error";

// gen_ai.provider.name by the end of the server's name. Where none fits it is the policy's service.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kProviders = {{
    {"api.anthropic.com", "anthropic"},
    {"generativelanguage.googleapis.com", "gcp.gemini"},
    {"aiplatform.googleapis.com", "gcp.vertex_ai"},
    {".amazonaws.com", "aws.bedrock"},
    {"openai.azure.com", "azure.ai.openai"},
    {"api.openai.com", "openai"},
    {"api.mistral.ai", "mistral_ai"},
}};

// Ours. An event of one record is called "veilwire." and the kind of the record.
inline constexpr std::string_view kOwnPrefix = "veilwire.";
inline constexpr std::string_view kMcpCall = "veilwire.mcp.call";
inline constexpr std::string_view kHttpExchange = "veilwire.http.exchange";
inline constexpr std::string_view kFindingsEvent = "veilwire.findings";

inline constexpr std::string_view kKind = "veilwire.kind";
inline constexpr std::string_view kBoot = "veilwire.boot";
inline constexpr std::string_view kWriter = "veilwire.writer";
inline constexpr std::string_view kSeq = "veilwire.seq";
inline constexpr std::string_view kSession = "veilwire.session";
inline constexpr std::string_view kExchange = "veilwire.exchange";
inline constexpr std::string_view kService = "veilwire.service";
inline constexpr std::string_view kDecision = "veilwire.decision";
inline constexpr std::string_view kOutcome = "veilwire.outcome";
inline constexpr std::string_view kDuration = "veilwire.duration";  // s
inline constexpr std::string_view kFindings = "veilwire.findings";
inline constexpr std::string_view kMoreFindings = "veilwire.findings.more";
inline constexpr std::string_view kBlocks = "veilwire.blocks";
inline constexpr std::string_view kGaps = "veilwire.gaps";
inline constexpr std::string_view kObserved = "veilwire.observed";
inline constexpr std::string_view kIdentityChanges = "veilwire.identity_changes";
inline constexpr std::string_view kUpstreamError = "veilwire.upstream_error";
inline constexpr std::string_view kPolicyDigest = "veilwire.policy.digest";
inline constexpr std::string_view kCredential = "veilwire.credential";
inline constexpr std::string_view kRequestBytes = "veilwire.request.bytes";
inline constexpr std::string_view kResponseBytes = "veilwire.response.bytes";
inline constexpr std::string_view kRequestFields = "veilwire.request.fields";
inline constexpr std::string_view kResponseFields = "veilwire.response.fields";
inline constexpr std::string_view kRequestContent = "veilwire.request.content";
inline constexpr std::string_view kResponseContent = "veilwire.response.content";
inline constexpr std::string_view kContentCut = "veilwire.content.cut";
inline constexpr std::string_view kUserIssuer = "veilwire.user.issuer";
inline constexpr std::string_view kUserClass = "veilwire.user.class";
inline constexpr std::string_view kUserMethod = "veilwire.user.method";
inline constexpr std::string_view kUserRunningAs = "veilwire.user.running_as";
inline constexpr std::string_view kUserStanding = "veilwire.user.standing";
inline constexpr std::string_view kLoginUid = "veilwire.process.loginuid";
inline constexpr std::string_view kCgroupId = "veilwire.process.cgroup_id";

}  // namespace veilwire::projection::otel
