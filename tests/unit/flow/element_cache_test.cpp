#include "userspace/flow/element_cache.h"

#include "tests/unit/flow/editor_harness.h"
#include "userspace/flow/conversation.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

ElementCache cache_of(std::size_t bytes = ElementCache::kBytes) {
  return ElementCache(crypto::sha256("key"), bytes);
}

Edited unchanged(std::string_view bytes) {
  Edited edited;
  edited.bytes = bytes;
  return edited;
}

Outcome send(ElementCache& cache, const std::string& body, std::uint32_t user = 0) {
  ConversationMemory memory(crypto::sha256("key"));
  const Conversation conversation(
      body, {cache, memory, user, "api.anthropic.com", {engine(), engine()}, {}});
  EditorContext context;
  context.service = policy::Service::Anthropic;
  context.direction = policy::Direction::Request;
  context.media_type = "application/json";
  context.conversation = &conversation;
  return run(context, body);
}

TEST(ElementCache, KeepsWhatBecameOfAnElement) {
  ElementCache cache = cache_of();
  const auto clean = cache.digest({}, "clean");
  EXPECT_FALSE(cache.find(clean, 1, "clean"));
  cache.keep(clean, 1, "clean", unchanged("clean"), {});
  EXPECT_EQ(cache.find(clean, 1, "clean")->bytes, "clean");

  Edited masked = unchanged("[MASKED]");
  masked.masks.push_back({"rule", "secret", 0, 6, "digest", "mask", 8});
  const auto secret = cache.digest({}, "secret");
  cache.keep(secret, 1, "secret", masked, {});
  const auto known = cache.find(secret, 1, "secret");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->bytes, "[MASKED]");
  ASSERT_EQ(known->masks.size(), 1U);
  EXPECT_EQ(known->masks[0].rule, "rule");
}

TEST(ElementCache, AnEntryBelongsToOneEngineOnePlaceAndOneUser) {
  const ElementCache cache = cache_of();
  const auto one = cache.digest({message::Zone::AnthropicTurn, 1}, "x");
  EXPECT_EQ(one, cache.digest({message::Zone::AnthropicTurn, 1}, "x"));
  EXPECT_NE(one, cache.digest({message::Zone::AnthropicTool, 1}, "x"));
  EXPECT_NE(one, cache.digest({message::Zone::AnthropicTurn, 2}, "x"));
  EXPECT_NE(one, cache.digest({message::Zone::AnthropicTurn, 1}, "y"));
  const ElementCache other(crypto::sha256("another key"));
  EXPECT_NE(one, other.digest({message::Zone::AnthropicTurn, 1}, "x"));

  ElementCache kept = cache_of();
  kept.keep(one, 1, "x", unchanged("x"), crypto::sha256("said"));
  EXPECT_TRUE(kept.find(one, 1, "x"));
  EXPECT_FALSE(kept.find(one, 2, "x"));
  EXPECT_EQ(kept.said(one), crypto::sha256("said"));
  kept.keep(one, 2, "x", unchanged("y"), crypto::sha256("said"));
  EXPECT_EQ(kept.find(one, 1, "x")->bytes, "x");
  EXPECT_EQ(kept.find(one, 2, "x")->bytes, "y");
}

TEST(ElementCache, ForgetsWhatWasNotUsedForLongest) {
  ElementCache cache = cache_of(2000);
  std::vector<crypto::Digest> digests;
  for (int i = 0; i < 100; ++i) {
    const std::string element = std::to_string(i);
    digests.push_back(cache.digest({}, element));
    cache.keep(digests.back(), 1, element, unchanged(element), {});
    EXPECT_TRUE(cache.find(digests[0], 1, "0")) << i;  // which keeps it
  }
  EXPECT_LE(cache.counts().bytes, 2000U);
  EXPECT_LT(cache.counts().entries, 15U);
  EXPECT_FALSE(cache.find(digests[50], 1, "50"));
  EXPECT_TRUE(cache.find(digests[99], 1, "99"));
}

TEST(ElementCache, DoesNotKeepWhatIsLargerThanAllOfIt) {
  ElementCache cache = cache_of(1000);
  const auto digest = cache.digest({}, "x");
  cache.keep(digest, 1, "x", unchanged(std::string(2000, 'y')), {});
  EXPECT_EQ(cache.counts().entries, 0U);
  ElementCache none = cache_of(0);
  none.keep(digest, 1, "x", unchanged("x"), {});
  EXPECT_FALSE(none.find(digest, 1, "x"));
}

TEST(ElementCache, AResentConversationIsReadOnce) {
  ElementCache cache = cache_of();
  const std::string turn = R"({"role":"user","content":")" + std::string(kToken) + " and " +
                           std::string(200, 'x') + R"("})";
  const Outcome first = send(cache, R"({"messages":[)" + turn + "]}");
  EXPECT_EQ(cache.counts().hits, 0U);
  EXPECT_EQ(send(cache, R"({"messages":[)" + turn + "]}"), first);
  EXPECT_EQ(cache.counts().hits, 1U);
  const Outcome second = send(cache, R"({"messages":[ )" + turn + "," + turn + " ]}");
  EXPECT_EQ(cache.counts().hits, 3U);
  EXPECT_EQ(second.masks.size(), 2U);
  (void)send(cache, R"({"messages":[)" + turn + "]}", 7);
  EXPECT_EQ(cache.counts().hits, 3U);
}

TEST(ElementCache, WhatIsBlockedIsLookedAtEachTime) {
  ElementCache cache = cache_of();
  const std::string body = R"({"messages":[{"role":"user","content":")" + std::string(kRefused) +
                           " " + std::string(200, 'x') + R"("}]})";
  const Outcome first = send(cache, body);
  EXPECT_NE(first.blocked, "");
  EXPECT_EQ(send(cache, body), first);
  EXPECT_EQ(cache.counts().entries, 0U);
}

}  // namespace
}  // namespace veilwire::flow
