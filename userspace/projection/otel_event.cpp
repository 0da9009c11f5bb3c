#include "userspace/projection/otel_event.h"

#include "userspace/projection/call.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/otel_names.h"
#include "userspace/projection/record_tree.h"
#include "userspace/projection/tree_parts.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

namespace veilwire::projection {
namespace {

std::uint64_t unix_ns(const Now& time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.wall.since_epoch.count(), 0));
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

void add_place(Value& out, const audit::Context& context, std::string_view writer,
               std::uint64_t seq, const std::string& key) {
  out.add(otel::kLogRecordUid, Value::text(key))
      .add(otel::kHostId, Value::text(context.host))
      .add(otel::kBoot, Value::text(context.boot))
      .add(otel::kWriter, Value::text(writer))
      .add(otel::kSeq, Value::number(seq))
      .add(otel::kSession, Value::text(context.session))
      .add(otel::kExchange, Value::number(context.exchange));
}

void add_person(Value& out, const identity::Person& person) {
  Value groups = Value::list();
  for (const std::string& group : person.groups) groups.push(Value::text(group));
  out.add(otel::kUserId, Value::text(person.subject))
      .add(otel::kUserName, Value::text(person.name))
      .add(otel::kUserRoles, std::move(groups))
      .add(otel::kUserIssuer, Value::text(person.issuer))
      .add(otel::kUserClass, Value::text(audit::spell(person.person_class)))
      .add(otel::kUserMethod, Value::text(person.method))
      .add(otel::kUserStanding, Value::text(audit::standing(person)))
      .add_text(otel::kUserRunningAs, person.running_as);
}

void add_peer(Value& out, const identity::Peer& peer) {
  out.add(otel::kProcessPid, Value::number(peer.tgid))
      .add(otel::kProcessUserId, Value::number(peer.uid))
      .add(otel::kProcessExecutableName, Value::text(peer.comm))
      .add(otel::kCgroupId, decimal(peer.cgroup_id));
  if (peer.loginuid != identity::kUnsetAuditId)
    out.add(otel::kLoginUid, Value::number(peer.loginuid));
}

// What a reader filters by, beside the body.
struct RecordAttributes {
  Value& out;

