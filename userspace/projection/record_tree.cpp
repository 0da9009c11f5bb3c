#include "userspace/projection/record_tree.h"

#include "userspace/projection/tree_parts.h"

#include <chrono>
#include <utility>
#include <variant>

namespace veilwire::projection {
namespace {

using Tree = std::optional<Value>;

// One function a kind: what each level leaves of it can be read off here, and a new kind does not
// compile before somebody has said.
struct Body {
  Level level;
  Monotonic now;

  bool masked() const { return level == Level::Masked; }
  bool findings() const { return level == Level::Findings; }

  Tree piece(std::uint64_t offset, const std::string& content,
             const std::vector<audit::MaskedSpan>& masks) const {
    Value out = Value::map();
    if (findings()) {
      if (masks.empty()) return std::nullopt;
      std::vector<FindingCount> counts;
      for (const audit::MaskedSpan& mask : masks) {
        counts.push_back({.direction = {},
                          .rule = mask.rule,
                          .category = mask.category,
                          .action = mask.action,
                          .digest = {},
                          .count = 1,
                          .bytes = mask.length});
      }
      out.add("findings", findings_tree(counts, level));
      return out;
    }
    out.add("offset", Value::number(offset));
    if (masked()) {
      out.add("content", Value::content(content));
    } else {
      out.add("content_bytes", Value::number(content.size()));
    }
    out.add("masks", masks_tree(masks));
    return out;
  }

