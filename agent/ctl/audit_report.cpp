#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_table.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"
#include "agent/ctl/observed_report.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

template <class Count>
std::vector<std::pair<std::string, const Count*>> most_first(
    const std::map<std::string, Count>& counts) {
  std::vector<std::pair<std::string, const Count*>> out;
  for (const auto& [name, count] : counts) out.emplace_back(name, &count);
  const auto weight = [](const ObservedCount& c) {
    return std::pair(c.mask + c.block + c.refused, c.exchanges);
  };
  std::ranges::stable_sort(
      out, [&](const auto& a, const auto& b) { return weight(*a.second) > weight(*b.second); });
  return out;
}

std::string many(std::uint64_t count, const std::string& one, const std::string& more) {
  return std::to_string(count) + " " + (count == 1 ? one : more);
}

// What to do before the policy is enforced.
std::vector<std::string> next_steps(const ObservedReport& report) {
  std::vector<std::string> out;
  if (report.exchanges == 0)
    return {"Nothing is recorded of this time: see veilwire status, and whether clients run."};
  for (const auto& [outcome, count] : report.refusals) {
    if (outcome == "sign-in wanted")
      out.push_back(many(count.people.size(), "person has", "people have") +
                    " not signed in (veilwire login); each would be refused.");
  }
  const auto rules = most_first(report.rules);
  if (!rules.empty() && rules.front().second->mask + rules.front().second->block > 0)
    out.push_back("Look at the examples of " + rules.front().first +
                  " first: where they are no secrets, let the rule pass ([[action]] rule = \"" +
                  rules.front().first + "\", action = \"pass\").");
  for (const auto& [reason, gap] : report.gaps) {
    if (gap.would_block > 0)
      out.push_back(many(gap.would_block, "exchange", "exchanges") + " would be refused as " +
                    reason + ": see [uninspected].");
  }
  out.emplace_back(
      report.all.exchanges == 0
          ? "Nothing would have been changed: mode = \"enforce\" is felt by nobody so far."
          : "Where nothing here surprises, enforce the policy for one group first ([[scope]]), "
            "then "
            "for all (mode = \"enforce\").");
  return out;
}

nlohmann::json numbers(const ObservedCount& count) {
  return {{"would_mask", count.mask},
          {"would_block", count.block},
          {"would_refuse", count.refused},
          {"exchanges", count.exchanges},
          {"people", count.people.size()}};
}

template <class Count, class Add>
nlohmann::json list_of(const std::map<std::string, Count>& counts, std::size_t limit, Add add) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& [name, count] : most_first(counts)) {
    if (out.size() == limit) break;
    nlohmann::json one = numbers(*count);
    one["value"] = visible_line(name);
    add(one, *count);
    out.push_back(std::move(one));
  }
  return out;
}

void print_json(const ObservedReport& report, std::size_t limit, const Screen& screen) {
  const auto nothing = [](nlohmann::json&, const ObservedCount&) {};
  nlohmann::json all = numbers(report.all);
  all["would_stop"] = report.stopped;
  nlohmann::json gaps = nlohmann::json::array();
  for (const auto& [reason, gap] : report.gaps)
    gaps.push_back({{"value", visible_line(reason)},
                    {"gaps", gap.gaps},
                    {"bytes", gap.bytes},
                    {"would_block", gap.would_block}});
  const nlohmann::json out = {
      {"exchanges", report.exchanges},
      {"observed", std::move(all)},
      {"rules", list_of(report.rules, limit,
                        [](nlohmann::json& one, const ObservedRule& rule) {
                          one["category"] = visible_line(rule.category);
                          one["values"] = rule.digests.size();
                          one["examples"] = nlohmann::json::array();
                          for (const ObservedExample& e : rule.examples)
                            one["examples"].push_back({{"id", e.id},
                                                       {"direction", e.direction},
                                                       {"digest", visible_line(e.digest)},
                                                       {"before", visible_line(e.before)},
                                                       {"mask", visible_line(e.mask)},
                                                       {"behind", visible_line(e.behind)}});
                        })},
      {"refusals", list_of(report.refusals, limit, nothing)},
      {"people", list_of(report.people, limit, nothing)},
      {"groups", list_of(report.groups, limit, nothing)},
      {"servers", list_of(report.servers, limit, nothing)},
      {"models", list_of(report.models, limit, nothing)},
      {"tools", list_of(report.tools, limit, nothing)},
      {"not_inspected", std::move(gaps)},
      {"next", next_steps(report)}};
  screen.out << out.dump(2) << '\n';
}