  void operator()(const audit::SessionOpen& b) const { add_peer(out, b.peer); }
  void operator()(const audit::RequestHead& b) const {
    add_person(out, b.person);
    out.add(otel::kService, Value::text(b.service))
        .add_text(otel::kRequestModel, b.model)
        .add_text(otel::kMcpMethodName, b.mcp_method)
        .add_text(otel::kToolName, b.tool);
  }
  void operator()(const audit::IdentityChange& b) const { add_person(out, b.person); }
  template <class Other>
  void operator()(const Other&) const {}
};

void add_number(Value& out, std::string_view name, std::optional<std::uint64_t> number) {
  if (number) out.add(name, Value::number(*number));
}

// A body that could be read stands in the conventions' own form; any other as it is.
void add_content(Value& out, std::string_view name, const ShownBody& body) {
  if (!body.content.empty()) out.add(name, Value::content(body.content));
}

void add_model(Value& out, const Exchange& x, const Call& call, Level level) {
  const Answer& answer = x.answer;
  out.add(otel::kOperationName, Value::text(call.operation))
      .add(otel::kProviderName, Value::text(call.provider))
      .add(otel::kRequestModel, Value::text(x.request->model))
      .add_text(otel::kResponseId, answer.id)
      .add_text(otel::kResponseModel, answer.model);
  if (call.model) {
    out.add_text(otel::kConversationId, call.model->conversation_id);
    add_number(out, otel::kRequestMaxTokens, call.model->max_tokens);
    if (call.model->stream) out.add(otel::kRequestStream, Value::boolean(true));
  }
  if (!answer.id.empty())
    out.add(otel::kFinishReasons, Value::list({Value::text(answer.stop_reason)}));
  if (call.model && call.model->stream && x.first_released) {
    out.add(otel::kTimeToFirstChunk, Value::real(seconds(x.first_released->mono - x.begun.mono)));
  }
  add_number(out, otel::kInputTokens, answer.input_tokens);
  add_number(out, otel::kOutputTokens, answer.output_tokens);
  add_number(out, otel::kCacheReadTokens, answer.cache_read_tokens);
  add_number(out, otel::kCacheWriteTokens, answer.cache_write_tokens);
  if (level != Level::Masked) return;
  if (call.model && !call.model->messages.empty()) {
    out.add(otel::kInputMessages, call.model->messages);
    if (!call.model->system.empty()) out.add(otel::kSystemInstructions, call.model->system);
  } else {
    add_content(out, otel::kRequestContent, x.request_body);
  }
  if (!answer.messages.empty()) {
    out.add(otel::kOutputMessages, answer.messages);
  } else {
    add_content(out, otel::kResponseContent, x.response_body);
  }
}

void add_mcp(Value& out, const Exchange& x, const Call& call, Level level) {
  const audit::RequestHead& head = *x.request;
  out.add(otel::kMcpMethodName, Value::text(head.mcp_method))
      .add_text(otel::kOperationName, call.operation)
      .add_text(otel::kToolName, head.tool)
      .add_text(otel::kRpcResponseStatusCode, x.answer.rpc_error);
  if (call.mcp) {
    out.add_text(otel::kJsonRpcRequestId, call.mcp->id)
        .add_text(otel::kPromptName, call.mcp->prompt);
  }
  std::string version(field(head.fields, "mcp-protocol-version").value_or(""));
  if (version.empty() && call.mcp) version = call.mcp->version;
  // What was agreed on stands in the answer to initialize, where sessions begin.
  const std::string_view agreed = text_of(member(x.answer.result, "protocolVersion"));
  if (head.mcp_method == "initialize" && !agreed.empty()) version = agreed;
  out.add_text(otel::kMcpProtocolVersion, version);
  auto session = field(head.fields, "mcp-session-id");
  if (!session && x.response) session = field(x.response->fields, "mcp-session-id");
  // Later revisions have none, and the conventions forbid to name one.
  if (version < otel::kMcpWithoutSessions) out.add_text(otel::kMcpSessionId, session.value_or(""));
  if (level != Level::Masked) return;
  if (call.mcp) out.add_text(otel::kMcpResourceUri, call.mcp->resource);
  const bool is_call = call.mcp && !is_null(call.mcp->arguments);
  if (is_call) {
    out.add(otel::kToolCallArguments, call.mcp->arguments);
  } else {
    add_content(out, otel::kRequestContent, x.request_body);
  }
  if (is_call && !is_null(x.answer.result)) {
    out.add(otel::kToolCallResult, x.answer.result);
  } else {
    add_content(out, otel::kResponseContent, x.response_body);
  }
}

void add_http(Value& out, const Exchange& x, const Call& call, Level level) {
  const audit::RequestHead& head = *x.request;
  const std::string_view path = shown_target(head.target, Level::Metadata);
  out.add(otel::kService, Value::text(head.service))
      .add(otel::kHttpRequestMethod, Value::text(head.method))
      .add(otel::kUrlPath, Value::text(path));
  if (!call.server.empty()) {
    out.add(otel::kServerAddress, Value::text(call.server))
        .add(otel::kServerPort, Value::integer(call.port));
  }
  if (x.response) out.add(otel::kHttpResponseStatusCode, Value::integer(x.response->status));
  out.add(otel::kRequestFields, fields_tree(head.fields, level));
  if (x.response) out.add(otel::kResponseFields, fields_tree(x.response->fields, level));
  out.add_text(otel::kCredential, head.credential)
      .add_text(otel::kPolicyDigest, head.policy_digest);
  if (level == Level::Masked && head.target.size() > path.size() + 1)
    out.add(otel::kUrlQuery, Value::text(std::string_view(head.target).substr(path.size() + 1)));
}

void add_findings(Value& out, const Exchange& x, Level level) {
  out.add(otel::kDecision, Value::text(decision(x)));
  const Value tree = decisions_tree(x, level);
  for (const auto& [from, to] : {std::pair{"findings", otel::kFindings},
                                 {"blocks", otel::kBlocks},
                                 {"gaps", otel::kGaps},
                                 {"observed", otel::kObserved},
                                 {"identity_changes", otel::kIdentityChanges}}) {
    if (const Value& list = member(tree, from); !list.empty()) out.add(to, list);
  }
  if (x.more_findings > 0) out.add(otel::kMoreFindings, Value::number(x.more_findings));
}

// The conventions ask for DEBUG. Collectors that drop it must not drop what an auditor looks for.
Severity severity_of(std::string_view decision) {
  if (decision == "passed") return Severity::Debug;
  return decision == "masked" || decision == "observed" ? Severity::Info : Severity::Warn;
}

}  // namespace

