#include "agent/recorder/exchange_query.h"

#include "tests/unit/recorder/ledger_fixture.h"

#include <array>
#include <functional>
#include <random>
#include <set>

#include <gmock/gmock.h>

namespace veilwire::recorder {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Made {
  std::string id;
  std::int64_t wall = 0;
  std::string person, group, server, rule, category, tool, model, decision;
};

// The terms that a filter can name, as pairs of its member and of ours.
const std::array<std::pair<std::string ExchangeFilter::*, std::string Made::*>, 8> kTerms = {{
    {&ExchangeFilter::person, &Made::person},
    {&ExchangeFilter::group, &Made::group},
    {&ExchangeFilter::server, &Made::server},
    {&ExchangeFilter::rule, &Made::rule},
    {&ExchangeFilter::category, &Made::category},
    {&ExchangeFilter::tool, &Made::tool},
    {&ExchangeFilter::model, &Made::model},
    {&ExchangeFilter::decision, &Made::decision},
}};

class ExchangeQueryTest : public testing::Test {
 protected:
  ExchangeQueryTest() {
    std::mt19937 random(7);
    const auto one_of = [&](const char* name) { return name + std::to_string(random() % 3); };
    std::vector<Arrival> batch;
    for (int n = 0; n < 200; ++n) {
      Made made{.id = {},
                .wall = 1'000'000'000LL * n,
                .person = one_of("person"),
                .group = one_of("group"),
                .server = one_of("server"),
                .rule = {},
                .category = {},
                .tool = one_of("tool"),
                .model = one_of("model"),
                .decision = "passed"};
      std::string session(16, '0');
      session.replace(0, 1, std::string(1, "0123456789abcdef"[n % 16]));
      session.replace(10, 3, std::to_string(100 + n));
      made.id = session + ".1";
      const auto put = [&](std::uint64_t exchange, audit::Body body) {
        audit::Record record = audit::sample(std::move(body), exchange);
        record.context.session = session;
        record.time.wall.since_epoch = std::chrono::nanoseconds(made.wall);
        batch.push_back(arrival(writer_id(1), batch.size() + 1, record));
      };
      put(0, audit::SessionOpen{.peer = audit::sample_peer(),
                                .destination = "192.0.2.1:443",
                                .server_name = made.server,
                                .handling = "intercepted",
                                .tls = ""});
      audit::RequestHead head{.person = audit::sample_person(),
                              .service = "mcp",
                              .method = "POST",
                              .target = "/",
                              .fields = {},
                              .model = made.model,
                              .mcp_method = "tools/call",
                              .tool = made.tool,
                              .policy_digest = {}};
      head.person.name = made.person;
      head.person.groups = {made.group, "everybody"};
      put(1, head);
      if (random() % 3 != 0) {
        made.rule = one_of("rule"), made.category = one_of("category"), made.decision = "masked";
        put(1,
            audit::ResponseFragment{.offset = 0,
                                    .content = "x",
                                    .masks = {{made.rule, made.category, 0, 1, "d", "mask", 1}}});
      }
      put(1, audit::ExchangeClose{
                 .outcome = "complete", .request_bytes = 0, .response_bytes = 0, .masked = 0});
      made_.push_back(made);
    }
    EXPECT_TRUE(ledger_.commit(batch));
  }

