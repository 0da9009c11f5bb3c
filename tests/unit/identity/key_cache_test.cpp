#include "userspace/identity/key_cache.h"

#include "tests/unit/identity/idp_responses.h"
#include "userspace/base/limits.h"
#include "userspace/identity/oidc_provider.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::string_view kSet =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

IdpResponse key_set(std::string_view cache_control = {}) {
  IdpResponse response = answer(kSet);
  response.cache_control = cache_control;
  return response;
}

// A cache that has taken a set at that time.
KeyCache filled(Monotonic now, std::string_view cache_control = {}) {
  KeyCache cache;
  cache.asked(now);
  EXPECT_TRUE(cache.answered(key_set(cache_control), now, 0));
  return cache;
}

TEST(KeyCache, AsksAtOnceAndNotTwice) {
  KeyCache cache;
  EXPECT_EQ(cache.keys(at(seconds(1))), nullptr);
  EXPECT_LE(cache.due().value(), at(seconds(1)));
  cache.asked(at(seconds(1)));
  EXPECT_FALSE(cache.due());
  EXPECT_TRUE(cache.unknown_key(at(seconds(2))));
  EXPECT_FALSE(cache.due());
  ASSERT_TRUE(cache.answered(key_set(), at(seconds(2)), 0));
  EXPECT_EQ(cache.keys(at(seconds(2)))->keys().size(), 1U);
}

TEST(KeyCache, AsksAgainWithinTheTimeThatCacheControlGives) {
  EXPECT_EQ(filled(at(seconds(0)), "max-age=1000").due(), at(seconds(500)));
  EXPECT_EQ(filled(at(seconds(0))).due(), at(limits::kKeySetFreshUnstated / 2));
  KeyCache cache;
  cache.asked(at(seconds(0)));
  ASSERT_TRUE(cache.answered(key_set("max-age=1000"), at(seconds(0)), UINT32_MAX));
  EXPECT_LT(cache.due().value(), at(seconds(801)));
  EXPECT_GT(cache.due().value(), at(seconds(799)));
}

TEST(KeyCache, ReadsCacheControlWithinBounds) {
  EXPECT_EQ(key_set_freshness("public, Max-Age=3600, must-revalidate"), seconds(3600));
  EXPECT_EQ(key_set_freshness("max-age=3600,max-age=1000"), seconds(1000));
  for (const char* text : {"max-age=0", "max-age=1", "no-store", "no-cache, max-age=3600",
                           "max-age=-1", "max-age=", "max-age=1e9", "max-age=\"3600\""})
    EXPECT_EQ(key_set_freshness(text), limits::kKeySetFreshLeast) << text;
  for (const char* text : {"max-age=86401", "max-age=4294967296", "max-age=99999999999999999999"})
    EXPECT_EQ(key_set_freshness(text), limits::kKeySetFreshMost) << text;
  for (const char* text : {"", ",,", "private", "s-maxage=10", "xmax-age=10"})
    EXPECT_EQ(key_set_freshness(text), limits::kKeySetFreshUnstated) << text;
}

TEST(KeyCache, AsksForAnUnknownKeyButNotForEachOne) {
  KeyCache cache = filled(at(seconds(100)));
  EXPECT_FALSE(cache.unknown_key(at(seconds(101))));
  EXPECT_EQ(cache.due(), at(seconds(100) + limits::kKeySetPause));
  // A flood of them moves nothing.
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(cache.unknown_key(at(seconds(102))));
  EXPECT_EQ(cache.due(), at(seconds(100) + limits::kKeySetPause));
  EXPECT_TRUE(cache.unknown_key(at(seconds(200))));
  cache.asked(at(seconds(200)));
  ASSERT_TRUE(cache.answered(key_set(), at(seconds(200)), 0));
  EXPECT_FALSE(cache.unknown_key(at(seconds(201))));
}

TEST(KeyCache, KeepsTheOldSetWhileTheIdpIsDown) {
  KeyCache cache = filled(at(seconds(0)));
  const auto fails = [&](Monotonic now) {
    cache.asked(now);
    EXPECT_FALSE(cache.answered(error_page(503), now, 0));
    EXPECT_NE(cache.keys(now), nullptr);
  };
  fails(at(seconds(2000)));
  EXPECT_LE(cache.due().value(), at(seconds(2001)));
  fails(at(seconds(2001)));
  cache.asked(at(seconds(2003)));
  cache.unreachable(at(seconds(2003)), 0);
  EXPECT_EQ(cache.due(), at(seconds(2005)));
  // Strangers do not hurry it now.
  EXPECT_FALSE(cache.unknown_key(at(seconds(2004))));
  EXPECT_EQ(cache.due(), at(seconds(2005)));
  EXPECT_NE(cache.keys(at(limits::kKeySetKept)), nullptr);
  EXPECT_EQ(cache.keys(at(limits::kKeySetKept + seconds(1))), nullptr);
}

TEST(KeyCache, KeepsTheOldSetWhenTheNewOneIsNone) {
  KeyCache cache = filled(at(seconds(0)));
  cache.asked(at(seconds(10)));
  const auto taken = cache.answered(answer("<html>"), at(seconds(10)), 0);
  ASSERT_FALSE(taken);
  EXPECT_EQ(to_string(taken.error()),
            "a member of the IdP's answer is not as it should be (keys): "
            "the key set is not a JSON object");
  EXPECT_EQ(cache.keys(at(seconds(10)))->keys().size(), 1U);
}

TEST(KeyCache, TakesASetInWhichAllKeysAreWithdrawn) {
  KeyCache cache = filled(at(seconds(0)));
  cache.asked(at(seconds(10)));
  ASSERT_TRUE(cache.answered(answer(R"({"keys":[]})"), at(seconds(10)), 0));
  EXPECT_TRUE(cache.keys(at(seconds(10)))->keys().empty());
}

TEST(KeyCache, WaitsAsLongAsItIsAskedTo) {
  KeyCache cache;
  cache.asked(at(seconds(0)));
  IdpResponse busy = error_page(503);
  busy.retry_after = "120";
  EXPECT_FALSE(cache.answered(busy, at(seconds(0)), 0));
  EXPECT_EQ(cache.due(), at(seconds(120)));
}

TEST(KeyCache, AsksWithTheBoundOfKeySets) {
  OidcProvider provider;
  provider.jwks_uri = parse_url("https://idp.example/keys", PlainHttp::No).value();
  const IdpRequest request = key_set_request(provider);
  EXPECT_EQ(request.url.target, "/keys");
  EXPECT_EQ(request.most_answer, limits::kKeySet);
}

}  // namespace
}  // namespace veilwire::identity