std::optional<Event> event_of(const audit::Parsed& parsed, Level level) {
  const audit::Record& record = parsed.record;
  std::optional<Value> body = body_tree(record, level);
  if (!body) return std::nullopt;
  Event event{.time_ns = unix_ns(record.time),
              .severity = is_grave(record) ? Severity::Warn : Severity::Info,
              .name = std::string(otel::kOwnPrefix) + std::string(audit::kind(record)),
              .attributes = Value::map(),
              .body = std::move(body)};
  add_place(event.attributes, record.context, parsed.writer, parsed.seq,
            record_key(record.context.host, parsed.writer, parsed.seq));
  std::visit(RecordAttributes{event.attributes}, record.body);
  return event;
}

std::optional<Event> event_of(const Exchange& x, Level level) {
  if (level == Level::Findings && !has_findings(x)) return std::nullopt;
  const Call call = call_of(x);
  Event event{.time_ns = unix_ns(x.begun),
              .severity = severity_of(decision(x)),
              .name = std::string(otel::kFindingsEvent),
              .attributes = Value::map(),
              .body = {}};
  Value& out = event.attributes;
  add_place(out, x.context, x.writer, x.seq, exchange_key(x));
  if (x.request) add_person(out, x.request->person);
  add_findings(out, x, level);
  if (level == Level::Findings) {
    if (x.request) out.add_text(otel::kToolName, x.request->tool);
    return event;
  }

  if (x.session) add_peer(out, x.session->peer);
  event.name = otel::kHttpExchange;
  if (x.request) add_http(out, x, call, level);
  switch (call.kind) {
    case Call::Kind::Model:
      event.name = otel::kInferenceDetails;
      add_model(out, x, call, level);
      break;
    case Call::Kind::Mcp:
      event.name = otel::kMcpCall;
      add_mcp(out, x, call, level);
      break;
    case Call::Kind::Other:
      if (level != Level::Masked) break;
      add_content(out, otel::kRequestContent, x.request_body);
      add_content(out, otel::kResponseContent, x.response_body);
      break;
  }
  if (level == Level::Masked &&
      (!x.request_body.whole() || !x.response_body.whole() || x.answer.cut))
    out.add(otel::kContentCut, Value::boolean(true));
  out.add(otel::kRequestBytes, Value::number(x.request_body.bytes))
      .add(otel::kResponseBytes, Value::number(x.response_body.bytes))
      .add(otel::kDuration, Value::real(seconds(x.ended.mono - x.begun.mono)))
      .add(otel::kOutcome, Value::text(x.close ? x.close->outcome : "unknown"))
      .add_text(otel::kUpstreamError, x.upstream_error)
      .add_text(otel::kErrorType, call.error_type);
  return event;
}

}  // namespace veilwire::projection
