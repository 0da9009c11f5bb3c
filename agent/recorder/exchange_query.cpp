#include "agent/recorder/exchange_query.h"

#include "agent/recorder/exchange_terms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace veilwire::recorder {
namespace {

// The rarest term is looked for by counting all of them up to a limit, and again up to a higher one
// while none stays below: that costs no more than to walk the rarest.
constexpr std::int64_t kCountedAtFirst = 4096, kMostCounted = std::int64_t{1} << 22;

// A session is a line of its own where it has no exchange, or was not looked into.
constexpr std::string_view kListed =
    " AND (e.exchange > 0 OR e.handling IS NULL OR e.handling <> 'intercepted'"
    " OR NOT EXISTS (SELECT 1 FROM entries x WHERE x.session = e.session AND x.exchange > 0))";

constexpr std::string_view kSummary = R"sql(
SELECT e.session, e.exchange, e.started_ns, e.ended_ns, e.issuer, e.subject, e.person, e.uid,
       e.server, e.handling, e.service, e.method, e.target, e.model, e.mcp_method, e.tool, e.status,
       e.outcome, e.blocked, e.gaps, e.running_as, e.class, e.known_by, e.standing, e.known_age_ms,
       e.decisions, (SELECT group_concat(f.count || ' ' || f.rule || ' ' || f.category, char(10))
                     FROM entry_findings f WHERE f.entry = e.id) )sql";

// Of the third version of the schema; a ledger that no recorder has opened since has none of them.
constexpr std::string_view kKnownHow =
    "e.running_as, e.class, e.known_by, e.standing, e.known_age_ms";
constexpr std::string_view kUnknownHow = "NULL, NULL, NULL, NULL, NULL";
constexpr std::string_view kEarlier = R"sql(
SELECT e.session, e.exchange, e.started_ns, e.ended_ns, e.issuer, e.subject, e.person, e.uid,
       e.server, e.handling, e.service, e.method, e.target, e.model, e.mcp_method, e.tool, e.status,
       e.outcome, e.blocked, e.gaps, )sql";
constexpr std::string_view kEarlierFrom = R"sql(, 0,
       (SELECT group_concat(count || ' ' || category, char(10)) FROM findings f
         WHERE f.session = e.session AND f.exchange = e.exchange)
FROM exchanges e
WHERE (e.exchange > 0 OR e.handling IS NULL OR e.handling <> 'intercepted'
       OR NOT EXISTS (SELECT 1 FROM exchanges x WHERE x.session = e.session AND x.exchange > 0))
  AND e.started_ns >= ?1 AND e.started_ns < ?2
  AND (?3 = '' OR e.subject = ?3 OR e.person = ?3 OR e.uid = ?4)
  AND e.session >= ?5 AND e.session < ?5 || 'g'
ORDER BY e.started_ns DESC, e.session, e.exchange DESC
LIMIT ?6)sql";

struct Wanted {
  std::int64_t term = 0;
  std::int64_t entries = 0;  // as far as they have been counted
};

[[noreturn]] void fail(const Database& database) {
  throw SqliteError(database.last_code(), database.last_error());
}

std::optional<std::int64_t> as_uid(const std::string& person) {
  if (person.empty() || person.size() > 10 ||
      person.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoll(person);
}

std::string span(const std::string& column, const ExchangeFilter& filter) {
  std::string out = column + " >= " + std::to_string(filter.since_wall_ns.value_or(INT64_MIN));
  return out + " AND " + column + " < " + std::to_string(filter.until_wall_ns.value_or(INT64_MAX));
}

std::optional<std::vector<Wanted>> wanted_terms(Database& database, const ExchangeFilter& filter) {
  const std::array<std::pair<TermKind, std::string>, 8> given = {{
      {TermKind::Person, filter.person},
      {TermKind::Group, filter.group},
      {TermKind::Server, server_term(filter.server)},
      {TermKind::Rule, filter.rule},
      {TermKind::Category, filter.category},
      {TermKind::Tool, filter.tool},
      {TermKind::Model, filter.model},
      {TermKind::Decision, filter.decision},
  }};
  Statement find(database, "SELECT id FROM terms WHERE kind = ?1 AND text = ?2");
  std::vector<Wanted> out;
  for (const auto& [kind, text] : given) {
    if (text.empty()) continue;
    find.bind(static_cast<std::int64_t>(kind), std::string_view(text));
    const Step found = find.step();
    if (found == Step::Failed) fail(database);
    Wanted wanted;
    if (found == Step::Row) wanted.term = find.integer(0);
    find.reset();
    if (found == Step::Done) return std::nullopt;
    out.push_back(wanted);
  }
  if (out.size() < 2) return out;
  Statement count(database,
                  "SELECT count(*) FROM (SELECT 1 FROM entry_terms t WHERE t.term = ?1 AND " +
                      span("t.started_ns", filter) + " LIMIT ?2)");
  bool found_rarest = false;
  for (std::int64_t most = kCountedAtFirst; !found_rarest && most <= kMostCounted; most *= 4) {
    for (Wanted& wanted : out) {
      count.bind(wanted.term, most);
      if (count.step() != Step::Row) fail(database);
      wanted.entries = count.integer(0);
      count.reset();
      found_rarest = found_rarest || wanted.entries < most;
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Wanted& a, const Wanted& b) { return a.entries < b.entries; });
  return out;
}

// "3 7 8\n1 9 8", or with names for the second number: count, rule, category.
void read_findings(std::string_view text,
                   const std::function<void(std::uint64_t, std::string_view)>& each) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), count);
    const auto digits = static_cast<std::size_t>(end - line.data());
    if (error == std::errc{} && digits < line.size()) each(count, line.substr(digits + 1));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