template <class Count>
void print_table(const std::string& heading, const std::map<std::string, Count>& counts,
                 std::size_t limit, const Screen& screen) {
  if (counts.empty()) return;
  AuditTable table({{heading, 48},
                    {"WOULD MASK", 12, true},
                    {"BLOCK", 12, true},
                    {"REFUSE", 12, true},
                    {"EXCHANGES", 12, true},
                    {"PEOPLE", 12, true}});
  std::size_t shown = 0;
  for (const auto& [name, count] : most_first(counts)) {
    if (shown == limit) break;
    ++shown;
    table.add({name, std::to_string(count->mask), std::to_string(count->block),
               std::to_string(count->refused), std::to_string(count->exchanges),
               std::to_string(count->people.size())});
  }
  screen.out << '\n';
  table.print(screen.out);
  if (shown < counts.size())
    screen.out << "and " << counts.size() - shown << " more; see --limit\n";
}

void print_examples(const ObservedReport& report, std::size_t limit, const Screen& screen) {
  std::size_t shown = 0;
  for (const auto& [name, rule] : most_first(report.rules)) {
    if (shown++ == limit || rule->examples.empty()) break;
    screen.out << '\n'
               << visible_line(name) << ": "
               << many(rule->digests.size(), "different value", "different values") << '\n';
    for (const ObservedExample& e : rule->examples)
      screen.out << "  " << e.id << " " << e.direction << "  ..."
                 << visible_line(e.before + e.mask + e.behind) << "...\n";
  }
}

void print_text(const ObservedReport& report, std::size_t limit, const Screen& screen) {
  const ObservedCount& all = report.all;
  screen.out << "Not enforced. Of " << many(report.exchanges, "exchange", "exchanges") << ", "
             << all.exchanges << " would have been touched, of "
             << many(all.people.size(), "person", "people") << ": "
             << many(all.mask, "finding", "findings") << " masked, " << all.block << " blocked; "
             << many(report.stopped, "exchange", "exchanges") << " stopped.\n";
  print_table("RULE", report.rules, limit, screen);
  print_examples(report, limit, screen);
  print_table("WOULD END AS", report.refusals, limit, screen);
  print_table("PERSON", report.people, limit, screen);
  print_table("GROUP", report.groups, limit, screen);
  print_table("SERVER", report.servers, limit, screen);
  print_table("MODEL", report.models, limit, screen);
  print_table("TOOL", report.tools, limit, screen);
  if (!report.gaps.empty()) {
    AuditTable table({{"NOT INSPECTED", 48},
                      {"TIMES", 12, true},
                      {"BYTES", 16, true},
                      {"WOULD BLOCK", 12, true}});
    for (const auto& [reason, gap] : report.gaps)
      table.add({reason, std::to_string(gap.gaps), std::to_string(gap.bytes),
                 std::to_string(gap.would_block)});
    screen.out << '\n';
    table.print(screen.out);
  }
  screen.out << "\nNext:\n";
  for (const std::string& step : next_steps(report))
    screen.out << "- " << visible_line(step) << '\n';
}

}  // namespace

int audit_report(recorder::LedgerReader& ledger, const ReportOptions& options,
                 const Screen& screen) {
  const ObservedReport report = observed_report(ledger, options.filter, options.examples);
  if (options.json)
    print_json(report, options.filter.limit, screen);
  else
    print_text(report, options.filter.limit, screen);
  return 0;
}

}  // namespace veilwire::ctl