  std::vector<std::string> ids(const ExchangeFilter& filter) {
    std::vector<std::string> out;
    for (const ExchangeSummary& row : reader_.list(filter))
      out.push_back(row.session + "." + std::to_string(row.exchange));
    return out;
  }
  std::vector<std::string> expected(const ExchangeFilter& filter) const {
    std::vector<std::string> out;
    for (auto made = made_.rbegin(); made != made_.rend(); ++made) {
      const bool fits = std::all_of(kTerms.begin(), kTerms.end(), [&](const auto& term) {
        return (filter.*term.first).empty() || filter.*term.first == (*made).*term.second;
      });
      if (fits && made->id.starts_with(filter.session) &&
          made->wall >= filter.since_wall_ns.value_or(0) &&
          made->wall < filter.until_wall_ns.value_or(INT64_MAX) && out.size() < filter.limit)
        out.push_back(made->id);
    }
    return out;
  }
  // Each subset of the terms, with times and a session or without.
  void each_filter(const std::function<void(const ExchangeFilter&)>& visit) const {
    for (std::size_t subset = 0; subset < 8 * 256; ++subset) {
      ExchangeFilter filter;
      const Made& like = made_[subset % made_.size()];
      for (std::size_t i = 0; i < kTerms.size(); ++i) {
        if ((subset >> i & 1) != 0) filter.*kTerms[i].first = like.*kTerms[i].second;
      }
      if ((subset >> 8 & 1) != 0) filter.since_wall_ns = 30'000'000'000;
      if ((subset >> 9 & 1) != 0) filter.until_wall_ns = 150'000'000'000;
      if ((subset >> 10 & 1) != 0) filter.session = like.id.substr(0, 1);
      filter.limit = subset % 7 == 0 ? 5 : 1000;
      visit(filter);
    }
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  Ledger ledger_{options_for(path_)};
  LedgerReader reader_{path_};
  std::vector<Made> made_;
};

TEST_F(ExchangeQueryTest, EveryCombinationFindsWhatALookAtEveryExchangeFinds) {
  std::size_t not_empty = 0;
  each_filter([&](const ExchangeFilter& filter) {
    const auto want = expected(filter);
    if (!want.empty()) ++not_empty;
    ASSERT_EQ(ids(filter), want);
  });
  EXPECT_GT(not_empty, 500U);
}

TEST_F(ExchangeQueryTest, NoCombinationReadsATableFromEndToEnd) {
  Database database(path_, Database::Mode::ReadOnly);
  each_filter([&](const ExchangeFilter& filter) {
    const auto query = entry_query(database, filter);
    if (!query) return;  // a term that nothing has
    const std::string sql = list_sql(*query, filter.limit);
    Statement explain(database, "EXPLAIN QUERY PLAN " + sql);
    explain.bind(std::string_view(filter.session));
    std::string plan;
    while (explain.step() == Step::Row) plan.append(explain.text(3)).append("\n");
    ASSERT_THAT(plan, Not(HasSubstr("SCAN"))) << sql;
    ASSERT_THAT(plan, Not(HasSubstr("records"))) << sql;
    if (!filter.session.empty()) return;
    // What comes first is the newest, so that the limit ends it.
    ASSERT_THAT(plan, Not(HasSubstr("B-TREE FOR ORDER"))) << plan;
    if (filter.rule.empty()) return;
    ASSERT_THAT(plan,
                HasSubstr("SEARCH p USING PRIMARY KEY (term=? AND started_ns>? AND started_ns<?)"));
  });
}

TEST_F(ExchangeQueryTest, ATermThatNothingHasFindsNothing) {
  for (const auto& [member, made] : kTerms) {
    ExchangeFilter filter;
    filter.*member = "' OR 1 --";
    EXPECT_TRUE(reader_.list(filter).empty());
  }
}

TEST_F(ExchangeQueryTest, ServersAreFoundInCapitalsAndToolsByTheirMethod) {
  ExchangeFilter filter;
  filter.server = "SERVER1";
  EXPECT_FALSE(reader_.list(filter).empty());
  filter = {};
  filter.tool = "tools/call";
  filter.group = "everybody";
  filter.limit = 1000;
  EXPECT_EQ(reader_.list(filter).size(), made_.size());
}

TEST_F(ExchangeQueryTest, CountsAreThoseOfTheList) {
  each_filter([&](ExchangeFilter filter) {
    filter.limit = 1000;
    std::map<std::string, ExchangeCount> rules;
    ExchangeCount all;
    for (const ExchangeSummary& row : reader_.list(filter)) {
      ++all.exchanges;
      for (const auto& [rule, count] : row.rules) {
        all.findings += count;
        rules[rule].findings += count;
        ++rules[rule].exchanges;
      }
      if (has(row.decisions, Decision::Masked)) ++all.masked;
    }
    const auto counts = reader_.count(filter, {CountBy::Nothing, CountBy::Rule});
    ASSERT_EQ(counts.size(), 2U);
    ASSERT_EQ(counts[0].size(), 1U);
    EXPECT_EQ(counts[0][0].exchanges, all.exchanges);
    EXPECT_EQ(counts[0][0].findings, all.findings);
    EXPECT_EQ(counts[0][0].masked, all.masked);
    ASSERT_EQ(counts[1].size(), rules.size());
    for (const ExchangeCount& row : counts[1]) {
      EXPECT_EQ(row.findings, rules[row.value].findings) << row.value;
      EXPECT_EQ(row.exchanges, rules[row.value].exchanges) << row.value;
    }
  });
}

TEST_F(ExchangeQueryTest, EverythingCanBeCountedByEverything) {
  const auto counts =
      reader_.count({}, {CountBy::Category, CountBy::Person, CountBy::Group, CountBy::RuleAndGroup,
                         CountBy::Server, CountBy::Model, CountBy::Tool});
  std::vector<std::size_t> sizes;
  for (const auto& rows : counts) sizes.push_back(rows.size());
  EXPECT_THAT(sizes, testing::ElementsAre(3, 1, 4, 12, 3, 3, 3));
  // One subject, whose name has changed: one person.
  EXPECT_EQ(counts[1][0].exchanges, made_.size());
  std::uint64_t in_everybody = 0;
  for (const ExchangeCount& row : counts[3])
    in_everybody += row.group == "everybody" ? row.findings : 0;
  EXPECT_EQ(in_everybody, reader_.count({}, {CountBy::Nothing})[0][0].findings);
}

}  // namespace
}  // namespace veilwire::recorder
