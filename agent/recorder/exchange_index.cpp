#include "agent/recorder/exchange_index.h"

#include "agent/host/log.h"
#include "agent/recorder/ledger_reader.h"
#include "userspace/audit/parse.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace veilwire::recorder {
namespace {

// A write-ahead log of tens of megabytes.
constexpr std::int64_t kPortion = 20'000;  // records
constexpr std::int64_t kSaidEvery = 10 * kPortion;

// An exchange takes over what its session knows: the row of exchange 0, when there is one.
constexpr std::string_view kBegin = R"sql(
INSERT INTO entries(session, exchange, started_ns, uid, server, handling)
  SELECT ?1, ?2, ?3, s.uid, s.server, s.handling
  FROM (SELECT 1) LEFT JOIN entries s ON s.session = ?1 AND s.exchange = 0
  RETURNING id, uid, server)sql";

// How an exchange ends that the agent did not let through, but for a rule.
constexpr std::array<std::string_view, 9> kDeniedOutcomes = {"refused",
                                                             "identity refused",
                                                             "sign-in wanted",
                                                             "identity lost",
                                                             "identity unconfirmed",
                                                             "no credential",
                                                             "credential unavailable",
                                                             "overloaded",
                                                             "not recorded"};

std::string update(std::string_view set) {
  return std::string("UPDATE entries SET ").append(set).append(" WHERE id = ?1");
}

std::string_view name_of(Decision decision) {
  for (const auto& [which, name] : kDecisions) {
    if (which == decision) return name;
  }
  return {};
}

}  // namespace

ExchangeIndex::ExchangeIndex(Database& database)
    : database_(database),
      find_(database,
            "SELECT id, started_ns, decisions FROM entries WHERE session = ?1 AND exchange = ?2"),
      begin_(database, kBegin),
      session_(database, update("uid = ?2, server = ?3, handling = ?4")),
      head_(database,
            update("issuer = ?2, subject = ?3, person = ?4, service = ?5, method = ?6, "
                   "target = ?7, model = ?8, mcp_method = ?9, tool = ?10, running_as = ?11, "
                   "class = ?12, known_by = ?13, standing = ?14, known_age_ms = ?15")),
      status_(database, update("status = ?2")),
      blocked_(database, update("blocked = blocked + 1")),
      gap_(database, update("gaps = gaps + 1")),
      close_(database, update("ended_ns = ?2, outcome = ?3")),
      decide_(database, update("decisions = ?2")),
      finding_(database,
               "INSERT INTO entry_findings VALUES(?1, ?2, ?3, ?4)"
               " ON CONFLICT DO UPDATE SET count = count + excluded.count"),
      find_term_(database, "SELECT id FROM terms WHERE kind = ?1 AND text = ?2"),
      add_term_(database, "INSERT INTO terms(kind, text) VALUES(?1, ?2)"),
      file_(database, "INSERT INTO entry_terms VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING"),
      unfile_(database,
              "DELETE FROM entry_terms WHERE term = ?1 AND started_ns = ?2 AND entry = ?3") {}

std::optional<ExchangeIndex::Entry> ExchangeIndex::entry(std::string_view session,
                                                         std::uint64_t exchange,
                                                         std::int64_t wall) {
  Entry entry{.id = 0, .started_ns = wall, .decisions = 0};
  find_.bind(session, exchange);
  const Step found = find_.step();
  if (found == Step::Row)
    entry = {.id = find_.integer(0), .started_ns = find_.integer(1), .decisions = find_.integer(2)};
  find_.reset();
  if (found == Step::Row) return entry;
  if (found == Step::Failed) return std::nullopt;

  begin_.bind(session, exchange, wall);
  std::string uid, server;
  if (begin_.step() == Step::Row) {
    entry.id = begin_.integer(0);
    if (!begin_.is_null(1)) uid = std::to_string(begin_.integer(1));
    server = begin_.text(2);
  }
  const bool done = entry.id != 0 && begin_.step() == Step::Done;
  begin_.reset();
  if (!done || !file(entry, TermKind::Person, uid) ||
      !file(entry, TermKind::Server, server_term(server)))
    return std::nullopt;
  return entry;
}

std::optional<std::int64_t> ExchangeIndex::term(TermKind kind, std::string_view text) {
  find_term_.bind(static_cast<std::int64_t>(kind), text);
  const Step found = find_term_.step();
  const std::int64_t id = found == Step::Row ? find_term_.integer(0) : 0;
  find_term_.reset();
  if (found == Step::Row) return id;
  if (found == Step::Failed || !add_term_.run(static_cast<std::int64_t>(kind), text))
    return std::nullopt;
  return database_.last_row();
}

