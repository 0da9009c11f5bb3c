#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"
#include "userspace/audit/parse.h"

#include <algorithm>
#include <optional>
#include <ostream>
#include <utility>

namespace veilwire::ctl {
namespace {

using audit::MaskedSpan;

constexpr std::string_view kHighlight = "\x1b[7m";  // reverse video: no colour can hide it
constexpr std::string_view kPlain = "\x1b[0m";

void row(std::ostream& out, std::string_view name, std::string_view value) {
  std::string label(name);
  label.resize(std::max<std::size_t>(label.size() + 1, 12), ' ');
  out << label << visible_line(value) << '\n';
}

// Prints a body that comes in pieces, with its masks highlighted. A mask may begin in one piece and
// end in a later one.
class BodyPrinter {
 public:
  explicit BodyPrinter(const Screen& screen) : screen_(screen) {}

  void print(std::uint64_t offset, std::string_view content, const std::vector<MaskedSpan>& masks) {
    begin();
    if (offset != at_) {
      note(offset > at_ ? std::to_string(offset - at_) + " bytes are not in the ledger"
                        : "the following bytes come a second time");
      at_ = offset;
    }
    masks_.insert(masks_.end(), masks.begin(), masks.end());
    while (!content.empty()) {
      const auto [inside, end] = segment();
      const std::string_view part = content.substr(
          0, static_cast<std::size_t>(std::min<std::uint64_t>(end - at_, content.size())));
      write(part, inside);
      at_ += part.size();
      content.remove_prefix(part.size());
    }
    std::erase_if(masks_, [&](const MaskedSpan& m) { return m.offset + m.released_length <= at_; });
  }

  void note(const std::string& what) {
    begin();
    end_of_text();
    screen_.out << (ended_ ? "" : "\n") << "[" << visible_line(what) << "]\n";
    ended_ = true;
  }

  void finish() {
    end_of_text();
    if (!ended_) screen_.out << '\n';
    ended_ = true;
    begun_ = false;
    at_ = 0;
    masks_.clear();
  }

 private:
  void begin() {
    if (!std::exchange(begun_, true)) screen_.out << '\n';
  }
  // Whether the next byte is part of a mask, and where that changes.
  std::pair<bool, std::uint64_t> segment() const {
    std::uint64_t change = UINT64_MAX;
    for (const MaskedSpan& m : masks_) {
      const std::uint64_t end = m.offset + m.released_length;
      if (m.offset <= at_ && at_ < end) return {true, end};
      if (m.offset > at_ && m.released_length > 0) change = std::min(change, m.offset);
    }
    return {false, change};
  }

  void write(std::string_view part, bool inside) {
    if (inside != highlighted_) end_of_text();
    if (inside && !highlighted_ && screen_.terminal) screen_.out << kHighlight;
    highlighted_ = inside;
    const std::string shown = text_.feed(part);
    screen_.out << shown;
    if (!shown.empty()) ended_ = shown.back() == '\n';
  }

  void end_of_text() {
    const std::string rest = text_.finish();
    screen_.out << rest;
    if (!rest.empty()) ended_ = false;
    if (highlighted_ && screen_.terminal) screen_.out << kPlain;
    highlighted_ = false;
  }

  const Screen& screen_;
  VisibleText text_;
  std::vector<MaskedSpan> masks_;
  std::uint64_t at_ = 0;
  bool highlighted_ = false;
  bool begun_ = false;
  bool ended_ = true;  // the cursor stands at the beginning of a line
};

void show_session(const audit::SessionOpen& b, std::ostream& out) {
  const identity::Peer& p = b.peer;
  std::string peer =
      "uid " + std::to_string(p.uid) + ", pid " + std::to_string(p.tgid) +
      (p.kernel_tgid != 0 ? ", to the kernel " + std::to_string(p.kernel_tgid) : "") + " (" +
      p.comm + "), executable inode " + std::to_string(p.exe_inode) + ", cgroup " +
      std::to_string(p.cgroup_id);
  if (p.loginuid != UINT32_MAX) peer += ", login uid " + std::to_string(p.loginuid);
  row(out, "peer", peer);
  row(out, "to",
      (b.server_name.empty() ? "" : b.server_name + " ") + b.destination + ", " + b.handling +
          (b.tls.empty() ? "" : ", " + b.tls));
}

std::string person_text(const identity::Person& person, Monotonic now) {
  std::string text = identity::display_name(person) + " (" + person.issuer + ":" + person.subject +
                     ", " + std::string(audit::spell(person.person_class)) + ", by " +
                     person.method;
  if (person.inside_uid)
    text += ", uid " + std::to_string(*person.inside_uid) + " in its container";
  if (person.standing != identity::Standing::Fresh)
    text += ", not confirmed for " + std::to_string(audit::age_ms(person, now) / 1000) + " s";
  std::string groups;
  for (const std::string& group : person.groups) groups += (groups.empty() ? "" : ", ") + group;
  return text + ")" + (groups.empty() ? "" : ", groups " + groups);
}

constexpr std::size_t kShownKeyId = 16;

struct Sealed {
  std::uint64_t chunks = 0;
  bool whole = false;
};

// One exchange as text, record by record.
class ShowText {
 public:
  explicit ShowText(const Screen& screen) : out_(screen.out), body_(screen) {}

