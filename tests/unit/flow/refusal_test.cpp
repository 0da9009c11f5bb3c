// Every refusal with what a client is told: whoever adds one adds a row.
#include "userspace/flow/refusal.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Row {
  const char* name;
  Refusal refusal;
  int status;
  const char* kind;
  bool retry;
};

EditorContext context(policy::Service service, std::string_view id = {},
                      std::string_view method = {}) {
  EditorContext context;
  context.service = service;
  context.request_id = id;
  context.mcp_method = method;
  return context;
}

const audit::MaskedSpan kFinding{"some-rule", "secret", 0, 1, "d", "block", 0};

std::vector<Row> all() {
  using policy::Uninspected;
  return {
      {"malformed request", refusal::malformed_request("x"), 400, "invalid_request_error", false},
      {"slow request", refusal::request_timed_out(), 408, "timeout_error", true},
      {"CONNECT", refusal::connect_method(), 400, "invalid_request_error", false},
      {"misdirected", refusal::misdirected("a.example"), 421, "invalid_request_error", false},
      {"expectation", refusal::unknown_expectation(), 417, "invalid_request_error", false},
      {"blocked request", refusal::blocked_request(kFinding), 451, "permission_error", false},
      {"blocked answer", refusal::blocked_answer(kFinding), 451, "permission_error", false},
      {"uninspected request", refusal::uninspected_request(Uninspected::NotText, "image/png"), 451,
       "permission_error", false},
      {"request that grows too large", refusal::uninspected_request(Uninspected::OverLimit, ""),
       413, "request_too_large", false},
      {"uninspected answer", refusal::uninspected_answer(Uninspected::UnknownCoding, "x"), 451,
       "permission_error", false},
      {"upgrade", refusal::upgrade(), 451, "permission_error", false},
      {"too large", refusal::request_too_large(10), 413, "request_too_large", false},
      {"nobody known", refusal::not_identified("why"), 403, "permission_error", false},
      {"sign-in wanted", refusal::not_identified("how", true), 403, "permission_error", false},
      {"identity silent", refusal::identity_unavailable("why"), 503, "api_error", true},
      {"identity lost", refusal::identity_lost("why"), 403, "permission_error", false},
      {"identity unconfirmed", refusal::identity_unconfirmed("why"), 503, "api_error", true},
      {"overloaded", refusal::overloaded(policy::Service::Anthropic), 529, "overloaded_error",
       true},
      {"overloaded elsewhere", refusal::overloaded(policy::Service::Mcp), 503, "overloaded_error",
       true},
      {"recorder busy", refusal::not_recorded("recorder full"), 503, "api_error", true},
      {"coding library", refusal::cannot_encode("answer"), 502, "api_error", true},
      {"upstream silent", refusal::upstream_silent("a.example"), 504, "timeout_error", true},
      {"upstream down", refusal::upstream_unreachable("a.example", "timeout", true), 502,
       "api_error", true},
      {"certificate refused", refusal::upstream_unreachable("a.example", "expired", false), 502,
       "api_error", false},
      {"upstream cut", refusal::upstream_ended_early("a.example"), 502, "api_error", true},
      {"upstream malformed", refusal::upstream_malformed("a.example", "bad chunk"), 502,
       "api_error", false},
  };
}

TEST(Refusal, EachSaysWhetherAnotherTryMakesSense) {
  for (const Row& row : all()) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(row.refusal.status, row.status);
    EXPECT_EQ(row.refusal.kind, row.kind);
    EXPECT_EQ(row.refusal.retry, row.retry);
    EXPECT_THAT(row.refusal.message, HasSubstr("veilwire"));
    EXPECT_FALSE(row.refusal.outcome.empty());
    const auto given = answer(row.refusal, context(policy::Service::Anthropic));
    ASSERT_TRUE(given);
    EXPECT_EQ(given->head.status, row.status);
    EXPECT_EQ(given->head.sole_value("x-should-retry"), row.retry ? "true" : "false");
    EXPECT_EQ(given->head.sole_value("content-length"), std::to_string(given->body.size()));
    EXPECT_THAT(given->head.raw, Not(HasSubstr(" Error\r\n")));  // each status has its phrase
    EXPECT_THAT(given->body, HasSubstr(R"("type":")" + std::string(row.kind) + '"'));
  }
}

TEST(Refusal, WhatPolicyForbidsIsNeverTriedAgain) {
  for (const Row& row : all()) {
    if (row.kind == std::string_view("permission_error")) {
      EXPECT_FALSE(row.refusal.retry) << row.name;
    }
  }
}

TEST(Refusal, ATimeToWaitIsSaidInSeconds) {
  Refusal refusal = refusal::not_recorded("x");
  refusal.retry_after = std::chrono::seconds(3);
  const auto given = answer(refusal, context(policy::Service::Anthropic));
  ASSERT_TRUE(given);
  EXPECT_EQ(given->head.sole_value("retry-after"), "3");
}

TEST(Refusal, AToolCallIsToldInASuccessfulExchange) {
  const auto given = answer(refusal::upgrade(), context(policy::Service::Mcp, "7", "tools/call"));
  ASSERT_TRUE(given);
  EXPECT_EQ(given->head.status, 200);
  EXPECT_EQ(given->head.sole_value("x-should-retry"), "false");
  EXPECT_THAT(given->body, HasSubstr(R"("id":7)"));
}

}  // namespace
}  // namespace veilwire::flow