bool ExchangeIndex::file(const Entry& entry, TermKind kind, std::string_view text) {
  if (text.empty()) return true;
  const auto id = term(kind, text);
  return id && file_.run(*id, entry.started_ns, entry.id);
}

bool ExchangeIndex::file(const Entry& entry, const identity::Person& person) {
  return file(entry, TermKind::Person, person.subject) &&
         file(entry, TermKind::Person, person.name) &&
         std::all_of(person.groups.begin(), person.groups.end(),
                     [&](const std::string& group) { return file(entry, TermKind::Group, group); });
}

bool ExchangeIndex::decide(Entry& entry, Decision decision) {
  if (has(entry.decisions, decision)) return true;
  if (has(entry.decisions, Decision::Passed)) {
    const auto passed = term(TermKind::Decision, name_of(Decision::Passed));
    if (!passed || !unfile_.run(*passed, entry.started_ns, entry.id)) return false;
    entry.decisions &= ~static_cast<std::int64_t>(Decision::Passed);
  }
  entry.decisions |= static_cast<std::int64_t>(decision);
  return decide_.run(entry.id, entry.decisions) &&
         file(entry, TermKind::Decision, name_of(decision));
}

bool ExchangeIndex::found(const Entry& entry, std::string_view rule, std::string_view category,
                          std::uint64_t count) {
  const auto rule_term = term(TermKind::Rule, rule),
             category_term = term(TermKind::Category, category);
  return rule_term && category_term && finding_.run(entry.id, *rule_term, *category_term, count) &&
         file(entry, TermKind::Rule, rule) && file(entry, TermKind::Category, category);
}

bool ExchangeIndex::found(Entry& entry, const std::vector<audit::MaskedSpan>& masks) {
  std::map<std::pair<std::string_view, std::string_view>, std::uint64_t> counts;
  bool masked = false, observed = false;
  for (const audit::MaskedSpan& mask : masks) {
    ++counts[{mask.rule, mask.category}];
    masked = masked || mask.action == "mask";
    observed = observed || !mask.would.empty();
  }
  return std::all_of(counts.begin(), counts.end(),
                     [&](const auto& of) {
                       return found(entry, of.first.first, of.first.second, of.second);
                     }) &&
         (!masked || decide(entry, Decision::Masked)) &&
         (!observed || decide(entry, Decision::Observed));
}

struct ExchangeIndex::Add {
  ExchangeIndex& index;
  const audit::Record& record;
  std::string_view session;
  std::uint64_t exchange = record.context.exchange;
  std::int64_t wall = record.time.wall.since_epoch.count();
  Entry entry = {};

  bool begin() {
    const auto found = index.entry(session, exchange, wall);
    if (found) entry = *found;
    return found.has_value();
  }
  bool close(std::string_view outcome) { return index.close_.run(entry.id, wall, outcome); }

