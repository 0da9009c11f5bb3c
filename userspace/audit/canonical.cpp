// The spelling of every record: one function a kind, so that the format can be read off this file.
#include "userspace/audit/canonical_json.h"
#include "userspace/audit/record.h"

#include <algorithm>
#include <chrono>

namespace veilwire::audit {
namespace {

std::string fields_json(const Fields& fields) {
  JsonArray out;
  for (const auto& [name, value] : fields) out.json(JsonArray().text(name).text(value).finish());
  return out.finish();
}

std::string masks_json(const std::vector<MaskedSpan>& masks) {
  JsonArray out;
  for (const MaskedSpan& mask : masks) {
    JsonObject span;
    span.text("action", mask.action)
        .text("category", mask.category)
        .text("digest", mask.digest)
        .number("length", mask.length)
        .number("offset", mask.offset)
        .number("released_length", mask.released_length)
        .text("rule", mask.rule);
    if (!mask.would.empty()) span.text("would", mask.would);
    out.json(span.finish());
  }
  return out.finish();
}

std::string peer_json(const identity::Peer& peer) {
  JsonObject out;
  out.number("audit_session", peer.audit_session)
      .decimal("cgroup_id", peer.cgroup_id)
      .text("comm", peer.comm)
      .number("exe_device", peer.exe_device)
      .number("exe_generation", peer.exe_generation)
      .decimal("exe_inode", peer.exe_inode)
      .number("gid", peer.gid)
      .number("loginuid", peer.loginuid)
      .decimal("netns_cookie", peer.netns_cookie)
      .decimal("start_boottime_ns", peer.start_boottime_ns)
      .number("tgid", peer.tgid)
      .number("uid", peer.uid);
  if (peer.kernel_tgid != 0) out.number("kernel_tgid", peer.kernel_tgid);
  return out.finish();
}

std::string person_json(const identity::Person& person, Monotonic now) {
  JsonArray groups;
  for (const std::string& group : person.groups) groups.text(group);
  return JsonObject()
      .number("age_ms", age_ms(person, now))
      .text("class", spell(person.person_class))
      .json("groups", groups.finish())
      .text("inside_uid", person.inside_uid ? std::to_string(*person.inside_uid) : "")
      .text("issuer", person.issuer)
      .text("method", person.method)
      .text("name", person.name)
      .text("running_as", person.running_as)
      .text("standing", standing(person))
      .text("subject", person.subject)
      .finish();
}

std::string recipients_json(const std::vector<OriginalRecipient>& recipients) {
  JsonArray out;
  for (const OriginalRecipient& recipient : recipients) {
    out.json(JsonObject()
                 .text("fingerprint", recipient.fingerprint)
                 .text("issuer", recipient.issuer)
                 .text("serial", recipient.serial)
                 .text("subject", recipient.subject)
                 .finish());
  }
  return out.finish();
}

struct Members {
  JsonObject& out;
  Monotonic now;

