#include "agent/recorder/exchange_index.h"

#include "tests/unit/recorder/ledger_fixture.h"

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

}  // namespace
}  // namespace veilwire::recorder
