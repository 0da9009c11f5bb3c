#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_table.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"

#include <ostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using recorder::ExchangeSummary;

std::string findings_text(const ExchangeSummary& row) {
  std::string out;
  const auto add = [&](std::uint64_t count, const std::string& what) {
    if (count == 0) return;
    if (!out.empty()) out += ", ";
    out += std::to_string(count) + " " + what;
  };
  for (const auto& [category, count] : row.findings) add(count, category);
  add(row.blocked, "blocked");
  add(row.gaps, row.gaps == 1 ? "gap" : "gaps");
  // Nothing was changed for it.
  if (recorder::has(row.decisions, recorder::Decision::Observed))
    out += out.empty() ? "observed" : " (observed)";
  return out;
}

std::string person_text(const ExchangeSummary& row) {
  if (!row.person.empty())
    return row.person + (row.running_as.empty() ? "" : " as " + row.running_as) +
           (row.standing == "cached" || row.standing == "stale" ? " (" + row.standing + ")" : "");
  if (!row.subject.empty()) return row.subject;
  return row.uid ? "uid " + std::to_string(*row.uid) : "";
}

std::string request_text(const ExchangeSummary& row) {
  if (row.exchange != 0) return row.method + " " + row.target;
  return row.handling.empty() ? "(about the agent itself)" : "(" + row.handling + ")";
}

std::vector<std::string> cells(const ExchangeSummary& row) {
  const std::string& tool = row.tool.empty() ? row.mcp_method : row.tool;
  return {wall_text(row.started_wall_ns).substr(0, 19),
          audit_id(row.session, row.exchange),
          person_text(row),
          row.server,
          request_text(row),
          row.model.empty() ? tool : row.model,
          row.status ? std::to_string(*row.status) : "",
          findings_text(row),
          row.outcome.empty() && !row.handling.empty() ? "open" : row.outcome};
}

void print_json(const std::vector<ExchangeSummary>& rows, const Screen& screen) {
  nlohmann::json list = nlohmann::json::array();
  for (const ExchangeSummary& row : rows) {
    // Not UTF-8 is not JSON: such bytes stand as visible_line() spells them.
    const auto text = [](const std::string& s) { return visible_line(s); };
    nlohmann::json j = {{"id", audit_id(row.session, row.exchange)},
                        {"session", row.session},
                        {"exchange", row.exchange},
                        {"started", wall_text(row.started_wall_ns)},
                        {"started_wall_ns", std::to_string(row.started_wall_ns)},
                        {"person",
                         {{"issuer", text(row.issuer)},
                          {"subject", text(row.subject)},
                          {"name", text(row.person)}}},
                        {"server", text(row.server)},
                        {"handling", text(row.handling)},
                        {"service", text(row.service)},
                        {"method", text(row.method)},
                        {"target", text(row.target)},
                        {"model", text(row.model)},
                        {"mcp_method", text(row.mcp_method)},
                        {"tool", text(row.tool)},
                        {"outcome", text(row.outcome)},
                        {"blocked", row.blocked},
                        {"gaps", row.gaps},
                        {"findings", nlohmann::json::object()},
                        {"rules", nlohmann::json::object()},
                        {"decisions", nlohmann::json::array()}};
    if (!row.standing.empty()) {
      nlohmann::json& person = j["person"];
      person["running_as"] = text(row.running_as);
      person["class"] = text(row.person_class);
      person["method"] = text(row.known_by);
      person["standing"] = text(row.standing);
      if (row.known_age_ms) person["age_ms"] = *row.known_age_ms;
    }
    for (const auto& [category, count] : row.findings) j["findings"][text(category)] = count;
    for (const auto& [rule, count] : row.rules) j["rules"][text(rule)] = count;
    for (const auto& [decision, name] : recorder::kDecisions) {
      if (recorder::has(row.decisions, decision)) j["decisions"].push_back(name);
    }
    if (row.uid) j["uid"] = *row.uid;
    if (row.status) j["status"] = *row.status;
    if (row.ended_wall_ns) j["ended_wall_ns"] = std::to_string(*row.ended_wall_ns);
    list.push_back(std::move(j));
  }
  screen.out << list.dump(2) << '\n';
}

}  // namespace

int audit_list(recorder::LedgerReader& ledger, const recorder::ExchangeFilter& filter, bool json,
               const Screen& screen) {
  const std::vector<ExchangeSummary> rows = ledger.list(filter);
  if (json) return print_json(rows, screen), 0;
  if (rows.empty()) return screen.err << "veilwire: nothing recorded that matches\n", 0;
  // Wider text is cut: what is long here is chosen by strangers.
  AuditTable table({{"TIME (UTC)", 23},
                    {"ID", 24},
                    {"PERSON", 32},
                    {"HOST", 32},
                    {"REQUEST", 48},
                    {"MODEL/TOOL", 28},
                    {"STATUS", 6},
                    {"FINDINGS", 32},
                    {"OUTCOME", 24}});
  for (const ExchangeSummary& row : rows) table.add(cells(row));
  table.print(screen.out);
  if (rows.size() == filter.limit) screen.err << "veilwire: there may be older ones; see --limit\n";
  return 0;
}

}  // namespace veilwire::ctl
