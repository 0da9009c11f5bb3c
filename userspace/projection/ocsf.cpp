#include "userspace/projection/ocsf.h"

#include "userspace/projection/call.h"
#include "userspace/projection/ocsf_names.h"
#include "userspace/projection/ocsf_objects.h"
#include "userspace/projection/record_tree.h"
#include "userspace/projection/tree_parts.h"

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace veilwire::projection {
namespace {

using std::chrono::floor;
using std::chrono::milliseconds;

// Everything that the events of one record or exchange have in common, and the events.
class Events {
 public:
  Events(const Source& source, const audit::Context& context, std::string key, std::uint64_t seq,
         const Now& time)
      : source_(source), context_(context), key_(std::move(key)), seq_(seq), time_(time) {}

  // activity: what the class calls it, or kOther with a name of ours.
  Value begin(const ocsf::Class& of, std::int64_t activity, std::string_view activity_name,
              std::int64_t severity, std::initializer_list<std::string_view> profiles) {
    Value product = Value::map();
    product.add("name", Value::text("veilwire"))
        .add("vendor_name", Value::text("veilwire"))
        .add("version", Value::text(source_.version));
    Value names = Value::list();
    for (const std::string_view name : profiles) names.push(Value::text(name));
    Value metadata = Value::map();
    metadata.add("version", Value::text(ocsf::kVersion))
        .add("product", std::move(product))
        .add("profiles", std::move(names))
        .add("uid", Value::text(uid()))
        .add("correlation_uid",
             Value::text(clean(context_.session) + '-' + std::to_string(context_.exchange)))
        .add("log_name", Value::text("veilwire"));
    if (seq_ <= INT32_MAX) metadata.add("sequence", Value::number(seq_));
    Value out = Value::map();
    out.add("class_uid", Value::integer(of.uid))
        .add("category_uid", Value::integer(of.category_uid))
        .add("activity_id", Value::integer(activity))
        .add("type_uid", Value::integer(of.uid * 100 + activity))
        .add("severity_id", Value::integer(severity))
        .add("time", Value::integer(floor<milliseconds>(time_.wall.since_epoch).count()))
        .add("metadata", std::move(metadata));
    if (activity == ocsf::kOther) out.add("activity_name", Value::text(activity_name));
    return out;
  }
  void end(const Value& event) { lines_.push_back(to_json(event) + '\n'); }
  std::vector<std::string> take() && { return std::move(lines_); }
  const Source& source() const { return source_; }
  // Of the event that is under way: the first of a record has the record's key, the others a number
  // behind it.
  std::string uid() const {
    return lines_.empty() ? key_ : key_ + '-' + std::to_string(lines_.size());
  }

 private:
  const Source& source_;
  const audit::Context& context_;
  std::string key_;
  std::uint64_t seq_;
  Now time_;
  std::vector<std::string> lines_;
};

void add_verdict(Value& event, const ocsf::Verdict& verdict) {
  event.add("action_id", Value::integer(verdict.action_id))
      .add("disposition_id", Value::integer(verdict.disposition_id));
}

ocsf::Verdict verdict_of(std::string_view action) {
  if (action == "block") return ocsf::kDenied;
  return action == "mask" ? ocsf::kModified : ocsf::kObserved;
}

struct Who {
  const identity::Person* person = nullptr;
  const identity::Peer* peer = nullptr;
  std::string_view tool;
  std::optional<Value> server;
};

std::int64_t data_category(std::string_view category) {
  if (category == "secret") return ocsf::kSecurity;
  if (category == "pii") return ocsf::kPersonal;
  return category == "financial" ? ocsf::kFinancial : ocsf::kOther;
}

void finding(Events& events, const FindingCount& found, const Who& who) {
  const bool block = found.action == "block";
  Value event = events.begin(ocsf::kDataSecurityFinding, ocsf::kFindingCreate, {},
                             block ? ocsf::kHigh : ocsf::kMedium, {"security_control"});
  Value analytic = Value::map();
  analytic.add("type_id", Value::integer(ocsf::kRuleAnalytic))
      .add("name", Value::text(found.rule))
      .add_text("category", found.category);
  Value info = Value::map();
  info.add("uid", Value::text(events.uid()))
      .add("title", Value::text(clean(found.rule) + " in a " + clean(found.direction)))
      .add("analytic", std::move(analytic))
      .add("types", Value::list({Value::text(found.category)}));
  Value data = Value::map();
  const std::int64_t category = data_category(found.category);
  data.add("category_id", Value::integer(category))
      .add("detection_system_id", Value::integer(ocsf::kDlpGateway))
      .add("detection_pattern", Value::text(found.rule));
  if (category == ocsf::kOther) data.add("category", Value::text(found.category));
  Value unmapped = Value::map();
  unmapped.add("direction", Value::text(found.direction))
      .add("action", Value::text(found.action))
      .add_text("would", found.would)
      .add("bytes", Value::number(found.bytes))
      .add_text("digest", found.digest)
      .add_text("tool", who.tool);
  event.add("finding_info", std::move(info))
      .add("data_security", std::move(data))
      .add("count", ocsf::integer(found.count))
      .add("status_id", Value::integer(ocsf::kNew))
      .add("is_alert", Value::boolean(block))
      .add("actor", ocsf::actor(who.person, who.peer))
      .add("device", ocsf::device(events.source()))
      .add("src_endpoint", ocsf::source_endpoint(events.source()));
  if (who.server) event.add("dst_endpoint", *who.server);
  add_verdict(event, verdict_of(found.action));
  event.add("unmapped", std::move(unmapped));
  events.end(event);
}

void change(Events& events, const audit::IdentityChange& b, const audit::Context& context,
            Monotonic now) {
  const bool lost = b.what == "lost";
  Value session = Value::map();
  session.add("uid", Value::text(context.session)).add("issuer", Value::text(b.person.issuer));
  if (lost) session.add_text("expiration_reason", b.reason);
  Value unmapped = Value::map();
  unmapped.add("what", Value::text(b.what))
      .add_text("answer", b.answer)
      .add("person", person_tree(b.person, now));
  Value event = lost ? events.begin(ocsf::kAuthentication, ocsf::kLogoff, {}, ocsf::kLow, {"host"})
                     : events.begin(ocsf::kAuthorizeSession, ocsf::kAssignGroups, {},
                                    ocsf::kInformational, {"host"});
  event.add("user", ocsf::user(b.person))
      .add("session", std::move(session))
      .add("actor", ocsf::actor(&b.person, nullptr))
      .add("device", ocsf::device(events.source()))
      .add("src_endpoint", ocsf::source_endpoint(events.source()))
      .add("status_id", Value::integer(ocsf::kSuccess))
      .add_text("status_detail", b.reason);
  if (lost) {
    Value service = Value::map();
    const std::int64_t protocol = ocsf::auth_protocol(b.person.method);
    event.add("service", service.add("name", Value::text("veilwire")))
        .add("auth_protocol_id", Value::integer(protocol));
    if (protocol == ocsf::kOther) event.add("auth_protocol", Value::text(b.person.method));
  } else {
    // One event has one group; the names of all are what policy decides by.
    Value groups = Value::list();
    for (const std::string& name : b.person.groups) groups.push(Value::text(name));
    event.add("privileges", std::move(groups));
  }
  event.add("unmapped", std::move(unmapped));
  events.end(event);
}

void base(Events& events, std::string_view kind, std::string_view message, std::int64_t severity,
          Value tree) {
  Value event = events.begin(ocsf::kBaseEvent, ocsf::kOther, kind, severity, {"host"});
  event.add_text("message", message)
      .add("device", ocsf::device(events.source()))
      .add("unmapped", std::move(tree));
  events.end(event);
}

std::int64_t api_activity(std::string_view method) {
  for (const auto& [name, id] : ocsf::kApiActivities) {
    if (name == method) return id;
  }
  return ocsf::kOther;
}

Value message_context(const Exchange& x, const Call& call) {
  const bool model = call.kind == Call::Kind::Model;
  const Answer& answer = x.answer;
  Value service = Value::map();
  service.add("name", Value::text(call.server.empty() ? x.request->service : call.server));
  Value out = Value::map();
  out.add("ai_role_id", Value::integer(model ? ocsf::kAssistant : ocsf::kTool))
      .add("service", std::move(service))
      .add_text("name", x.request->tool);
  if (call.model) out.add_text("uid", call.model->conversation_id);
  if (answer.input_tokens) out.add("prompt_tokens", ocsf::integer(*answer.input_tokens));
  if (answer.output_tokens) out.add("completion_tokens", ocsf::integer(*answer.output_tokens));
  if (answer.input_tokens && answer.output_tokens)
    out.add("total_tokens", ocsf::integer(*answer.input_tokens + *answer.output_tokens));
  return out;
}

Value data_of(const ShownBody& body) {
  Value out = Value::map();
  out.add("content", Value::content(body.content));
  if (!body.whole()) out.add("cut", Value::boolean(true));
  return out;
}

Value api_of(const Exchange& x, const Call& call, const std::string& key, Level level) {
  const audit::RequestHead& head = *x.request;
  const std::string_view path = shown_target(head.target, Level::Metadata);
  Value service = Value::map();
  service.add("name", Value::text(head.service));
  Value request = Value::map();
  request.add("uid", Value::text(key));
  if (level == Level::Masked) request.add("data", data_of(x.request_body));
  Value response = Value::map();
  if (x.response) response.add("code", Value::integer(x.response->status));
  response.add_text("error", call.error_type).add_text("error_message", x.upstream_error);
  if (level == Level::Masked) response.add("data", data_of(x.response_body));
  Value out = Value::map();
  out.add("operation", Value::text(call.kind == Call::Kind::Mcp && !head.mcp_method.empty()
                                       ? head.mcp_method
                                       : head.method + ' ' + std::string(path)))
      .add("service", std::move(service))
      .add("request", std::move(request))
      .add("response", std::move(response));
  return out;
}

void call_event(Events& events, const Exchange& x, const Call& call, const Who& who,
                const std::string& key, Level level) {
  const audit::RequestHead& head = *x.request;
  const std::string_view decided = decision(x);
  const std::int64_t activity = api_activity(head.method);
  const bool denied = decided == "blocked";
  const std::int64_t severity = denied                       ? ocsf::kHigh
                                : decided == "not inspected" ? ocsf::kMedium
                                                             : ocsf::kInformational;
  Value event = call.kind == Call::Kind::Other
                    ? events.begin(ocsf::kApiActivity, activity, head.method, severity,
                                   {"host", "security_control"})
                    : events.begin(ocsf::kApiActivity, activity, head.method, severity,
                                   {"host", "security_control", "ai_operation"});
  event.add("actor", ocsf::actor(who.person, who.peer))
      .add("api", api_of(x, call, key, level))
      .add("device", ocsf::device(events.source()))
      .add("src_endpoint", ocsf::source_endpoint(events.source()));
  if (who.server) event.add("dst_endpoint", *who.server);
  event.add("http_request", ocsf::http_request(head, call, x.request_body.bytes, level));
  if (x.response)
    event.add("http_response", ocsf::http_response(*x.response, x.response_body.bytes, level));
  if (call.kind == Call::Kind::Model) {
    Value model = Value::map();
    model.add("name", Value::text(head.model)).add("ai_provider", Value::text(call.provider));
    event.add("ai_model", std::move(model));
  }
  if (call.kind != Call::Kind::Other) event.add("message_context", message_context(x, call));
  const bool failed = !call.error_type.empty();
  const std::int64_t status = failed       ? ocsf::kFailure
                              : x.response ? ocsf::kSuccess
                                           : ocsf::kUnknownStatus;
  event.add("status_id", Value::integer(status)).add_text("status_detail", call.error_type);
  if (x.close) {
    const auto took = floor<milliseconds>(x.ended.mono - x.begun.mono);
    event.add("duration", Value::integer(took.count()));
  }
  add_verdict(event, denied                ? ocsf::kDenied
                     : decided == "masked" ? ocsf::kModified
                                           : ocsf::kAllowed);
  if (!head.policy_digest.empty()) {
    Value policy = Value::map();
    event.add("policy", policy.add("uid", Value::text(head.policy_digest)));
  }
  Value unmapped = Value::map();
  unmapped.add("decision", Value::text(decided))
      .add("outcome", Value::text(x.close ? x.close->outcome : "unknown"))
      .add_text("credential", head.credential)
      .add("person", person_tree(head.person, x.begun.mono));
  if (x.more_findings > 0) unmapped.add("more_findings", Value::number(x.more_findings));
  if (x.left_out > 0) unmapped.add("left_out", Value::number(x.left_out));
  event.add("unmapped", std::move(unmapped));
  events.end(event);
}

// Which of the classes a record is, and what the Base Event says of one that is none.
struct RecordEvents {
  Events& events;
  const audit::Parsed& parsed;
  Level level;

  void piece(std::string_view direction, const std::vector<audit::MaskedSpan>& masks) const {
    std::vector<FindingCount> counts;
    for (const audit::MaskedSpan& mask : masks) {
      counts.push_back({.direction = std::string(direction),
                        .rule = mask.rule,
                        .category = mask.category,
                        .action = mask.action,
                        .would = mask.would,
                        .digest = mask.digest,
                        .count = 1,
                        .bytes = mask.length});
    }
    if (level == Level::Findings) counts = without_digests(counts);
    for (const FindingCount& found : counts) finding(events, found, {});
    if (level != Level::Findings) other({}, ocsf::kInformational);
  }
  void other(std::string_view message, std::int64_t severity) const {
    if (std::optional<Value> tree = body_tree(parsed.record, level))
      base(events, audit::kind(parsed.record), message, severity, *std::move(tree));
  }

  void operator()(const audit::RequestHead& b) const {
    if (level == Level::Findings) return;
    Exchange x;
    x.context = parsed.record.context;
    x.begun = x.ended = parsed.record.time;
    x.request = b;
    const Call call = call_of(x);
    const std::string key = record_key(parsed.record.context.host, parsed.writer, parsed.seq);
    call_event(
        events, x, call,
        {.person = &b.person, .peer = nullptr, .tool = b.tool, .server = ocsf::destination(call)},
        key, level);
  }
  void operator()(const audit::RequestBody& b) const { piece("request", b.masks); }
  void operator()(const audit::ResponseFragment& b) const { piece("response", b.masks); }
  void operator()(const audit::Blocked& b) const {
    finding(events,
            {.direction = b.direction,
             .rule = b.rule,
             .category = b.category,
             .action = "block",
             .digest = level == Level::Findings ? "" : b.digest,
             .count = 1},
            {});
  }
  void operator()(const audit::IdentityChange& b) const {
    if (level == Level::Findings && b.what != "lost") return;
    change(events, b, parsed.record.context, parsed.record.time.mono);
  }
  void operator()(const audit::Gap& b) const { other(b.reason, ocsf::kMedium); }
  void operator()(const audit::Observed& b) const { other(b.outcome, ocsf::kMedium); }
  void operator()(const audit::UpstreamError& b) const { other(b.reason, ocsf::kLow); }
  void operator()(const audit::SessionOpen& b) const { other(b.handling, ocsf::kInformational); }
  void operator()(const audit::SessionClose& b) const { other(b.reason, ocsf::kInformational); }
  void operator()(const audit::ExchangeClose& b) const { other(b.outcome, ocsf::kInformational); }
  void operator()(const audit::ConfigChange& b) const { other(b.outcome, ocsf::kInformational); }
  void operator()(const audit::Checkpoint& b) const { other(b.note, ocsf::kInformational); }
  void operator()(const audit::CheckpointKey& b) const { other(b.note, ocsf::kInformational); }
  void operator()(const audit::Retention& /*b*/) const { other({}, ocsf::kInformational); }
  void operator()(const audit::OriginalKey& /*b*/) const { other({}, ocsf::kInformational); }
  void operator()(const audit::OriginalChunk& /*b*/) const { other({}, ocsf::kInformational); }
  void operator()(const audit::ResponseHead& /*b*/) const { other({}, ocsf::kInformational); }
};

}  // namespace

std::vector<std::string> ocsf_lines(const audit::Parsed& parsed, const Source& source,
                                    Level level) {
  const audit::Record& record = parsed.record;
  Events events(source, record.context, record_key(record.context.host, parsed.writer, parsed.seq),
                parsed.seq, record.time);
  std::visit(RecordEvents{events, parsed, level}, record.body);
  return std::move(events).take();
}

std::vector<std::string> ocsf_lines(const Exchange& x, const Source& source, Level level) {
  const std::string key = exchange_key(x);
  Events events(source, x.context, key, x.seq, x.begun);
  const Call call = call_of(x);
  Who who;
  if (x.request) {
    who.person = &x.request->person;
    who.tool = x.request->tool;
  }
  if (x.session) who.peer = &x.session->peer;
  who.server = ocsf::destination(call);
  if (level != Level::Findings && x.request) call_event(events, x, call, who, key, level);
  for (const FindingCount& found :
       level == Level::Findings ? without_digests(x.findings) : x.findings)
    finding(events, found, who);
  for (const audit::IdentityChange& b : x.changes) {
    if (level != Level::Findings || b.what == "lost") change(events, b, x.context, x.ended.mono);
  }
  const audit::Record around{.context = x.context, .time = x.ended, .body = audit::Gap{}};
  for (const audit::Gap& gap : x.gaps) {
    audit::Record record = around;
    record.body = gap;
    base(events, "gap", gap.reason, ocsf::kMedium, *body_tree(record, level));
  }
  for (const audit::Observed& seen : x.observed) {
    audit::Record record = around;
    record.body = seen;
    base(events, "observed", seen.outcome, ocsf::kMedium, *body_tree(record, level));
  }
  return std::move(events).take();
}

}  // namespace veilwire::projection