  void add(const audit::Record& record) {
    now_ = &record;
    if (!first_mono_) first_mono_ = record.time.mono;
    std::visit([this](const auto& b) { show(b); }, record.body);
  }
  void finish() {
    body_.finish();
    if (!sealed_.empty()) out_ << '\n';
    for (const auto& [direction, sealed] : sealed_) {
      row(out_, "original",
          "of the " + direction + ", sealed, " + std::to_string(sealed.chunks) + " chunks" +
              (sealed.whole ? "" : ", its end is missing") + " (veilwire audit open)");
    }
    if (findings_.empty()) return;
    out_ << '\n';
    for (const auto& [direction, mask] : findings_) {
      row(out_, "finding",
          direction + " offset " + std::to_string(mask.offset) + ": " + mask.rule + " (" +
              mask.category + "), " + std::to_string(mask.length) + " bytes, " + mask.digest +
              ", " + mask.action + (mask.would.empty() ? "" : ", would be: " + mask.would));
    }
  }

 private:
  std::string since() const { return seconds_text((now_->time.mono - *first_mono_).count()); }
  void section(std::string_view name, const std::string& value) {
    body_.finish();
    out_ << '\n';
    row(out_, name, value);
  }
  void fields(const audit::Fields& list) {
    for (const auto& [name, value] : list) row(out_, "", name + ": " + value);
  }
  void findings(const std::string& direction, const std::vector<MaskedSpan>& masks) {
    for (const MaskedSpan& mask : masks) findings_.emplace_back(direction, mask);
  }

