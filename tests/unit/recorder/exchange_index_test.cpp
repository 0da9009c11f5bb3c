#include "agent/recorder/exchange_index.h"

#include "agent/recorder/schema.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "userspace/audit/parse.h"

namespace veilwire::recorder {
namespace {

audit::Record at(std::string session, std::uint64_t exchange, audit::Body body,
                 std::int64_t wall_s = 0) {
  audit::Record record = audit::sample(std::move(body), exchange);
  record.context.session = std::move(session);
  record.time.wall.since_epoch += std::chrono::seconds(wall_s);
  return record;
}

audit::MaskedSpan mask(std::string category) {
  return {.rule = "r",
          .category = std::move(category),
          .offset = 0,
          .length = 1,
          .digest = "d",
          .action = "mask",
          .released_length = 1};
}

class ExchangeIndexTest : public testing::Test {
 protected:
  void store(audit::Record record) {
    ASSERT_TRUE(ledger_.commit(std::vector{arrival(writer_id(1), ++seq_, record)}));
  }
  std::vector<ExchangeSummary> list(ExchangeFilter filter = {}) {
    return LedgerReader(path_).list(filter);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  Ledger ledger_{options_for(path_)};
  std::uint64_t seq_ = 0;
  const std::string s1_ = "aaaa000000000001", s2_ = "bbbb000000000002";
};

TEST_F(ExchangeIndexTest, SumsUpAnExchange) {
  store(at(s1_, 0,
           audit::SessionOpen{.peer = audit::sample_peer(),
                              .destination = "192.0.2.1:443",
                              .server_name = "api.anthropic.com",
                              .handling = "intercepted",
                              .tls = ""}));
  store(at(s1_, 1,
           audit::RequestHead{.person = audit::sample_person(),
                              .service = "anthropic",
                              .method = "POST",
                              .target = "/v1/messages",
                              .fields = {},
                              .model = "claude-x",
                              .mcp_method = {},
                              .tool = {},
                              .policy_digest = {}},
           1));
  store(at(s1_, 1, audit::RequestBody{.offset = 0, .content = "x", .masks = {mask("pii")}}, 2));
  store(at(s1_, 1, audit::ResponseHead{.status = 200, .fields = {}}, 3));
  store(at(
      s1_, 1,
      audit::ResponseFragment{.offset = 0, .content = "x", .masks = {mask("secret"), mask("pii")}},
      4));
  store(at(s1_, 1, audit::ResponseFragment{.offset = 9, .content = "x", .masks = {mask("secret")}},
           5));
  store(at(s1_, 1, audit::Gap{.reason = "r", .detail = {}, .action = "pass", .bytes = 1}, 6));
  store(at(
      s1_, 1,
      audit::Blocked{
          .direction = "response", .rule = "r", .category = "key", .digest = {}, .answer = "reset"},
      7));
  store(at(s1_, 1,
           audit::ExchangeClose{
               .outcome = "blocked", .request_bytes = 1, .response_bytes = 2, .masked = 3},
           8));
  store(at(s1_, 0, audit::SessionClose{.reason = "done", .from_client = 0, .from_upstream = 0}));

  const auto rows = list();
  ASSERT_EQ(rows.size(), 1U);  // an intercepted session is not a line of its own
  const ExchangeSummary& row = rows[0];
  const std::int64_t wall = audit::sample(audit::Gap{}).time.wall.since_epoch.count();
  EXPECT_EQ(row.session, s1_);
  EXPECT_EQ(row.exchange, 1U);
  EXPECT_EQ(row.started_wall_ns, wall + 1'000'000'000);
  EXPECT_EQ(row.ended_wall_ns, wall + 8'000'000'000);
  EXPECT_EQ(row.uid, 1000);
  EXPECT_EQ(row.person, "Ada Lovelace");
  EXPECT_EQ(row.subject, "1000");
  EXPECT_EQ(row.issuer, "local");
  EXPECT_EQ(row.server, "api.anthropic.com");
  EXPECT_EQ(row.handling, "intercepted");
  EXPECT_EQ(row.service, "anthropic");
  EXPECT_EQ(row.method, "POST");
  EXPECT_EQ(row.target, "/v1/messages");
  EXPECT_EQ(row.model, "claude-x");
  EXPECT_EQ(row.status, 200);
  EXPECT_EQ(row.outcome, "blocked");
  EXPECT_EQ(row.blocked, 1U);
  EXPECT_EQ(row.gaps, 1U);
  const std::map<std::string, std::uint64_t> findings = {{"key", 1}, {"pii", 2}, {"secret", 2}};
  EXPECT_EQ(row.findings, findings);
}

TEST_F(ExchangeIndexTest, ListsSessionsThatWereNotLookedInto) {
  store(at(s1_, 0,
           audit::SessionOpen{.peer = audit::sample_peer(),
                              .destination = "192.0.2.1:443",
                              .server_name = "",
                              .handling = "spliced",
                              .tls = ""}));
  store(at(s1_, 0, audit::Gap{.reason = "spliced", .detail = {}, .action = "pass", .bytes = 9}));
  const auto rows = list();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].exchange, 0U);
  EXPECT_EQ(rows[0].server, "192.0.2.1:443");
  EXPECT_EQ(rows[0].handling, "spliced");
  EXPECT_EQ(rows[0].gaps, 1U);
}

TEST_F(ExchangeIndexTest, ListsAnInterceptedSessionOnlyWhenNothingWasAsked) {
  const audit::SessionOpen open{.peer = audit::sample_peer(),
                                .destination = "192.0.2.1:443",
                                .server_name = "api.anthropic.com",
                                .handling = "intercepted",
                                .tls = ""};
  store(at(s1_, 0, open));
  store(at(s1_, 0,
           audit::SessionClose{
               .reason = "client left in the handshake", .from_client = 9, .from_upstream = 0}));
  store(at(s2_, 0, open));
  store(at(s2_, 1, audit::UpstreamError{.reason = "x"}));
  EXPECT_EQ(outcomes(path_),
            (std::vector<std::string>{"aaaa.0 client left in the handshake", "bbbb.1"}));
}

TEST_F(ExchangeIndexTest, ListsWhatIsAboutTheAgentItselfUnderOneName) {
  store(at("", 0,
           audit::ConfigChange{.what = "policy", .file = "f", .digest = "d", .outcome = "active"}));
  const auto rows = list();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].session, "0000000000000000");
  EXPECT_EQ(rows[0].exchange, 0U);
  EXPECT_EQ(rows[0].handling, "");
  std::size_t seen = 0;
  LedgerReader(path_).records("0000000000000000", 0, [&](const auto&) { return ++seen, true; });
  EXPECT_EQ(seen, 1U);
}

TEST_F(ExchangeIndexTest, ListsAnExchangeWhoseBeginningIsMissing) {
  store(at(s2_, 7,
           audit::ExchangeClose{
               .outcome = "complete", .request_bytes = 0, .response_bytes = 0, .masked = 0}));
  const auto rows = list();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].exchange, 7U);
  EXPECT_EQ(rows[0].outcome, "complete");
}

