#include "agent/ctl/observed_report.h"

#include "agent/ctl/audit_ledger.h"
#include "userspace/audit/parse.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

namespace veilwire::ctl {
namespace {

using recorder::ExchangeSummary;

// Exchanges that are listed at a time: a week may have more than fit into memory.
constexpr std::size_t kPortion = 2'000;
// Bytes on either side of an example's mask.
constexpr std::size_t kContext = 48;

// All that the filter finds, newest first.
void each(recorder::LedgerReader& ledger, recorder::ExchangeFilter filter,
          const std::function<void(const ExchangeSummary&)>& visit) {
  filter.limit = kPortion;
  std::set<std::string> seen;  // of the time at which the last portion ends
  for (;;) {
    const auto rows = ledger.list(filter);
    bool news = false;
    for (const ExchangeSummary& row : rows)
      if (!seen.contains(audit_id(row.session, row.exchange))) news = true, visit(row);
    if (rows.size() < kPortion || !news) return;
    const std::int64_t last = rows.back().started_wall_ns;
    seen.clear();
    for (const ExchangeSummary& row : rows)
      if (row.started_wall_ns == last) seen.insert(audit_id(row.session, row.exchange));
    filter.until_wall_ns = last + 1;
  }
}

// Of findings in targets and fields records say how many there are, and no rule.
constexpr std::string_view kInHead = "(in a target or field)";

bool inside_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string_view last_of(std::string_view text, std::size_t most) {
  if (text.size() > most) text.remove_prefix(text.size() - most);
  while (!text.empty() && inside_character(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view first_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && inside_character(text[most])) --most;
  return text.substr(0, most);
}

// Adds one exchange.
class Reader {
 public:
  Reader(ObservedReport& report, const ExchangeSummary& row, std::size_t examples)
      : report_(report), row_(row), examples_(examples) {
    person_ = row.subject.empty() ? "" : row.issuer + "\n" + row.subject;
    if (person_.empty() && row.uid) person_ = "uid " + std::to_string(*row.uid);
  }

  void add(const audit::Record& record) {
    std::visit([this](const auto& b) { read(b); }, record.body);
  }

  void finish() {
    std::uint64_t told = 0;
    for (const auto& [name, found] : rules_) told += found.mask + found.block;
    if (observed_ > told) rules_[std::string(kInHead)].mask = observed_ - told;
    if (rules_.empty() && refusals_.empty() && !blocked_gap_) return;
    for (const auto& [name, found] : rules_) {
      ObservedRule& rule = report_.rules[name];
      add_to(rule, found);
    }
    for (const auto& [outcome, found] : refusals_) add_to(report_.refusals[outcome], found);
    ObservedCount sum;
    for (const auto& [name, found] : rules_) sum.mask += found.mask, sum.block += found.block;
    for (const auto& [outcome, found] : refusals_) sum.refused += found.refused;
    add_to(report_.all, sum);
    if (sum.block + sum.refused > 0 || blocked_gap_) ++report_.stopped;
    const std::string name = row_.person.empty() ? row_.subject : row_.person;
    add_to(report_.people[name.empty() ? person_ : name], sum);
    for (const std::string& group : groups_) add_to(report_.groups[group], sum);
    if (!row_.server.empty()) add_to(report_.servers[row_.server], sum);
    if (!row_.model.empty()) add_to(report_.models[row_.model], sum);
    if (!row_.tool.empty()) add_to(report_.tools[row_.tool], sum);
  }

 private:
  void add_to(ObservedCount& count, const ObservedCount& one) const {
    count.mask += one.mask;
    count.block += one.block;
    count.refused += one.refused;
    ++count.exchanges;
    if (!person_.empty()) count.people.insert(person_);
  }

  void piece(std::string_view direction, std::uint64_t offset, const std::string& content,
             const std::vector<audit::MaskedSpan>& masks) {
    for (const audit::MaskedSpan& mask : masks) {
      if (mask.would.empty()) continue;
      ObservedCount& found = rules_[mask.rule];
      ++(mask.would == "block" ? found.block : found.mask);
      ObservedRule& rule = report_.rules[mask.rule];
      rule.category = mask.category;
      const bool news = rule.digests.size() < ObservedReport::kDigestsToldApart &&
                        rule.digests.insert(mask.digest).second;
      if (!news || rule.examples.size() >= examples_ || mask.offset < offset ||
          mask.offset - offset > content.size())
        continue;
      const std::string_view text = content;
      const auto at = static_cast<std::size_t>(mask.offset - offset);
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(mask.released_length, text.size() - at));
      rule.examples.push_back({.id = audit_id(row_.session, row_.exchange),
                               .direction = std::string(direction),
                               .digest = mask.digest,
                               .before = std::string(last_of(text.substr(0, at), kContext)),
                               .mask = std::string(text.substr(at, size)),
                               .behind = std::string(first_of(text.substr(at + size), kContext))});
    }
  }

  void read(const audit::RequestHead& b) { groups_ = b.person.groups; }
  void read(const audit::RequestBody& b) { piece("request", b.offset, b.content, b.masks); }
  void read(const audit::ResponseFragment& b) { piece("response", b.offset, b.content, b.masks); }
  // A block is a finding of the body, or of a field, which no span is of.
  void read(const audit::Observed& b) {
    if (b.rule.empty()) ++refusals_[b.outcome].refused;
    if (b.rule.empty() || rules_[b.rule].block > 0) return;
    ++rules_[b.rule].block;
    report_.rules[b.rule].category = b.category;
  }
  void read(const audit::Gap& b) { blocked_gap_ = blocked_gap_ || !b.would.empty(); }
  void read(const audit::ExchangeClose& b) { observed_ = b.observed; }
  template <class Other>
  void read(const Other&) {}

  ObservedReport& report_;
  const ExchangeSummary& row_;
  const std::size_t examples_;
  std::string person_;
  std::vector<std::string> groups_;
  std::map<std::string, ObservedCount> rules_, refusals_;
  std::uint64_t observed_ = 0;  // findings, those of heads included
  bool blocked_gap_ = false;
};

}  // namespace

ObservedReport observed_report(recorder::LedgerReader& ledger, recorder::ExchangeFilter filter,
                               std::size_t examples) {
  ObservedReport report;
  filter.decision.clear();
  report.exchanges = ledger.count(filter, {recorder::CountBy::Nothing})[0].front().exchanges;
  const auto records = [&](const ExchangeSummary& row, const auto& visit) {
    ledger.records(row.session, row.exchange, [&](const auto& stored) {
      if (const auto parsed = audit::parse_record(stored.bytes)) visit(parsed->record);
      return true;
    });
  };
  filter.decision = "observed";
  each(ledger, filter, [&](const ExchangeSummary& row) {
    Reader reader(report, row, examples);
    records(row, [&](const audit::Record& record) { reader.add(record); });
    reader.finish();
  });
  filter.decision = "gap";
  each(ledger, filter, [&](const ExchangeSummary& row) {
    records(row, [&](const audit::Record& record) {
      const auto* gap = std::get_if<audit::Gap>(&record.body);
      if (gap == nullptr) return;
      ObservedGap& sum = report.gaps[gap->reason];
      ++sum.gaps;
      sum.bytes += gap->bytes;
      if (!gap->would.empty()) ++sum.would_block;
    });
  });
  return report;
}

}  // namespace veilwire::ctl