  void show(const audit::SessionOpen& b) { show_session(b, out_); }
  void show(const audit::RequestHead& b) {
    row(out_, "person", person_text(b.person, now_->time.mono));
    row(out_, "policy",
        b.policy_digest +
            (b.mode.empty() ? "" : ", which only observes: what went out is as it came"));
    section("request", b.method + " " + b.target);
    for (const auto& [name, value] :
         {std::pair("model", &b.model), std::pair("mcp method", &b.mcp_method),
          std::pair("tool", &b.tool), std::pair("credential", &b.credential)}) {
      if (!value->empty()) row(out_, name, *value);
    }
    fields(b.fields);
  }
  void show(const audit::RequestBody& b) {
    findings("request", b.masks);
    body_.print(b.offset, b.content, b.masks);
  }
  void show(const audit::IdentityChange& b) {
    if (b.answer.empty())
      return body_.note("from here on as " + person_text(b.person, now_->time.mono));
    body_.note("identity " + b.what + ": " + b.reason + "; the client got: " + b.answer);
  }
  void show(const audit::ResponseHead& b) {
    section("response", std::to_string(b.status) + ", after " + since());
    fields(b.fields);
  }
  void show(const audit::ResponseFragment& b) {
    findings("response", b.masks);
    body_.print(b.offset, b.content, b.masks);
  }
  void show(const audit::Blocked& b) {
    body_.note("blocked in the " + b.direction + ": " + b.rule + " (" + b.category + "), " +
               b.digest + "; the client got: " + b.answer);
  }
  void show(const audit::UpstreamError& b) { body_.note("upstream: " + b.reason); }
  void show(const audit::Gap& b) {
    body_.note("gap: " + b.reason + (b.detail.empty() ? "" : ", " + b.detail) + ", " +
               std::to_string(b.bytes) + " bytes, " + b.action +
               (b.would.empty() ? "" : ", would be: " + b.would));
  }
  void show(const audit::Observed& b) {
    std::string text = "not enforced: " + b.outcome;
    if (!b.direction.empty()) text += " in the " + b.direction;
    if (!b.rule.empty()) text += ": " + b.rule + " (" + b.category + "), " + b.digest;
    if (!b.reason.empty()) text += ": " + b.reason;
    body_.note(text + (b.answer.empty() ? "" : "; the client would have got: " + b.answer));
  }
  void show(const audit::ExchangeClose& b) {
    section("outcome",
            b.outcome + ", after " + since() + ", request " + std::to_string(b.request_bytes) +
                " bytes, response " + std::to_string(b.response_bytes) + " bytes, " +
                std::to_string(b.masked) + " masked" +
                (b.observed == 0
                     ? ""
                     : ", " + std::to_string(b.observed) + " findings that went out as they came"));
  }
  void show(const audit::SessionClose& b) {
    section("closed", b.reason + ", " + std::to_string(b.from_client) + " bytes from the client, " +
                          std::to_string(b.from_upstream) + " from the server");
  }
  void show(const audit::ConfigChange& b) {
    row(out_, "config",
        b.what + " " + b.file + " " + b.digest + ": " + b.outcome +
            (b.mode.empty() ? "" : ", " + b.mode));
  }
  void show(const audit::Checkpoint& b) { row(out_, "checkpoint", visible_line(b.note)); }
  void show(const audit::CheckpointKey& b) { row(out_, "key", visible_line(b.verifier)); }
  void show(const audit::Retention& b) {
    row(out_, "deleted",
        std::to_string(b.records) + " records up to record " + std::to_string(b.through));
  }
  void show(const audit::OriginalKey& b) {
    std::string text = b.key_id.substr(0, kShownKeyId) + ", for";
    for (const audit::OriginalRecipient& recipient : b.recipients)
      text += (text.ends_with("for") ? " " : "; ") + recipient.subject;
    row(out_, "sealed", text);
  }
  // What is in them is for auditors: that they are there is enough here.
  void show(const audit::OriginalChunk& b) {
    Sealed& sealed = sealed_[b.direction];
    ++sealed.chunks;
    sealed.whole = sealed.whole || b.last;
  }

  std::ostream& out_;
  BodyPrinter body_;
  const audit::Record* now_ = nullptr;
  std::optional<Monotonic> first_mono_;
  std::map<std::string, Sealed> sealed_;  // by direction
  std::vector<std::pair<std::string, MaskedSpan>> findings_;
};

void show_json(recorder::LedgerReader& ledger, const Located& what, const Screen& screen) {
  screen.out << R"({"id":")" << audit_id(what.session, what.exchange) << R"(","records":[)";
  const char* separator = "\n";
  for (std::uint64_t exchange : {std::uint64_t{0}, what.exchange}) {
    ledger.records(what.session, exchange, [&](const auto& record) {
      screen.out << separator << (screen.terminal ? visible_json(record.bytes) : record.bytes);
      separator = ",\n";
      return true;
    });
    if (what.exchange == 0) break;
  }
  screen.out << "]}\n";
}

}  // namespace

int audit_show(recorder::LedgerReader& ledger, const std::string& id, bool json,
               const Screen& screen) {
  const LocateResult located = locate(ledger, id, screen.err);
  if (!located.found) return located.exit_code;
  const Located& what = *located.found;
  if (json) return show_json(ledger, what, screen), 0;

  row(screen.out, "exchange", audit_id(what.session, what.exchange));
  if (what.exchange != 0) {
    ledger.records(what.session, 0, [&](const auto& stored) {
      const auto parsed = audit::parse_record(stored.bytes);
      const auto* open = parsed ? std::get_if<audit::SessionOpen>(&parsed->record.body) : nullptr;
      if (open != nullptr) show_session(*open, screen.out);
      return open == nullptr;
    });
  }
  ShowText text(screen);
  bool first = true;
  ledger.records(what.session, what.exchange, [&](const auto& stored) {
    const auto parsed = audit::parse_record(stored.bytes);
    if (!parsed) {
      screen.err << "veilwire: a record is " << audit::to_string(parsed.error()) << '\n';
      return true;
    }
    if (std::exchange(first, false))
      row(screen.out, "time", wall_text(parsed->record.time.wall.since_epoch.count()));
    text.add(parsed->record);
    return true;
  });
  text.finish();
  return 0;
}

}  // namespace veilwire::ctl