std::optional<std::int64_t> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

std::vector<ExchangeSummary> read_summaries(
    Database& database, Statement& query,
    const std::function<void(ExchangeSummary&, std::string_view)>& findings) {
  std::vector<ExchangeSummary> out;
  Step step;
  while ((step = query.step()) == Step::Row) {
    const auto text = [&](int column) { return std::string(query.text(column)); };
    out.push_back({.session = text(0),
                   .exchange = static_cast<std::uint64_t>(query.integer(1)),
                   .started_wall_ns = query.integer(2),
                   .ended_wall_ns = optional_integer(query, 3),
                   .issuer = text(4),
                   .subject = text(5),
                   .person = text(6),
                   .running_as = text(20),
                   .person_class = text(21),
                   .known_by = text(22),
                   .standing = text(23),
                   .known_age_ms = optional_integer(query, 24),
                   .uid = optional_integer(query, 7),
                   .server = text(8),
                   .handling = text(9),
                   .service = text(10),
                   .method = text(11),
                   .target = text(12),
                   .model = text(13),
                   .mcp_method = text(14),
                   .tool = text(15),
                   .outcome = text(17),
                   .status = optional_integer(query, 16),
                   .blocked = static_cast<std::uint64_t>(query.integer(18)),
                   .gaps = static_cast<std::uint64_t>(query.integer(19)),
                   .decisions = query.integer(25)});
    findings(out.back(), query.text(26));
  }
  if (step == Step::Failed) fail(database);
  return out;
}

}  // namespace

std::optional<EntryQuery> entry_query(Database& database, const ExchangeFilter& filter) {
  auto terms = wanted_terms(database, filter);
  if (!terms) return std::nullopt;
  EntryQuery out;
  std::string started, entry;  // of what is walked
  std::string where;
  if (!filter.session.empty() || terms->empty()) {
    const bool session = !filter.session.empty();
    started = "e.started_ns", entry = "e.id";
    out.from = "FROM entries e";
    // A plus: not by this index.
    where = " WHERE " + std::string(session ? "" : "+") + "e.session >= ?1 AND " +
            (session ? "" : "+") + "e.session < ?1 || 'g' AND " +
            span((session ? "+" : "") + started, filter);
    if (session) started.insert(0, 1, '+');
  } else {
    started = "p.started_ns", entry = "p.entry";
    out.from = "FROM entry_terms p";
    where =
        " WHERE p.term = " + std::to_string(terms->front().term) + " AND " + span(started, filter);
    terms->erase(terms->begin());
  }
  int number = 0;
  for (const Wanted& wanted : *terms) {
    const std::string t = "t" + std::to_string(++number);
    out.from.append(" CROSS JOIN entry_terms ").append(t).append(" ON ").append(t);
    out.from.append(".term = ").append(std::to_string(wanted.term)).append(" AND ").append(t);
    out.from.append(".started_ns = ").append(started).append(" AND ").append(t);
    out.from.append(".entry = ").append(entry);
  }
  if (entry == "p.entry") out.from += " CROSS JOIN entries e ON e.id = p.entry AND ?1 = ''";
  out.from.append(where).append(kListed);
  out.order = " ORDER BY " + started + " DESC, " + entry + " DESC";
  return out;
}

std::string list_sql(const EntryQuery& query, std::size_t limit) {
  return std::string(kSummary) + query.from + query.order + " LIMIT " +
         std::to_string(std::min<std::uint64_t>(limit, INT64_MAX));
}

std::vector<ExchangeSummary> list_exchanges(Database& database, const ExchangeFilter& filter) {
  const auto selected = entry_query(database, filter);
  if (!selected) return {};
  Statement query(database, list_sql(*selected, filter.limit));
  Statement name(database, "SELECT text FROM terms WHERE id = ?1");
  const auto text_of = [&](std::string_view digits) {
    std::int64_t term = 0;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), term);
    name.bind(term);
    std::string text = name.step() == Step::Row ? std::string(name.text(0)) : std::string();
    name.reset();
    return text;
  };
  query.bind(std::string_view(filter.session));
  return read_summaries(database, query, [&](ExchangeSummary& row, std::string_view findings) {
    read_findings(findings, [&](std::uint64_t count, std::string_view terms) {
      const std::size_t space = terms.find(' ');
      row.rules[text_of(terms.substr(0, space))] += count;
      row.findings[text_of(terms.substr(space + 1))] += count;
    });
  });
}

std::vector<ExchangeSummary> list_earlier_exchanges(Database& database,
                                                    const ExchangeFilter& filter) {
  for (const std::string* text : {&filter.group, &filter.server, &filter.rule, &filter.category,
                                  &filter.tool, &filter.model, &filter.decision}) {
    if (!text->empty())
      throw SqliteError(0,
                        "it is of an earlier version and can be searched by time, person and "
                        "session until the recorder of this version has opened it");
  }
  const bool known_how = database.integer("SELECT ifnull(max(version), 0) FROM migrations") >= 3;
  Statement query(
      database,
      std::string(kEarlier).append(known_how ? kKnownHow : kUnknownHow).append(kEarlierFrom));
  query.bind(filter.since_wall_ns.value_or(INT64_MIN), filter.until_wall_ns.value_or(INT64_MAX),
             std::string_view(filter.person), as_uid(filter.person),
             std::string_view(filter.session), std::min<std::uint64_t>(filter.limit, INT64_MAX));
  return read_summaries(database, query, [](ExchangeSummary& row, std::string_view findings) {
    read_findings(findings, [&](std::uint64_t count, std::string_view category) {
      row.findings[std::string(category)] += count;
    });
  });
}

bool is_earlier(Database& database) {
  return database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'exchanges'") != 0;
}

}  // namespace veilwire::recorder
