#include "userspace/flow/element_cache.h"

#include "tests/unit/flow/editor_harness.h"
#include "userspace/flow/request_elements.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ElementCache cache_of(std::size_t bytes = ElementCache::kBytes) {
  return ElementCache(crypto::sha256("key"), bytes);
}

Edited unchanged(std::string_view bytes) {
  Edited edited;
  edited.bytes = bytes;
  return edited;
}

TEST(ElementCache, KeepsWhatBecameOfAnElement) {
  ElementCache cache = cache_of();
  const auto clean = cache.digest({}, "clean");
  EXPECT_FALSE(cache.find(clean, "clean"));
  cache.keep(clean, "clean", unchanged("clean"));
  EXPECT_EQ(cache.find(clean, "clean")->bytes, "clean");

  Edited masked = unchanged("[MASKED]");
  masked.masks.push_back({"rule", "secret", 0, 6, "digest", "mask", 8});
  const auto secret = cache.digest({}, "secret");
  cache.keep(secret, "secret", masked);
  const auto known = cache.find(secret, "secret");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->bytes, "[MASKED]");
  ASSERT_EQ(known->masks.size(), 1U);
  EXPECT_EQ(known->masks[0].rule, "rule");
}

TEST(ElementCache, AnEntryBelongsToOneEngineOnePlaceAndOneUser) {
  const ElementCache cache = cache_of();
  const auto one = cache.digest({engine().get(), message::Zone::AnthropicTurn, 1}, "x");
  EXPECT_EQ(one, cache.digest({engine().get(), message::Zone::AnthropicTurn, 1}, "x"));
  EXPECT_NE(one, cache.digest({nullptr, message::Zone::AnthropicTurn, 1}, "x"));
  EXPECT_NE(one, cache.digest({engine().get(), message::Zone::AnthropicTool, 1}, "x"));
  EXPECT_NE(one, cache.digest({engine().get(), message::Zone::AnthropicTurn, 2}, "x"));
  EXPECT_NE(one, cache.digest({engine().get(), message::Zone::AnthropicTurn, 1}, "y"));
  const ElementCache other(crypto::sha256("another key"));
  EXPECT_NE(one, other.digest({engine().get(), message::Zone::AnthropicTurn, 1}, "x"));
}

TEST(ElementCache, ForgetsWhatWasNotUsedForLongest) {
  ElementCache cache = cache_of(2000);
  std::vector<crypto::Digest> digests;
  for (int i = 0; i < 100; ++i) {
    const std::string element = std::to_string(i);
    digests.push_back(cache.digest({}, element));
    cache.keep(digests.back(), element, unchanged(element));
    EXPECT_TRUE(cache.find(digests[0], "0")) << i;  // which keeps it
  }
  EXPECT_LE(cache.counts().bytes, 2000U);
  EXPECT_LT(cache.counts().entries, 15U);
  EXPECT_FALSE(cache.find(digests[50], "50"));
  EXPECT_TRUE(cache.find(digests[99], "99"));
}

TEST(ElementCache, DoesNotKeepWhatIsLargerThanAllOfIt) {
  ElementCache cache = cache_of(1000);
  const auto digest = cache.digest({}, "x");
  cache.keep(digest, "x", unchanged(std::string(2000, 'y')));
  EXPECT_EQ(cache.counts().entries, 0U);
  ElementCache none = cache_of(0);
  none.keep(digest, "x", unchanged("x"));
  EXPECT_FALSE(none.find(digest, "x"));
}

TEST(ElementCache, AResentConversationIsReadOnce) {
  ElementCache cache = cache_of();
  EditorContext context;
  context.service = policy::Service::Anthropic;
  context.direction = policy::Direction::Request;
  context.media_type = "application/json";
  context.elements = &cache;
  const std::string turn = R"({"role":"user","content":")" + std::string(kToken) + " and " +
                           std::string(200, 'x') + R"("})";
  const Outcome first = run(context, R"({"messages":[)" + turn + "]}");
  EXPECT_EQ(cache.counts().hits, 0U);
  EXPECT_EQ(run(context, R"({"messages":[)" + turn + "]}"), first);
  EXPECT_EQ(cache.counts().hits, 1U);
  const Outcome second = run(context, R"({"messages":[ )" + turn + "," + turn + " ]}");
  EXPECT_EQ(cache.counts().hits, 3U);
  EXPECT_EQ(second.masks.size(), 2U);
  context.user = 7;
  (void)run(context, R"({"messages":[)" + turn + "]}");
  EXPECT_EQ(cache.counts().hits, 3U);
}

TEST(ElementCache, WhatIsBlockedIsLookedAtEachTime) {
  ElementCache cache = cache_of();
  EditorContext context;
  context.service = policy::Service::Anthropic;
  context.direction = policy::Direction::Request;
  context.media_type = "application/json";
  context.elements = &cache;
  const std::string body = R"({"messages":[{"role":"user","content":")" + std::string(kRefused) +
                           " " + std::string(200, 'x') + R"("}]})";
  const Outcome first = run(context, body);
  EXPECT_NE(first.blocked, "");
  EXPECT_EQ(run(context, body), first);
  EXPECT_EQ(cache.counts().entries, 0U);
}

TEST(RequestElements, AreTheObjectsOfThreeArrays) {
  EXPECT_THAT(request_elements(R"({"model":"m","messages":[{"a":"]}"}, {"b":[{}]},"s",1,[{}]],)"
                               R"("other":[{"c":1}],"tools":[{"d":"\\\"{"}],"system":"text"})"),
              ElementsAre(R"({"a":"]}"})", R"({"b":[{}]})", R"({"d":"\\\"{"})"));
  EXPECT_THAT(request_elements(R"({"messages":[{"a":1},{"b":)"), ElementsAre(R"({"a":1})"));
  for (const char* none : {"", "[", "{", "{}", "[{}]", R"({"messages":{}})", R"({"messages":[]})",
                           R"({"messages")", R"({"messages":"x)", "null", R"({"a":1)"})
    EXPECT_THAT(request_elements(none), IsEmpty()) << none;
}

}  // namespace
}  // namespace veilwire::flow
