#include "agent/recorder/exchange_stats.h"

#include "agent/recorder/exchange_query.h"
#include "agent/recorder/exchange_terms.h"

#include <string>

namespace veilwire::recorder {
namespace {

std::string number_of(Decision decision) {
  return "sum((c.decisions & " + std::to_string(static_cast<std::int64_t>(decision)) + ") <> 0)";
}

// Of each c of chosen.
std::string counts(const std::string& findings) {
  return "count(*), ifnull(" + findings + ", 0), " + number_of(Decision::Blocked) + ", " +
         number_of(Decision::Masked) + ", " + number_of(Decision::Denied) + ", " +
         number_of(Decision::Gap);
}

std::string by_column(const std::string& column, const std::string& group) {
  // Clients choose these: what is empty is none.
  return "SELECT " + column + ", '', " + counts("sum(c.findings)") +
         " FROM chosen c CROSS JOIN entries e ON e.id = c.id GROUP BY " + group + " HAVING " +
         column + " <> ''";
}

// An entry may have several findings of a rule, one for each category, and the other way round.
std::string by_finding(const std::string& what) {
  return "SELECT t.text, '', " + counts("sum(f.count)") + " FROM (SELECT entry, " + what +
         " AS term, sum(count) AS count FROM entry_findings GROUP BY entry, " + what +
         ") f CROSS JOIN chosen c ON c.id = f.entry CROSS JOIN terms t ON t.id = f.term"
         " GROUP BY f.term";
}

std::string by_group(bool rules) {
  const std::string groups = std::string(
      " FROM terms g CROSS JOIN entry_terms p ON p.term = g.id"
      " CROSS JOIN chosen c ON c.id = p.entry");
  const std::string only =
      " WHERE g.kind = " + std::to_string(static_cast<std::int64_t>(TermKind::Group));
  if (!rules)
    return "SELECT g.text, '', " + counts("sum(c.findings)") + groups + only + " GROUP BY g.id";
  return "SELECT r.text, g.text, " + counts("sum(f.count)") + groups +
         " CROSS JOIN (SELECT entry, rule, sum(count) AS count FROM entry_findings"
         " GROUP BY entry, rule) f ON f.entry = c.id CROSS JOIN terms r ON r.id = f.rule" +
         only + " GROUP BY r.id, g.id";
}

std::string sql_of(CountBy by) {
  switch (by) {
    case CountBy::Nothing:
      return "SELECT '', '', " + counts("sum(c.findings)") + " FROM chosen c";
    case CountBy::Rule:
      return by_finding("rule");
    case CountBy::Category:
      return by_finding("category");
    case CountBy::Person:
      return by_column(
          "max(coalesce(nullif(e.person, ''), nullif(e.subject, ''), 'uid ' || e.uid))",
          "e.issuer, e.subject, CASE WHEN e.subject <> '' THEN 0 ELSE e.uid END");
    case CountBy::Group:
      return by_group(false);
    case CountBy::RuleAndGroup:
      return by_group(true);
    case CountBy::Server:
      return by_column("e.server", "1");
    case CountBy::Model:
      return by_column("e.model", "1");
    case CountBy::Tool:
      return by_column("e.tool", "1");
  }
  return {};
}

}  // namespace

std::vector<std::vector<ExchangeCount>> count_exchanges(Database& database,
                                                        const ExchangeFilter& filter,
                                                        const std::vector<CountBy>& by) {
  database.execute(
      "PRAGMA temp_store=MEMORY; DROP TABLE IF EXISTS temp.chosen;"
      "CREATE TEMP TABLE chosen(id INTEGER PRIMARY KEY, decisions INTEGER, findings INTEGER)");
  if (const auto selected = entry_query(database, filter)) {
    Statement choose(database,
                     "INSERT INTO chosen SELECT e.id, e.decisions, (SELECT ifnull(sum(f.count), 0)"
                     " FROM entry_findings f WHERE f.entry = e.id) " +
                         selected->from);
    if (!choose.run(std::string_view(filter.session)))
      throw SqliteError(database.last_code(), database.last_error());
  }
  std::vector<std::vector<ExchangeCount>> out;
  for (const CountBy what : by) {
    Statement query(database, sql_of(what) + " ORDER BY 4 DESC, 3 DESC, 1, 2");
    std::vector<ExchangeCount>& rows = out.emplace_back();
    const auto number = [&](int column) {
      return static_cast<std::uint64_t>(query.integer(column));
    };
    Step step;
    while ((step = query.step()) == Step::Row) {
      rows.push_back({.value = std::string(query.text(0)),
                      .group = std::string(query.text(1)),
                      .exchanges = number(2),
                      .findings = number(3),
                      .blocked = number(4),
                      .masked = number(5),
                      .denied = number(6),
                      .gaps = number(7)});
    }
    if (step == Step::Failed) throw SqliteError(database.last_code(), database.last_error());
  }
  return out;
}

}  // namespace veilwire::recorder
