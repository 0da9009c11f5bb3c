#include "agent/proxy/meter.h"

#include <gtest/gtest.h>

namespace veilwire::proxy {
namespace {

using audit::MaskedSpan;

MaskedSpan mask(std::string rule, std::string action = "mask") {
  return {.rule = std::move(rule), .category = "secret", .digest = "", .action = std::move(action)};
}

class MeterTest : public testing::Test {
 protected:
  void put(audit::Body body) { meter_.record({{"host", "boot", "session", 1}, {}, body}); }
  MeterSums sums() const {
    MeterSums sums;
    meter_.add_to(sums);
    return sums;
  }
  Meter meter_;
};

TEST_F(MeterTest, CountsWhatRecordsTell) {
  put(audit::SessionOpen{{}, "192.0.2.1:443", "api.example.com", "intercepted", "TLSv1.3"});
  for (const int status : {200, 529, 7}) put(audit::ResponseHead{status, {}});
  put(audit::RequestBody{.content = "12345", .masks = {mask("key")}});
  put(audit::ResponseFragment{.content = "123", .masks = {mask("key"), mask("key")}});
  put(audit::ResponseFragment{.content = "4", .masks = {}});
  put(audit::Gap{.reason = "not_text", .detail = "image/png", .action = "pass"});
  put(audit::ExchangeClose{.outcome = "complete"});
  put(audit::UpstreamError{"gone"});
  const MeterSums s = sums();
  EXPECT_EQ(s.connections, (NamedCounts<1>{{{"intercepted"}, 1}}));
  EXPECT_EQ(s.responses, (NamedCounts<1>{{{"2xx"}, 1}, {{"5xx"}, 1}, {{"other"}, 1}}));
  EXPECT_EQ(s.request_bytes, 5U);
  EXPECT_EQ(s.response_bytes, 4U);
  EXPECT_EQ(s.fragments, 2U);
  EXPECT_EQ(s.findings, (NamedCounts<4>{{{"secret", "key", "mask", "request"}, 1},
                                        {{"secret", "key", "mask", "response"}, 2}}));
  EXPECT_EQ(s.gaps, (NamedCounts<2>{{{"not_text", "pass"}, 1}}));
  EXPECT_EQ(s.exchanges, (NamedCounts<1>{{{"complete"}, 1}}));
  EXPECT_EQ(s.upstream_errors, 1U);
}

TEST_F(MeterTest, WhatIsBlockedIsOneFinding) {
  put(audit::RequestBody{.content = "", .masks = {mask("key", "block")}});
  put(audit::Blocked{"request", "key", "secret", "", "451"});
  EXPECT_EQ(sums().findings, (NamedCounts<4>{{{"secret", "key", "block", "request"}, 1}}));
  EXPECT_EQ(sums().blocked, (NamedCounts<1>{{{"451"}, 1}}));
}

TEST_F(MeterTest, WhatIsOnlyObservedIsCountedByWhatItWouldHaveBeen) {
  MaskedSpan masked = mask("key", "observed"), blocked = masked;
  masked.would = "mask";
  blocked.would = "block";
  put(audit::RequestBody{.content = "", .masks = {masked, blocked}});
  put(audit::Observed{.direction = "request",
                      .outcome = "blocked",
                      .rule = "key",
                      .category = "secret",
                      .digest = "",
                      .reason = "",
                      .answer = "451"});
  put(audit::Gap{
      .reason = "over_limit", .detail = "", .action = "pass", .bytes = 0, .would = "block"});
  const MeterSums s = sums();
  EXPECT_EQ(s.findings, (NamedCounts<4>{{{"secret", "key", "observed", "request"}, 2}}));
  EXPECT_EQ(s.observed, (NamedCounts<4>{{{"secret", "key", "mask", "request"}, 1},
                                        {{"secret", "key", "block", "request"}, 1}}));
  EXPECT_EQ(s.observed_refusals,
            (NamedCounts<1>{{{"blocked"}, 1}, {{std::string(kNotInspected)}, 1}}));
  EXPECT_TRUE(s.blocked.empty());
}

TEST_F(MeterTest, RulesWithoutEndShareOneName) {
  for (std::size_t i = 0; i < Meter::kMostRules + 50; ++i)
    put(audit::ResponseFragment{.content = "", .masks = {mask("rule-" + std::to_string(i))}});
  const MeterSums s = sums();
  EXPECT_EQ(s.findings.size(), Meter::kMostRules + 1);
  EXPECT_EQ(s.findings.at({"secret", std::string(kOtherName), "mask", "response"}), 50U);
}

TEST_F(MeterTest, AnswersToWhoAskedAreToldApart) {
  meter_.known({});
  meter_.nobody(false);
  meter_.nobody(true);
  const MeterSums s = sums();
  EXPECT_EQ(s.identity.at({"refused"}), 1U);
  EXPECT_EQ(s.identity.at({"silent"}), 1U);
  EXPECT_EQ(s.identity.size(), 3U);
}

}  // namespace
}  // namespace veilwire::proxy
