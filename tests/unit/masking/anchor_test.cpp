#include "userspace/masking/anchor.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

CompiledExpression compiled(const std::string& pattern) {
  auto e = compile_expression(pattern, 0, 0);
  EXPECT_TRUE(e) << pattern;
  return std::move(*e);
}

Fit fit_behind(std::string_view before, const CompiledExpression& what) {
  const Edge edge = edge_of(what, what.literals[0]);
  const std::string text = std::string(before) + what.literals[0].bytes;
  return fit(edge, {text, 0}, before.size());
}

TEST(Anchor, TheByteBeforeTellsWhetherTheLiteralFits) {
  const CompiledExpression plain = compiled("tok_[a-z]{4}");
  EXPECT_EQ(fit_behind("", plain), Fit::Yes);
  EXPECT_EQ(fit_behind("a", plain), Fit::Yes);
  const CompiledExpression word = compiled("\\btok_[a-z]{4}");
  EXPECT_EQ(fit_behind("", word), Fit::Yes);
  EXPECT_EQ(fit_behind("=", word), Fit::Yes);
  EXPECT_EQ(fit_behind("a", word), Fit::No);
  const CompiledExpression edge = compiled("(?:^|[^a-z]|\\\\n)(tok_[a-z]{4})");
  EXPECT_EQ(fit_behind("", edge), Fit::Yes);
  EXPECT_EQ(fit_behind("=", edge), Fit::Yes);
  EXPECT_EQ(fit_behind("a", edge), Fit::No);
  EXPECT_EQ(fit_behind("n", edge), Fit::Unsure) << "there may be a backslash";
  const CompiledExpression wanted = compiled("=(tok_[a-z]{4})");
  EXPECT_EQ(wanted.literals[0].bytes, "=tok_");
  const CompiledExpression long_context = compiled("[0-9]{5}(tok_[a-z]{4})");
  EXPECT_EQ(fit_behind("", long_context), Fit::No);
  EXPECT_EQ(fit_behind("5", long_context), Fit::Unsure);
}

TEST(Anchor, TheBytesBehindTellWhetherItGoesOn) {
  const CompiledExpression what = compiled("key[_-]?=([a-z]{4})");
  const Anchor anchor = anchor_of(what, what.literals[0]);
  const auto goes = [&](std::string_view text) {
    return goes_on(anchor, {text, 0}, what.literals[0].bytes.size());
  };
  ASSERT_EQ(what.literals[0].bytes.substr(0, 3), "key");
  EXPECT_TRUE(goes("key"));
  EXPECT_TRUE(goes("key_"));
  EXPECT_TRUE(goes("key_=abcd"));
  EXPECT_FALSE(goes("key_=1")) << what.literals[0].bytes;
  EXPECT_FALSE(goes("key_=ab1"));
}

TEST(Anchor, CaseCountsWhereTheRuleSaysSo) {
  const CompiledExpression folded = compiled("(?i)tok_[0-9]{4}");
  EXPECT_TRUE(anchor_of(folded, folded.literals[0]).folds);
  EXPECT_TRUE(stands_at(folded.literals[0], {"ToK_", 0}, 0, 4));
  const CompiledExpression exact = compiled("Tok_[0-9]{4}");
  EXPECT_FALSE(anchor_of(exact, exact.literals[0]).folds);
  EXPECT_TRUE(stands_at(exact.literals[0], {"Tok_", 0}, 0, 4));
  EXPECT_TRUE(stands_at(exact.literals[0], {"xTo", 0}, 1, 2));
  EXPECT_FALSE(stands_at(exact.literals[0], {"tok_", 0}, 0, 4));
}

}  // namespace
}  // namespace veilwire::masking
