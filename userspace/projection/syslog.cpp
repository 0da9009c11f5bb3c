#include "userspace/projection/syslog.h"

#include "userspace/projection/record_tree.h"
#include "userspace/projection/time_text.h"
#include "userspace/projection/tree_parts.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace veilwire::projection {
namespace {

constexpr int kLogAudit = 13;  // facility
constexpr int kWarning = 4, kNotice = 5, kInformational = 6;

// PRINTUSASCII of HOSTNAME and MSGID, "-" where nothing is left.
std::string name(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text) {
    if (out.size() < most && c > 0x20 && c < 0x7F) out += c;
  }
  return out.empty() ? "-" : out;
}

// PARAM-VALUE: '"', '\' and ']' are escaped. Control characters may stand there, and break readers.
void parameter(std::string& out, std::string_view param, std::string_view value) {
  constexpr std::size_t kLongest = 64;
  out += ' ';
  out += param;
  out += "=\"";
  const std::string text = clean(value.substr(0, kLongest + 4));
  for (const char c : prefix(text, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == ']') out += '\\';
    out += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  out += '"';
}

struct Head {
  int severity;
  const Now& time;
  std::string_view id;  // MSGID
  const audit::Context& context;
  std::string_view writer;
  std::uint64_t seq;
};

std::string head_of(const Head& head, const Source& source) {
  std::string out = '<' + std::to_string(kLogAudit * 8 + head.severity) + ">1 ";
  out += time_text(head.time.wall);
  out += ' ' + name(source.host_name.empty() ? source.host_id : source.host_name, 255);
  out += " veilwire - " + name(head.id, 32);
  // 32473 is the enterprise number for documentation (RFC 5612): the project has none of its own.
  out += " [veilwire@32473";
  parameter(out, "host", head.context.host);
  parameter(out, "writer", head.writer);
  parameter(out, "seq", std::to_string(head.seq));
  parameter(out, "session", head.context.session);
  parameter(out, "exchange", std::to_string(head.context.exchange));
  return out + "] ";
}

// tree: of a level, nothing where it is not told.
template <class TreeAt>
std::optional<std::string> message(const std::string& head, Level level, std::size_t most,
                                   const TreeAt& tree) {
  most = std::max(most, kLeastSyslogMessage);
  std::optional<Value> all = tree(level);
  if (!all) return std::nullopt;
  std::string out = head + to_json(*all);
  if (out.size() <= most) return out;
  if (level == Level::Masked) {
    Value less = *tree(Level::Metadata);
    out = head + to_json(less.add("cut", Value::boolean(true)));
    if (out.size() <= most) return out;
  }
  return head + R"({"cut":true})";
}

int severity_of(const Exchange& x) {
  const std::string_view decided = decision(x);
  if (decided == "masked" || decided == "observed") return kNotice;
  return decided == "passed" ? kInformational : kWarning;
}

}  // namespace

std::optional<std::string> syslog_message(const audit::Parsed& parsed, const Source& source,
                                          Level level, std::size_t most) {
  const audit::Record& record = parsed.record;
  const std::string head = head_of({.severity = is_grave(record) ? kWarning : kInformational,
                                    .time = record.time,
                                    .id = audit::kind(record),
                                    .context = record.context,
                                    .writer = parsed.writer,
                                    .seq = parsed.seq},
                                   source);
  return message(head, level, most, [&](Level l) { return record_tree(parsed, l); });
}

std::optional<std::string> syslog_message(const Exchange& x, const Source& source, Level level,
                                          std::size_t most) {
  const std::string head = head_of({.severity = severity_of(x),
                                    .time = x.begun,
                                    .id = "exchange",
                                    .context = x.context,
                                    .writer = x.writer,
                                    .seq = x.seq},
                                   source);
  return message(head, level, most, [&](Level l) { return exchange_tree(x, l); });
}

}  // namespace veilwire::projection