  bool operator()(const audit::SessionOpen& b) {
    const std::string& server = b.server_name.empty() ? b.destination : b.server_name;
    return begin() &&
           index.session_.run(entry.id, std::uint64_t{b.peer.uid}, std::string_view(server),
                              std::string_view(b.handling)) &&
           index.file(entry, TermKind::Person, std::to_string(b.peer.uid)) &&
           index.file(entry, TermKind::Server, server_term(server)) &&
           (b.handling != "refused" || index.decide(entry, Decision::Denied));
  }
  bool operator()(const audit::RequestHead& b) {
    return begin() &&
           index.head_.run(entry.id, std::string_view(b.person.issuer),
                           std::string_view(b.person.subject), std::string_view(b.person.name),
                           std::string_view(b.service), std::string_view(b.method),
                           std::string_view(b.target), std::string_view(b.model),
                           std::string_view(b.mcp_method), std::string_view(b.tool),
                           std::string_view(b.person.running_as),
                           audit::spell(b.person.person_class), std::string_view(b.person.method),
                           audit::standing(b.person), audit::age_ms(b.person, record.time.mono)) &&
           index.file(entry, b.person) && index.file(entry, TermKind::Model, b.model) &&
           index.file(entry, TermKind::Tool, b.tool) &&
           index.file(entry, TermKind::Tool, b.mcp_method);
  }
  bool operator()(const audit::RequestBody& b) {
    return b.masks.empty() || (begin() && index.found(entry, b.masks));
  }
  // It is found by whoever it was for at any time.
  bool operator()(const audit::IdentityChange& b) {
    return begin() && index.file(entry, b.person) &&
           (b.answer.empty() || index.decide(entry, Decision::Denied));
  }
  bool operator()(const audit::ResponseHead& b) {
    return begin() && index.status_.run(entry.id, b.status);
  }
  bool operator()(const audit::ResponseFragment& b) {
    return b.masks.empty() || (begin() && index.found(entry, b.masks));
  }
  bool operator()(const audit::Blocked& b) {
    return begin() && index.blocked_.run(entry.id) && index.found(entry, b.rule, b.category, 1) &&
           index.decide(entry, Decision::Blocked);
  }
  bool operator()(const audit::UpstreamError&) { return begin(); }
  bool operator()(const audit::Gap& b) {
    if (!begin() || !index.gap_.run(entry.id) || !index.decide(entry, Decision::Gap)) return false;
    if (b.reason == kProxyGone) return close(kProxyGone);
    return (b.would.empty() || index.decide(entry, Decision::Observed)) &&
           (b.action != "block" || index.decide(entry, Decision::Denied));
  }
  bool operator()(const audit::Observed& b) {
    return begin() && (b.rule.empty() || index.file(entry, TermKind::Rule, b.rule)) &&
           index.decide(entry, Decision::Observed);
  }
  bool operator()(const audit::ExchangeClose& b) {
    if (!begin() || !close(b.outcome)) return false;
    // In a field of a head, which says of no span where it stands.
    if (b.observed != 0 && !index.decide(entry, Decision::Observed)) return false;
    if (std::find(kDeniedOutcomes.begin(), kDeniedOutcomes.end(), b.outcome) !=
        kDeniedOutcomes.end())
      return index.decide(entry, Decision::Denied);
    return entry.decisions != 0 || index.decide(entry, Decision::Passed);
  }
  bool operator()(const audit::SessionClose& b) { return begin() && close(b.reason); }
  bool operator()(const audit::ConfigChange&) { return begin(); }
  // Of the whole ledger, and found in their own index.
  bool operator()(const audit::Checkpoint&) { return true; }
  bool operator()(const audit::CheckpointKey&) { return true; }
  bool operator()(const audit::Retention&) { return true; }
  // Nothing that exchanges are found by.
  bool operator()(const audit::OriginalKey&) { return true; }
  bool operator()(const audit::OriginalChunk&) { return true; }
};

bool ExchangeIndex::add(const audit::Record& record, std::string_view session) {
  Add add{.index = *this, .record = record, .session = session};
  return std::visit(add, record.body);
}

void fill_index(Database& database, ExchangeIndex& index, const std::string& path) {
  if (database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'indexing'") == 0) return;
  const std::int64_t last = database.integer("SELECT ifnull(max(id), 0) FROM records");
  std::int64_t done = database.integer("SELECT record FROM indexing");
  const auto must = [&](bool worked) {
    if (!worked) throw SqliteError(database.last_code(), database.last_error());
  };
  const auto commit = [&] {
    must(Statement(database, "UPDATE indexing SET record = ?1").run(done));
    database.execute("COMMIT");
  };
  if (last != done) host::log::info("ledger: indexing the records of an earlier version");
  database.execute("BEGIN IMMEDIATE");
  LedgerReader(path).all_records(done, [&](const LedgerReader::StoredRecord& stored) {
    // Nearly all records are fragments that have no mask; those need not be read.
    const bool plain = stored.kind == "response.fragment" &&
                       stored.bytes.find(R"("masks":[{)") == std::string::npos;
    const auto parsed =
        plain ? Unexpected{audit::ParseError::UnknownKind} : audit::parse_record(stored.bytes);
    if (parsed && stored.kind != "unreadable") must(index.add(parsed->record, stored.session));
    done = stored.id;
    if (done % kPortion == 0) {
      commit();
      if (done % kSaidEvery == 0)
        host::log::info("ledger: " + std::to_string(done) + " of " + std::to_string(last) +
                        " records indexed");
      database.execute("BEGIN IMMEDIATE");
    }
    return true;
  });
  database.execute("DROP TABLE findings; DROP TABLE exchanges; DROP TABLE indexing");
  database.execute("COMMIT");
}

}  // namespace veilwire::recorder