  Tree operator()(const audit::SessionOpen& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("destination", Value::text(b.destination))
        .add("server_name", Value::text(b.server_name))
        .add("handling", Value::text(b.handling))
        .add("tls", Value::text(b.tls))
        .add("peer", peer_tree(b.peer));
    return out;
  }
  Tree operator()(const audit::RequestHead& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("service", Value::text(b.service))
        .add("method", Value::text(b.method))
        .add("target", Value::text(shown_target(b.target, level)))
        .add("person", person_tree(b.person, now))
        .add_text("model", b.model)
        .add_text("mcp_method", b.mcp_method)
        .add_text("tool", b.tool)
        .add_text("credential", b.credential)
        .add_text("mode", b.mode)
        .add("policy_digest", Value::text(b.policy_digest))
        .add("fields", fields_tree(b.fields, level));
    return out;
  }
  Tree operator()(const audit::RequestBody& b) const { return piece(b.offset, b.content, b.masks); }
  Tree operator()(const audit::IdentityChange& b) const {
    if (findings() && b.what != "lost") return std::nullopt;
    Value out = Value::map();
    out.add("what", Value::text(b.what))
        .add_text("reason", b.reason)
        .add_text("answer", b.answer)
        .add("person", person_tree(b.person, now));
    return out;
  }
  Tree operator()(const audit::ResponseHead& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("status", Value::integer(b.status)).add("fields", fields_tree(b.fields, level));
    return out;
  }
  Tree operator()(const audit::ResponseFragment& b) const {
    return piece(b.offset, b.content, b.masks);
  }
  Tree operator()(const audit::Blocked& b) const {
    Value out = Value::map();
    out.add("direction", Value::text(b.direction))
        .add("rule", Value::text(b.rule))
        .add("category", Value::text(b.category))
        .add("answer", Value::text(b.answer));
    if (!findings()) out.add("digest", Value::text(b.digest));
    return out;
  }
  Tree operator()(const audit::UpstreamError& b) const {
    if (findings()) return std::nullopt;
    return Value(Value::map().add("reason", Value::text(b.reason)));
  }
  Tree operator()(const audit::Gap& b) const {
    Value out = Value::map();
    out.add("reason", Value::text(b.reason))
        .add("action", Value::text(b.action))
        .add_text("would", b.would)
        .add("bytes", Value::number(b.bytes));
    // It may quote a field of the head.
    if (masked()) out.add_text("detail", b.detail);
    return out;
  }
  Tree operator()(const audit::Observed& b) const {
    Value out = Value::map();
    out.add_text("direction", b.direction)
        .add("outcome", Value::text(b.outcome))
        .add_text("rule", b.rule)
        .add_text("category", b.category)
        .add_text("reason", b.reason)
        .add_text("answer", b.answer);
    if (!findings()) out.add_text("digest", b.digest);
    return out;
  }
  Tree operator()(const audit::ExchangeClose& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("outcome", Value::text(b.outcome))
        .add("request_bytes", Value::number(b.request_bytes))
        .add("response_bytes", Value::number(b.response_bytes))
        .add("masked", Value::number(b.masked));
    if (b.observed > 0) out.add("observed", Value::number(b.observed));
    return out;
  }
  Tree operator()(const audit::SessionClose& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("reason", Value::text(b.reason))
        .add("from_client", Value::number(b.from_client))
        .add("from_upstream", Value::number(b.from_upstream));
    return out;
  }
  Tree operator()(const audit::ConfigChange& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("what", Value::text(b.what))
        .add("file", Value::text(b.file))
        .add("digest", Value::text(b.digest))
        .add("outcome", Value::text(b.outcome))
        .add_text("mode", b.mode);
    return out;
  }
  // At every level: whoever collects sees that the log goes on, and can ask it for a proof. All of
  // a note, without which its signature is worth nothing.
  Tree operator()(const audit::Checkpoint& b) const {
    return Value(Value::map().add("note", Value::content(b.note)));
  }
  Tree operator()(const audit::CheckpointKey& b) const {
    Value out = Value::map();
    out.add("verifier", Value::content(b.verifier)).add("note", Value::content(b.note));
    return out;
  }
  Tree operator()(const audit::Retention& b) const {
    Value out = Value::map();
    out.add("through", Value::number(b.through))
        .add("records", Value::number(b.records))
        .add("root", Value::content(b.root));
    return out;
  }
  // That there are originals, how long they are, and who can open them. What they are sealed in
  // stays in the ledger and in bundles that are exported for an auditor: a store of many readers is
  // no place for it. A chunk is told all the same, so that no number is missing from its writer's.
  Tree operator()(const audit::OriginalKey& b) const {
    if (findings()) return std::nullopt;
    Value recipients = Value::list();
    for (const audit::OriginalRecipient& recipient : b.recipients) {
      recipients.push(Value(Value::map()
                                .add("subject", Value::text(recipient.subject))
                                .add("issuer", Value::text(recipient.issuer))
                                .add("serial", Value::text(recipient.serial))
                                .add("fingerprint", Value::text(recipient.fingerprint))));
    }
    Value out = Value::map();
    out.add("key_id", Value::text(b.key_id)).add("recipients", std::move(recipients));
    return out;
  }
  Tree operator()(const audit::OriginalChunk& b) const {
    if (findings()) return std::nullopt;
    Value out = Value::map();
    out.add("direction", Value::text(b.direction))
        .add("key_id", Value::text(b.key_id))
        .add("index", Value::number(b.index))
        .add("last", Value::boolean(b.last))
        .add("content_bytes", Value::number(b.content.size()));
    return out;
  }
};

Value place(const audit::Context& context, std::string_view writer, std::uint64_t seq,
            std::string_view kind, const Now& time) {
  const auto mono = std::chrono::floor<std::chrono::microseconds>(time.mono.since_start);
  Value out = Value::map();
  out.add("v", Value::integer(audit::kRecordVersion))
      .add("kind", Value::text(kind))
      .add("host", Value::text(context.host))
      .add("boot", Value::text(context.boot))
      .add("session", Value::text(context.session))
      .add("exchange", Value::number(context.exchange))
      .add("writer", Value::text(writer))
      .add("seq", Value::number(seq))
      .add("t_wall_ns", decimal(std::int64_t{time.wall.since_epoch.count()}))
      .add("t_mono_us", Value::integer(mono.count()));
  return out;
}

Value body_of(const ShownBody& body, const audit::Fields* fields, Level level) {
  Value out = Value::map();
  out.add("bytes", Value::number(body.bytes));
  if (fields != nullptr) out.add("fields", fields_tree(*fields, level));
  if (level == Level::Masked) {
    out.add("content", Value::content(body.content));
    if (!body.whole()) out.add("cut", Value::boolean(true));
  }
  return out;
}

template <class Records>
Value bodies_of(const Records& records, Level level, Monotonic now) {
  Value out = Value::list();
  for (const auto& record : records) {
    if (Tree tree = Body{level, now}(record)) out.push(*std::move(tree));
  }
  return out;
}

}  // namespace

Value envelope(const audit::Parsed& parsed) {
  const audit::Record& record = parsed.record;
  return place(record.context, parsed.writer, parsed.seq, audit::kind(record), record.time);
}

std::optional<Value> body_tree(const audit::Record& record, Level level) {
  return std::visit(Body{level, record.time.mono}, record.body);
}

std::optional<Value> record_tree(const audit::Parsed& record, Level level) {
  const Tree body = body_tree(record.record, level);
  if (!body) return std::nullopt;
  Value out = envelope(record);
  for (const auto& [name, value] : std::get<Value::Members>(body->any())) out.add(name, value);
  return out;
}

bool holds_originals(const audit::Record& record) {
  return std::holds_alternative<audit::OriginalKey>(record.body) ||
         std::holds_alternative<audit::OriginalChunk>(record.body);
}

bool is_grave(const audit::Record& record) {
  if (const auto* change = std::get_if<audit::IdentityChange>(&record.body))
    return change->what == "lost";
  return std::holds_alternative<audit::Blocked>(record.body) ||
         std::holds_alternative<audit::Gap>(record.body) ||
         std::holds_alternative<audit::UpstreamError>(record.body);
}

Value decisions_tree(const Exchange& x, Level level) {
  const Monotonic now = x.ended.mono;
  Value out = Value::map();
  out.add("findings", findings_tree(x.findings, level))
      .add("blocks", bodies_of(x.blocks, level, now))
      .add("gaps", bodies_of(x.gaps, level, now))
      .add("observed", bodies_of(x.observed, level, now))
      .add("identity_changes", bodies_of(x.changes, level, now));
  return out;
}

std::optional<Value> exchange_tree(const Exchange& x, Level level) {
  if (level == Level::Findings && !has_findings(x)) return std::nullopt;
  const bool all = level != Level::Findings;
  Value out = place(x.context, x.writer, x.seq, "exchange", x.begun);
  out.add("decision", Value::text(decision(x)));
  if (x.session) out.add_text("server_name", x.session->server_name);
  if (x.request) {
    const audit::RequestHead& head = *x.request;
    out.add("person", person_tree(head.person, x.begun.mono))
        .add("service", Value::text(head.service))
        .add_text("tool", head.tool);
    if (all) {
      out.add("method", Value::text(head.method))
          .add("target", Value::text(shown_target(head.target, level)))
          .add_text("model", head.model)
          .add_text("mcp_method", head.mcp_method)
          .add_text("credential", head.credential)
          .add_text("mode", head.mode)
          .add("policy_digest", Value::text(head.policy_digest));
    }
  }
  const Value decisions = decisions_tree(x, level);
  for (const auto& [name, list] : std::get<Value::Members>(decisions.any())) out.add(name, list);
  if (x.more_findings > 0) out.add("more_findings", Value::number(x.more_findings));
  if (x.left_out > 0) out.add("left_out", Value::number(x.left_out));
  if (!all) return out;
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(x.ended.mono - x.begun.mono);
  out.add("duration_ms", Value::integer(took.count()))
      .add("request", body_of(x.request_body, x.request ? &x.request->fields : nullptr, level))
      .add("response", body_of(x.response_body, x.response ? &x.response->fields : nullptr, level));
  if (x.response) out.add("status", Value::integer(x.response->status));
  out.add_text("upstream_error", x.upstream_error);
  out.add("outcome", Value::text(x.close ? x.close->outcome : "unknown"));
  return out;
}

}  // namespace veilwire::projection
