#include "userspace/projection/tree_parts.h"

#include "userspace/base/ascii.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace veilwire::projection {
namespace {

// As audit::age_ms, and of a record that claims a word from before time began the longest there is.
std::uint64_t age_of(const identity::Person& person, Monotonic now) {
  using std::chrono::nanoseconds;
  const nanoseconds confirmed = person.confirmed_at.since_start;
  if (confirmed.count() < 0 && now.since_start > nanoseconds::max() + confirmed)
    return audit::age_ms(person, Monotonic{nanoseconds::max() + confirmed});
  return audit::age_ms(person, now);
}

constexpr std::array<std::string_view, 5> kShownFields = {
    "content-encoding", "content-length", "content-type", "mcp-protocol-version", "mcp-session-id"};

}  // namespace

std::string record_key(std::string_view host, std::string_view writer, std::uint64_t seq) {
  return clean(host) + '-' + clean(writer) + '-' + std::to_string(seq);
}

std::string exchange_key(const Exchange& exchange) {
  return record_key(exchange.context.host, exchange.writer, exchange.seq) + "-exchange";
}

std::optional<std::string_view> field(const audit::Fields& fields, std::string_view name) {
  for (const auto& [n, value] : fields) {
    if (equal_ignoring_case(n, name)) return value;
  }
  return std::nullopt;
}

bool shows_value(std::string_view field_name, Level level) {
  if (level == Level::Masked) return true;
  return level == Level::Metadata &&
         std::any_of(kShownFields.begin(), kShownFields.end(), [&](std::string_view shown) {
           return equal_ignoring_case(shown, field_name);
         });
}

std::string_view shown_target(std::string_view target, Level level) {
  return level == Level::Masked ? target : target.substr(0, target.find_first_of("?#"));
}

Value fields_tree(const audit::Fields& fields, Level level) {
  Value out = Value::list();
  for (const auto& [name, value] : fields) {
    Value field = Value::map();
    field.add("name", Value::text(name));
    if (shows_value(name, level)) {
      field.add("value", level == Level::Masked ? Value::content(value) : Value::text(value));
    } else {
      field.add("bytes", Value::number(value.size()));
    }
    out.push(std::move(field));
  }
  return out;
}

Value person_tree(const identity::Person& person, Monotonic now) {
  Value groups = Value::list();
  for (const std::string& group : person.groups) groups.push(Value::text(group));
  Value out = Value::map();
  out.add("issuer", Value::text(person.issuer))
      .add("subject", Value::text(person.subject))
      .add("name", Value::text(person.name))
      .add("groups", std::move(groups))
      .add("class", Value::text(audit::spell(person.person_class)))
      .add("method", Value::text(person.method))
      .add("standing", Value::text(audit::standing(person)))
      .add("age_ms", Value::number(age_of(person, now)))
      .add_text("running_as", person.running_as);
  if (person.inside_uid) out.add("inside_uid", Value::number(*person.inside_uid));
  return out;
}

Value peer_tree(const identity::Peer& peer) {
  Value out = Value::map();
  out.add("uid", Value::number(peer.uid))
      .add("gid", Value::number(peer.gid))
      .add("loginuid", Value::number(peer.loginuid))
      .add("audit_session", Value::number(peer.audit_session))
      .add("tgid", Value::number(peer.tgid))
      .add("start_boottime_ns", decimal(peer.start_boottime_ns))
      .add("cgroup_id", decimal(peer.cgroup_id))
      .add("netns_cookie", decimal(peer.netns_cookie))
      .add("exe_device", Value::number(peer.exe_device))
      .add("exe_inode", decimal(peer.exe_inode))
      .add("exe_generation", Value::number(peer.exe_generation))
      .add("comm", Value::text(peer.comm));
  if (peer.kernel_tgid != 0) out.add("kernel_tgid", Value::number(peer.kernel_tgid));
  return out;
}

Value masks_tree(const std::vector<audit::MaskedSpan>& masks) {
  Value out = Value::list();
  for (const audit::MaskedSpan& mask : masks) {
    Value span = Value::map();
    span.add("rule", Value::text(mask.rule))
        .add("category", Value::text(mask.category))
        .add("action", Value::text(mask.action))
        .add_text("would", mask.would)
        .add("digest", Value::text(mask.digest))
        .add("offset", Value::number(mask.offset))
        .add("length", Value::number(mask.length))
        .add("released_length", Value::number(mask.released_length));
    out.push(std::move(span));
  }
  return out;
}

Value findings_tree(const std::vector<FindingCount>& findings, Level level) {
  Value out = Value::list();
  for (const FindingCount& finding :
       level == Level::Findings ? without_digests(findings) : findings) {
    Value one = Value::map();
    one.add("direction", Value::text(finding.direction))
        .add("rule", Value::text(finding.rule))
        .add("category", Value::text(finding.category))
        .add("action", Value::text(finding.action))
        .add_text("would", finding.would)
        .add("count", Value::number(finding.count))
        .add("bytes", Value::number(finding.bytes))
        .add_text("digest", finding.digest);
    out.push(std::move(one));
  }
  return out;
}

Value decimal(std::uint64_t value) { return Value::content(std::to_string(value)); }
Value decimal(std::int64_t value) { return Value::content(std::to_string(value)); }

}  // namespace veilwire::projection