TEST_F(ExchangeIndexTest, FiltersByTimePersonSessionAndNumber) {
  const auto head = [&](const std::string& session, std::uint64_t exchange, const char* name,
                        std::int64_t wall_s) {
    audit::RequestHead body{.person = audit::sample_person(),
                            .service = {},
                            .method = "GET",
                            .target = "/",
                            .fields = {},
                            .model = {},
                            .mcp_method = {},
                            .tool = {},
                            .policy_digest = {}};
    body.person.name = name;
    body.person.subject = name;
    store(at(session, exchange, body, wall_s));
  };
  head(s1_, 1, "ada", 10);
  head(s1_, 2, "bob", 20);
  head(s2_, 1, "ada", 30);
  const auto names = [&](const ExchangeFilter& filter) {
    std::string out;
    for (const ExchangeSummary& row : list(filter))
      out += row.session.substr(0, 4) + "." + std::to_string(row.exchange) + " ";
    return out;
  };
  EXPECT_EQ(names({}), "bbbb.1 aaaa.2 aaaa.1 ");
  EXPECT_EQ(names({.since_wall_ns = {}, .person = "ada", .session = {}}), "bbbb.1 aaaa.1 ");
  EXPECT_EQ(names({.since_wall_ns = {}, .person = "' OR 1 --", .session = {}}), "");
  EXPECT_EQ(names({.since_wall_ns = {}, .person = {}, .session = "aa"}), "aaaa.2 aaaa.1 ");
  EXPECT_EQ(names({.since_wall_ns = {}, .person = {}, .session = {}, .limit = 1}), "bbbb.1 ");
  const std::int64_t wall = audit::sample(audit::Gap{}).time.wall.since_epoch.count();
  EXPECT_EQ(names({.since_wall_ns = wall + 20'000'000'000, .person = {}, .session = {}}),
            "bbbb.1 aaaa.2 ");
}

TEST_F(ExchangeIndexTest, SaysWhatBecameOfAnExchange) {
  const auto decisions = [&](std::uint64_t exchange, std::vector<audit::Body> bodies) {
    for (audit::Body& body : bodies) store(at(s1_, exchange, std::move(body)));
    std::string out;
    for (const ExchangeSummary& row : list()) {
      for (const auto& [decision, name] : kDecisions) {
        if (row.exchange != exchange) continue;
        if (has(row.decisions, decision)) out.append(name).append(" ");
        ExchangeFilter filter;
        filter.decision = name;
        const auto found = list(filter);
        EXPECT_EQ(has(row.decisions, decision),
                  std::any_of(found.begin(), found.end(),
                              [&](const auto& other) { return other.exchange == exchange; }))
            << name;
      }
    }
    return out;
  };
  const auto close = [](const char* outcome) {
    return audit::ExchangeClose{
        .outcome = outcome, .request_bytes = 0, .response_bytes = 0, .masked = 0};
  };
  const audit::RequestBody masked{.offset = 0, .content = "x", .masks = {mask("pii")}};
  const audit::Gap passed{.reason = "r", .detail = {}, .action = "pass", .bytes = 1};
  const audit::Gap refused{.reason = "r", .detail = {}, .action = "block", .bytes = 1};
  const audit::Blocked blocked{
      .direction = "request", .rule = "r", .category = "key", .digest = {}, .answer = "451"};
  EXPECT_EQ(decisions(1, {audit::UpstreamError{.reason = "slow"}}), "");
  EXPECT_EQ(decisions(2, {close("complete")}), "passed ");
  EXPECT_EQ(decisions(3, {masked, close("complete")}), "masked ");
  EXPECT_EQ(decisions(4, {blocked, close("blocked")}), "blocked ");
  EXPECT_EQ(decisions(5, {masked, blocked, close("blocked")}), "blocked masked ");
  EXPECT_EQ(decisions(6, {passed, close("complete")}), "gap ");
  EXPECT_EQ(decisions(7, {refused, close("refused")}), "denied gap ");
  EXPECT_EQ(decisions(8, {close("identity refused")}), "denied ");
  EXPECT_EQ(decisions(9, {audit::IdentityChange{
                             .what = "lost", .reason = {}, .answer = "reset", .person = {}}}),
            "denied ");
  // What comes late counts as well.
  EXPECT_EQ(decisions(10, {close("complete"), masked}), "masked ");
  audit::Gap gone = refused;
  gone.reason = kProxyGone;
  EXPECT_EQ(decisions(11, {gone}), "gap ");
}

TEST_F(ExchangeIndexTest, AnExchangeIsFoundByWhoeverItWasFor) {
  audit::RequestHead head{.person = audit::sample_person(),
                          .service = {},
                          .method = "GET",
                          .target = "/",
                          .fields = {},
                          .model = {},
                          .mcp_method = {},
                          .tool = {},
                          .policy_digest = {}};
  store(at(s1_, 1, head));
  identity::Person other = audit::sample_person();
  other.name = other.subject = "eve";
  other.groups = {"auditors"};
  store(at(s1_, 1,
           audit::IdentityChange{.what = "changed", .reason = {}, .answer = {}, .person = other}));
  for (const char* person : {"Ada Lovelace", "1000", "eve"}) {
    ExchangeFilter filter;
    filter.person = person;
    EXPECT_EQ(list(filter).size(), 1U) << person;
  }
  for (const char* group : {"engineering", "on call", "auditors"}) {
    ExchangeFilter filter;
    filter.group = group;
    EXPECT_EQ(list(filter).size(), 1U) << group;
  }
}

// What stands in the tables that lists are made from, numbers of rows aside.
std::string index_of(const std::string& path) {
  Database database(path, Database::Mode::ReadOnly);
  std::string out;
  for (const char* sql :
       {"SELECT session || exchange || started_ns || ifnull(ended_ns, '') || ifnull(person, '') ||"
        " ifnull(server, '') || ifnull(outcome, '') || decisions || blocked || gaps"
        " FROM entries ORDER BY session, exchange",
        "SELECT t.kind || t.text || p.started_ns || e.session || e.exchange FROM entry_terms p"
        " JOIN terms t ON t.id = p.term JOIN entries e ON e.id = p.entry ORDER BY 1",
        "SELECT r.text || c.text || f.count || e.session || e.exchange FROM entry_findings f"
        " JOIN terms r ON r.id = f.rule JOIN terms c ON c.id = f.category"
        " JOIN entries e ON e.id = f.entry ORDER BY 1"}) {
    Statement query(database, sql);
    while (query.step() == Step::Row) out.append(query.text(0)).append("\n");
  }
  return out;
}

TEST(FillIndex, ALedgerOfAnEarlierVersionIsIndexedFromItsRecords) {
  const TemporaryFolder folder;
  const std::string path = folder / "ledger.db";
  std::vector<Arrival> batch;
  for (int round = 0; round < 3; ++round) {
    for (audit::Record record : audit::sample_records()) {
      if (audit::kind(record).starts_with("checkpoint")) continue;
      record.context.exchange += static_cast<std::uint64_t>(round);
      batch.push_back(arrival(writer_id(1), batch.size() + 1, record));
    }
    batch.push_back({.writer = writer_id(1), .seq = batch.size() + 1, .bytes = "no record"});
  }
  ASSERT_TRUE(Ledger(options_for(path)).commit(batch));
  const std::string before = index_of(path);
  const auto listed = [&] {
    std::string out;
    for (const ExchangeSummary& row : LedgerReader(path).list({})) {
      out = row.session + std::to_string(row.exchange) + row.person + row.known_by + row.outcome +
            std::to_string(row.findings.size()) + "\n" + out;
      EXPECT_TRUE(LedgerReader(path).has_exchange(row.session, row.exchange));
    }
    return out;
  };
  const std::size_t lines = LedgerReader(path).list({}).size();
  ASSERT_GT(lines, 3U);

  make_earlier(path);
  // Those who only read find it as it is.
  ASSERT_EQ(LedgerReader(path).list({}).size(), lines);
  EXPECT_NE(listed().find("Ada Lovelacelocal"), std::string::npos) << listed();
  ExchangeFilter filter;
  filter.group = "engineering";
  EXPECT_THROW((void)LedgerReader(path).list(filter), SqliteError);
  EXPECT_THROW((void)LedgerReader(path).count({}, {CountBy::Nothing}), SqliteError);

  { Ledger ledger(options_for(path)); }
  EXPECT_EQ(index_of(path), before);
  EXPECT_FALSE(LedgerReader(path).list(filter).empty());
  { Ledger ledger(options_for(path)); }
  EXPECT_EQ(index_of(path), before);
}

TEST(FillIndex, GoesOnWhereItWasInterrupted) {
  const TemporaryFolder folder;
  const std::string path = folder / "ledger.db";
  std::vector<Arrival> batch;
  for (std::uint64_t exchange = 1; exchange <= 9; ++exchange)
    batch.push_back(opening(writer_id(1), exchange, "aaaa000000000001", exchange));
  ASSERT_TRUE(Ledger(options_for(path)).commit(batch));
  const std::string before = index_of(path);
  make_earlier(path);
  {
    Database database(path, Database::Mode::Create);
    migrate(database, 0);
    // A recorder that was killed behind its first portion.
    ExchangeIndex index(database);
    LedgerReader(path).all_records(0, [&](const LedgerReader::StoredRecord& stored) {
      if (stored.id > 4) return false;
      return index.add(audit::parse_record(stored.bytes)->record, stored.session);
    });
    database.execute("UPDATE indexing SET record = 4");
    EXPECT_EQ(LedgerReader(path).list({}).size(), 9U);  // still those of before
  }
  { Ledger ledger(options_for(path)); }
  EXPECT_EQ(index_of(path), before);
  EXPECT_EQ(LedgerReader(path).list({}).size(), 9U);
}

}  // namespace
}  // namespace veilwire::recorder
