#include "userspace/projection/exchange.h"

#include "tests/unit/projection/sample_exchanges.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

TEST(Exchange, GathersWhatItsRecordsSay) {
  const Exchange x = as_exchange(model_call());
  ASSERT_TRUE(x.session && x.request && x.response && x.close);
  EXPECT_EQ(x.context.exchange, 1U);
  EXPECT_EQ(x.writer, kSampleWriter);
  EXPECT_EQ(x.request_body.content, golden("json/anthropic_request.json"));
  EXPECT_EQ(x.response_body.content, golden("anthropic/tool_use.sse"));
  EXPECT_TRUE(x.response_body.whole());
  EXPECT_LT(x.begun.mono, x.answered->mono);
  EXPECT_LT(x.answered->mono, x.first_released->mono);
  EXPECT_EQ(x.seq, as_records(model_call()).back().seq);
  ASSERT_EQ(x.findings.size(), 2U);
  EXPECT_EQ(x.findings[0].direction, "request");
  EXPECT_EQ(x.findings[1].count, 2U);
  EXPECT_EQ(x.findings[1].bytes, 40U);
  EXPECT_EQ(decision(x), "masked");
}

TEST(Exchange, HoldsNoMoreThanItWasTold) {
  const Exchange x = as_exchange(model_call(), 100);
  EXPECT_EQ(x.response_body.content.size(), 100U);
  EXPECT_EQ(x.response_body.bytes, golden("anthropic/tool_use.sse").size());
  EXPECT_FALSE(x.response_body.whole());

  ExchangeReader reader(1000);
  std::uint64_t seq = 0;
  for (std::size_t i = 0; i < 5000; ++i) {
    const std::string n = std::to_string(i);
    reader.add(as_read(audit::sample(audit::RequestBody{
                           .offset = i, .content = "x", .masks = {sample_mask("mask", n)}}),
                       ++seq));
    reader.add(as_read(audit::sample(audit::Gap{.reason = n, .detail = {}, .action = {}}), ++seq));
  }
  for (int i = 0; i < 100; ++i) {
    reader.add(as_read(audit::sample(audit::IdentityChange{
                           .what = "changed", .reason = {}, .answer = {}, .person = {}}),
                       ++seq));
  }
  const Exchange many = reader.finish();
  EXPECT_EQ(many.changes.size(), kChangesTold);
  EXPECT_EQ(many.findings.size(), kToldApart);
  EXPECT_EQ(many.more_findings, 5000 - kToldApart);
  EXPECT_EQ(many.gaps.size(), kToldApart);
  EXPECT_EQ(many.left_out, 5000 - kToldApart + 100 - kChangesTold);
  EXPECT_EQ(many.request_body.content.size(), 1000U);
  EXPECT_EQ(many.request_body.bytes, 5000U);
}

TEST(Exchange, APieceThatIsMissingEndsWhatIsShown) {
  const auto piece = [](std::uint64_t offset, const char* content) {
    return audit::ResponseFragment{.offset = offset, .content = content, .masks = {}};
  };
  const Exchange x = as_exchange({piece(0, "abc"), piece(5, "fg"), piece(3, "de")});
  EXPECT_EQ(x.response_body.content, "abc");
  EXPECT_EQ(x.response_body.bytes, 7U);
  EXPECT_FALSE(x.response_body.whole());
}

TEST(Exchange, AFindingThatBlockedCountsOnce) {
  const Exchange x = as_exchange(blocked_call());
  ASSERT_EQ(x.findings.size(), 1U);
  EXPECT_EQ(x.findings[0].action, "block");
  EXPECT_EQ(x.findings[0].count, 1U);
  EXPECT_EQ(decision(x), "blocked");

  std::vector<audit::Body> alone = blocked_call();
  alone.erase(alone.begin() + 1);
  ASSERT_EQ(as_exchange(alone).findings.size(), 1U);
  EXPECT_EQ(as_exchange(alone).findings[0].count, 1U);
}

TEST(Exchange, TheGravestDecisionCounts) {
  const audit::Gap pass{.reason = "spliced", .detail = {}, .action = "pass", .bytes = 1};
  const audit::Gap block{.reason = "malformed", .detail = {}, .action = "block", .bytes = 1};
  const audit::RequestBody masked{.offset = 0, .content = "x", .masks = {sample_mask()}};
  const audit::RequestBody seen{.offset = 0, .content = "x", .masks = {sample_mask("pass")}};
  EXPECT_EQ(decision(as_exchange({sample_close()})), "passed");
  EXPECT_FALSE(has_findings(as_exchange({sample_close()})));
  EXPECT_EQ(decision(as_exchange({seen})), "passed");
  EXPECT_TRUE(has_findings(as_exchange({seen})));
  EXPECT_EQ(decision(as_exchange({masked})), "masked");
  EXPECT_EQ(decision(as_exchange({masked, pass})), "not inspected");
  EXPECT_EQ(decision(as_exchange({masked, pass, block})), "blocked");
}

TEST(Exchange, CountsAreOneWhereDigestsAreNotTold) {
  const Exchange x = as_exchange({audit::RequestBody{
      .offset = 0, .content = "x", .masks = {sample_mask("mask", "1"), sample_mask("mask", "2")}}});
  EXPECT_EQ(x.findings.size(), 2U);
  ASSERT_EQ(without_digests(x.findings).size(), 1U);
  EXPECT_EQ(without_digests(x.findings)[0].count, 2U);
}

}  // namespace
}  // namespace veilwire::projection