  void operator()(const SessionOpen& b) const {
    out.text("destination", b.destination)
        .text("handling", b.handling)
        .json("peer", peer_json(b.peer))
        .text("server_name", b.server_name)
        .text("tls", b.tls);
  }
  void operator()(const RequestHead& b) const {
    if (!b.credential.empty()) out.text("credential", b.credential);
    if (!b.mode.empty()) out.text("mode", b.mode);
    out.json("fields", fields_json(b.fields))
        .text("mcp_method", b.mcp_method)
        .text("method", b.method)
        .text("model", b.model)
        .json("person", person_json(b.person, now))
        .text("policy_digest", b.policy_digest)
        .text("service", b.service)
        .text("target", b.target)
        .text("tool", b.tool);
  }
  void operator()(const RequestBody& b) const {
    out.text("content", b.content).json("masks", masks_json(b.masks)).number("offset", b.offset);
  }
  void operator()(const IdentityChange& b) const {
    out.text("answer", b.answer)
        .json("person", person_json(b.person, now))
        .text("reason", b.reason)
        .text("what", b.what);
  }
  void operator()(const ResponseHead& b) const {
    out.json("fields", fields_json(b.fields))
        .number("status", static_cast<std::uint64_t>(std::max(b.status, 0)));
  }
  void operator()(const ResponseFragment& b) const {
    out.text("content", b.content).json("masks", masks_json(b.masks)).number("offset", b.offset);
  }
  void operator()(const Blocked& b) const {
    out.text("answer", b.answer)
        .text("category", b.category)
        .text("digest", b.digest)
        .text("direction", b.direction)
        .text("rule", b.rule);
  }
  void operator()(const UpstreamError& b) const { out.text("reason", b.reason); }
  void operator()(const Gap& b) const {
    out.text("action", b.action)
        .number("bytes", b.bytes)
        .text("detail", b.detail)
        .text("reason", b.reason);
    if (!b.would.empty()) out.text("would", b.would);
  }
  void operator()(const Observed& b) const {
    out.text("answer", b.answer)
        .text("category", b.category)
        .text("digest", b.digest)
        .text("direction", b.direction)
        .text("outcome", b.outcome)
        .text("reason", b.reason)
        .text("rule", b.rule);
  }
  void operator()(const ExchangeClose& b) const {
    if (b.observed != 0) out.number("observed", b.observed);
    out.number("masked", b.masked)
        .text("outcome", b.outcome)
        .number("request_bytes", b.request_bytes)
        .number("response_bytes", b.response_bytes);
  }
  void operator()(const SessionClose& b) const {
    out.number("from_client", b.from_client)
        .number("from_upstream", b.from_upstream)
        .text("reason", b.reason);
  }
  void operator()(const ConfigChange& b) const {
    if (!b.mode.empty()) out.text("mode", b.mode);
    out.text("digest", b.digest)
        .text("file", b.file)
        .text("outcome", b.outcome)
        .text("what", b.what);
  }
  void operator()(const Checkpoint& b) const { out.text("note", b.note); }
  void operator()(const CheckpointKey& b) const {
    out.text("note", b.note).text("verifier", b.verifier);
  }
  void operator()(const Retention& b) const {
    out.number("records", b.records).text("root", b.root).number("through", b.through);
  }
  void operator()(const OriginalKey& b) const {
    out.bytes("cms", b.cms)
        .text("key_id", b.key_id)
        .json("recipients", recipients_json(b.recipients));
  }
  void operator()(const OriginalChunk& b) const {
    out.bytes("content", b.content)
        .text("direction", b.direction)
        .text("head", b.head)
        .number("index", b.index)
        .text("key_id", b.key_id)
        .json("last", b.last ? "true" : "false");
  }
};

struct KindOf {
  std::string_view operator()(const SessionOpen&) const { return "session.open"; }
  std::string_view operator()(const RequestHead&) const { return "request.head"; }
  std::string_view operator()(const RequestBody&) const { return "request.body"; }
  std::string_view operator()(const IdentityChange&) const { return "identity.change"; }
  std::string_view operator()(const ResponseHead&) const { return "response.head"; }
  std::string_view operator()(const ResponseFragment&) const { return "response.fragment"; }
  std::string_view operator()(const Blocked&) const { return "block"; }
  std::string_view operator()(const UpstreamError&) const { return "upstream.error"; }
  std::string_view operator()(const Gap&) const { return "gap"; }
  std::string_view operator()(const ExchangeClose&) const { return "exchange.close"; }
  std::string_view operator()(const SessionClose&) const { return "session.close"; }
  std::string_view operator()(const ConfigChange&) const { return "config.change"; }
  std::string_view operator()(const Checkpoint&) const { return "checkpoint"; }
  std::string_view operator()(const CheckpointKey&) const { return "checkpoint.key"; }
  std::string_view operator()(const Retention&) const { return "retention"; }
  std::string_view operator()(const Observed&) const { return "observed"; }
  std::string_view operator()(const OriginalKey&) const { return "original.key"; }
  std::string_view operator()(const OriginalChunk&) const { return "original.chunk"; }
};

}  // namespace

// person_class has a spelling of its own here: a record of today must read the same in ten years,
// whatever the identity module calls things by then.
std::string_view spell(identity::PersonClass c) {
  switch (c) {
    case identity::PersonClass::Human:
      return "human";
    case identity::PersonClass::Derived:
      return "derived";
    case identity::PersonClass::Service:
      return "service";
    case identity::PersonClass::Ci:
      return "ci";
  }
  return "human";
}

std::string_view standing(const identity::Person& person) {
  switch (person.standing) {
    case identity::Standing::Cached:
      return "cached";
    case identity::Standing::Stale:
      return "stale";
    default:
      return "fresh";
  }
}

std::uint64_t age_ms(const identity::Person& person, Monotonic now) {
  const auto age = std::chrono::floor<std::chrono::milliseconds>(now - person.confirmed_at);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0));
}

std::string_view kind(const Record& record) { return std::visit(KindOf{}, record.body); }

std::string canonical(const Record& record, std::string_view writer, std::uint64_t seq) {
  const auto mono = std::chrono::floor<std::chrono::microseconds>(record.time.mono.since_start);
  JsonObject out;
  out.text("boot", record.context.boot)
      .number("exchange", record.context.exchange)
      .text("host", record.context.host)
      .text("kind", kind(record))
      .number("seq", seq)
      .text("session", record.context.session)
      .number("t_mono_us", static_cast<std::uint64_t>(std::max<std::int64_t>(mono.count(), 0)))
      .decimal("t_wall_ns", std::int64_t{record.time.wall.since_epoch.count()})
      .number("v", kRecordVersion)
      .text("writer", writer);
  std::visit(Members{out, record.time.mono}, record.body);
  return out.finish();
}

}  // namespace veilwire::audit
