#include "userspace/audit/content.h"

#include "tests/unit/audit/sample_records.h"
#include "userspace/audit/canonical_json.h"
#include "userspace/base/limits.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace veilwire::audit {
namespace {

std::vector<std::string> pieces(std::string_view body) {
  std::vector<std::string> out;
  while (!body.empty()) {
    const std::size_t n = next_cut(body);
    EXPECT_GT(n, 0U);
    out.emplace_back(body.substr(0, n));
    body.remove_prefix(n);
  }
  return out;
}

std::string words(std::mt19937& random, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    out += "the quick brown fox jumps over a lazy dog "[random() % 42];
    if (random() % 64 == 0) out += "\xe2\x82\xac";
  }
  return out;
}

TEST(NextCut, KeepsItsBoundsAndLosesNothing) {
  std::mt19937 random(1);
  for (const std::size_t size : {0U, 1U, 2047U, 2048U, 2049U, 16384U, 16385U, 300000U}) {
    const std::string body = words(random, size);
    std::string joined;
    const auto cut = pieces(body);
    for (std::size_t i = 0; i < cut.size(); ++i) {
      EXPECT_LE(cut[i].size(), limits::kRecordContent);
      EXPECT_TRUE(i + 1 == cut.size() || cut[i].size() >= kLeastPiece - 3);
      EXPECT_TRUE(is_utf8(cut[i]));
      joined += cut[i];
    }
    EXPECT_EQ(joined, body);
  }
  EXPECT_EQ(next_cut(""), 0U);
}

TEST(NextCut, MakesProgressOnBytesWithoutCharacterStarts) {
  const std::string continuation(100'000, '\x80');
  EXPECT_GE(pieces(continuation).size(), 6U);
  for (const auto& piece : pieces(continuation)) EXPECT_LE(piece.size(), limits::kRecordContent);
}

TEST(NextCut, DependsOnlyOnThePieceThatItCuts) {
  std::mt19937 random(2);
  const std::string body = words(random, 100'000);
  std::string_view rest = body;
  while (rest.size() > limits::kRecordContent) {
    const std::size_t whole = next_cut(rest);
    EXPECT_EQ(next_cut(rest.substr(0, limits::kRecordContent + 1)), whole);
    rest.remove_prefix(whole);
  }
}

// The reason for all this: turn n sends turns 1 to n-1 again in the middle of its body, and what is
// new to the ledger stays about the size of the turn.
TEST(NextCut, StoresAConversationThatGrowsAboutOnce) {
  std::mt19937 random(3);
  const std::string tools = words(random, 60'000);
  std::string messages;
  std::set<std::string> stored;
  std::size_t stored_bytes = 0, sent_bytes = 0;
  for (int turn = 0; turn < 40; ++turn) {
    messages += R"({"role":"user","content":")" + words(random, 5'000) + "\"},";
    const std::string body = R"({"messages":[)" + messages + R"(],"tools":")" + tools + "\"}";
    sent_bytes += body.size();
    for (const std::string& piece : pieces(body)) {
      if (stored.insert(piece).second) stored_bytes += piece.size();
    }
  }
  EXPECT_GT(sent_bytes, 6'000'000U);
  // Per turn: its own 5 kB and the two pieces around the place where it was inserted.
  EXPECT_LT(stored_bytes, tools.size() + messages.size() + 40 * 2 * limits::kRecordContent / 2);
}

TEST(FindContent, FindsTheTextOfBodiesAndNothingElse) {
  for (const Record& record : sample_records()) {
    const std::string bytes = canonical(record, "0123456789abcdef0123456789abcdef", 1);
    const auto range = find_content(bytes);
    if (const auto* body = std::get_if<RequestBody>(&record.body)) {
      ASSERT_TRUE(range);
      EXPECT_EQ(bytes.substr(range->offset, range->length), R"({\"model\":\"claude-x\"})");
      EXPECT_EQ(body->content, R"({"model":"claude-x"})");
    } else if (std::holds_alternative<ResponseFragment>(record.body)) {
      ASSERT_TRUE(range);
      EXPECT_EQ(bytes.substr(range->offset, range->length),
                R"(data: [masked:aws-access-key-id]\n\n)");
    } else if (std::holds_alternative<OriginalChunk>(record.body)) {
      ASSERT_TRUE(range);
      EXPECT_EQ(bytes.substr(range->offset, range->length), "ZXZlbiB3aGVyZSBpdCBjb3VsZCBiZSByZWFk");
    } else {
      EXPECT_FALSE(range) << bytes;
    }
  }
}

TEST(FindContent, FindsBase64AndEmptyTextAndTextThatLooksLikeAMember) {
  const auto found = [](std::string content) -> std::string {
    const std::string bytes = canonical(
        sample(RequestBody{.offset = 0, .content = std::move(content), .masks = {}}), "w", 1);
    const auto range = find_content(bytes);
    return range ? bytes.substr(range->offset, range->length) : "none";
  };
  EXPECT_EQ(found("\xff"), "/w==");
  EXPECT_EQ(found(""), "");
  EXPECT_EQ(found(R"(","content":")"), R"(\",\"content\":\")");
  EXPECT_EQ(found("\\"), R"(\\)");
}

TEST(FindContent, SurvivesAnyBytes) {
  for (const char* odd : {"", "{", "{\"", "{\"content", "{\"content\"", "{\"content\":",
                          "{\"content\":\"", "{\"content\":\"x", "{\"content\":\"x\"",
                          "{\"content\":1}", "{\"content\":}", "{\"a\":[[}", "{\"a\":\"\\", "[]"}) {
    EXPECT_FALSE(find_content(odd)) << odd;
  }
}

}  // namespace
}  // namespace veilwire::audit
