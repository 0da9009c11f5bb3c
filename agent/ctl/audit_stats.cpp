#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_table.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"

#include <algorithm>
#include <array>
#include <ostream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using recorder::CountBy;
using recorder::ExchangeCount;

struct Named {
  CountBy by;
  std::string_view option, heading;
};
constexpr std::array<Named, 8> kNamed = {{{CountBy::Rule, "rule", "RULE"},
                                          {CountBy::Category, "category", "CATEGORY"},
                                          {CountBy::Person, "person", "PERSON"},
                                          {CountBy::Group, "group", "GROUP"},
                                          {CountBy::RuleAndGroup, "rule-group", "RULE BY GROUP"},
                                          {CountBy::Server, "server", "SERVER"},
                                          {CountBy::Model, "model", "MODEL"},
                                          {CountBy::Tool, "tool", "TOOL"}}};

std::string value_text(const ExchangeCount& row) {
  return row.group.empty() ? row.value : row.value + " in " + row.group;
}

nlohmann::json numbers(const ExchangeCount& row) {
  return {{"exchanges", row.exchanges}, {"findings", row.findings}, {"blocked", row.blocked},
          {"masked", row.masked},       {"denied", row.denied},     {"gaps", row.gaps}};
}

void print_json(const std::vector<std::string>& by,
                const std::vector<std::vector<ExchangeCount>>& counts, std::size_t limit,
                const Screen& screen) {
  nlohmann::json out = {{"all", numbers(counts[0].front())}, {"by", nlohmann::json::object()}};
  for (std::size_t i = 0; i < by.size(); ++i) {
    nlohmann::json& list = out["by"][by[i]] = nlohmann::json::array();
    for (const ExchangeCount& row : counts[i + 1]) {
      if (list.size() == limit) break;
      nlohmann::json j = numbers(row);
      j["value"] = visible_line(row.value);
      if (by[i] == "rule-group") j["group"] = visible_line(row.group);
      list.push_back(std::move(j));
    }
  }
  screen.out << out.dump(2) << '\n';
}

void print_table(const std::string& heading, const std::vector<ExchangeCount>& rows,
                 std::size_t limit, const Screen& screen) {
  AuditTable table({{heading, 48},
                    {"FINDINGS", 12, true},
                    {"EXCHANGES", 12, true},
                    {"MASKED", 12, true},
                    {"BLOCKED", 12, true},
                    {"DENIED", 12, true},
                    {"GAPS", 12, true}});
  const std::size_t shown = std::min(limit, rows.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const ExchangeCount& row = rows[i];
    table.add({value_text(row), std::to_string(row.findings), std::to_string(row.exchanges),
               std::to_string(row.masked), std::to_string(row.blocked), std::to_string(row.denied),
               std::to_string(row.gaps)});
  }
  table.print(screen.out);
  if (shown < rows.size()) screen.out << "and " << rows.size() - shown << " more; see --limit\n";
}

}  // namespace

std::vector<std::string> stats_names() {
  std::vector<std::string> out;
  for (const Named& named : kNamed) out.emplace_back(named.option);
  return out;
}

int audit_stats(recorder::LedgerReader& ledger, const StatsOptions& options, const Screen& screen) {
  const std::vector<std::string> names = options.by.empty() ? stats_names() : options.by;
  std::vector<CountBy> by = {CountBy::Nothing};
  std::vector<std::string> headings;
  for (const std::string& name : names) {
    const auto* const found = std::find_if(
        kNamed.begin(), kNamed.end(), [&](const Named& named) { return named.option == name; });
    if (found == kNamed.end()) return kAuditUsage;
    by.push_back(found->by);
    headings.emplace_back(found->heading);
  }
  const auto counts = ledger.count(options.filter, by);
  const std::size_t limit = options.filter.limit;
  if (options.json) return print_json(names, counts, limit, screen), 0;
  std::vector<ExchangeCount> all = counts[0];
  all.front().value = "all";
  print_table("", all, limit, screen);
  for (std::size_t i = 0; i < headings.size(); ++i) {
    if (counts[i + 1].empty()) continue;
    screen.out << '\n';
    print_table(headings[i], counts[i + 1], limit, screen);
  }
  return 0;
}

}  // namespace veilwire::ctl
