#include "userspace/identity/revocation.h"

#include "tests/unit/identity/oidc_fixtures.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

class Revocation : public Conversation {};

TEST_F(Revocation, IsTheRfcsExample) {
  // RFC 7009, 2.1.
  client_ = OidcClient::with_secret_basic("s6BhdRkqt3", secret("gX1fBat3bV"));
  const auto sent =
      revocation_request(context(), secret("45ghiukldjahdnhzdauz"), TokenHint::RefreshToken);
  EXPECT_EQ(sent->url.target, "/revoke");
  EXPECT_EQ(sent->authorization.reveal(), "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
  EXPECT_EQ(sent->body.reveal(), "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token");
  provider_.endpoints.revocation.reset();
  EXPECT_FALSE(revocation_request(context(), secret("x"), TokenHint::RefreshToken));
}

TEST_F(Revocation, IsDoneUnderStatus200WhateverTheBody) {
  EXPECT_TRUE(read_revocation(answer("", 200, "")));
  EXPECT_TRUE(read_revocation(answer("ok", 200, "text/plain")));
}

TEST_F(Revocation, IsTriedAgainWhereTheIdpFails) {
  IdpResponse busy = error_page(503);
  busy.retry_after = "30";
  const auto failed = read_revocation(busy);
  ASSERT_FALSE(failed);
  EXPECT_EQ(verdict(failed.error()), IdpVerdict::Failing);
  EXPECT_EQ(failed.error().retry_after, seconds(30));
}

TEST_F(Revocation, IsNotTriedAgainWhereTheIdpDoesNotKnowTheKind) {
  const auto failed = read_revocation(answer(R"({"error":"unsupported_token_type"})", 400));
  ASSERT_FALSE(failed);
  EXPECT_EQ(verdict(failed.error()), IdpVerdict::Misconfigured);
}

}  // namespace
}  // namespace veilwire::identity
