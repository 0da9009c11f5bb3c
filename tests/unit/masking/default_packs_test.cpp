// The packs that are shipped: each rule finds its positive examples and none of its negative ones,
// at every cut, and no masked text is masked again.
#include "tests/support/every_split.h"
#include "tests/support/shipped_packs.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

class DefaultPacks : public ::testing::Test {
 protected:
  void SetUp() override {
    packs_ = testing::shipped_packs();
    auto engine = compile(
        packs_, [](const Rule&) { return Treatment::Mask; }, Secret(std::string("key")));
    ASSERT_TRUE(engine) << engine.error().rule << ": " << engine.error().message;
    engine_ = *engine;
  }

  bool finds(const std::string& text, const std::string& rule) const {
    const auto all = find_all(*engine_, text);
    return std::any_of(all.begin(), all.end(), [&](const Finding& f) { return f.rule == rule; });
  }

  std::vector<RulePack> packs_;
  std::shared_ptr<const Engine> engine_;
};

TEST_F(DefaultPacks, EachRuleFindsItsPositiveExamples) {
  for (const RulePack& pack : packs_) {
    for (const Rule& rule : pack.rules) {
      EXPECT_FALSE(rule.positive.empty()) << rule.id;
      EXPECT_FALSE(rule.source.empty()) << rule.id;
      for (const std::string& text : rule.positive)
        EXPECT_TRUE(finds(text, rule.id)) << rule.id << " in " << text;
    }
  }
}

TEST_F(DefaultPacks, NoRuleFindsItsNegativeExamples) {
  for (const RulePack& pack : packs_) {
    for (const Rule& rule : pack.rules) {
      EXPECT_FALSE(rule.negative.empty()) << rule.id;
      for (const std::string& text : rule.negative) {
        EXPECT_FALSE(finds(text, rule.id))
            << rule.id << " in " << text << " as " << mask_all(*engine_, text);
      }
    }
  }
}

TEST_F(DefaultPacks, ATokenEndsWhereItsAlphabetEnds) {
  for (const RulePack& pack : packs_) {
    for (const Rule& rule : pack.rules) {
      for (const std::string& text : rule.positive) {
        const std::string alone = "见" + text;
        const auto all = find_all(*engine_, alone);
        const auto own = std::find_if(all.begin(), all.end(),
                                      [&](const Finding& f) { return f.rule == rule.id; });
        ASSERT_NE(own, all.end()) << rule.id << " in " << alone;
        for (const char* behind :
             {".", ",", ")", "|", "<", "*", "\\\"", "\"", "\n", " ", "。", "は"}) {
          const auto found = find_all(*engine_, alone + behind);
          EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                                  [&](const Finding& f) {
                                    return f.offset <= own->offset &&
                                           f.offset + f.length >= own->offset + own->length;
                                  }))
              << rule.id << " in " << text << " before " << behind;
        }
      }
    }
  }
}

TEST_F(DefaultPacks, MasksAreNotMaskedAgain) {
  for (const RulePack& pack : packs_) {
    for (const Rule& rule : pack.rules) {
      for (const std::string& text : rule.positive) {
        const std::string once = mask_all(*engine_, text);
        EXPECT_NE(once, text) << rule.id;
        EXPECT_EQ(mask_all(*engine_, once), once) << rule.id;
      }
    }
  }
}

TEST_F(DefaultPacks, EveryExampleIsMaskedAlikeAtEverySplit) {
  for (const RulePack& pack : packs_) {
    for (const Rule& rule : pack.rules) {
      for (const auto* list : {&rule.positive, &rule.negative}) {
        for (const std::string& text : *list) {
          testing::every_split("x " + text + " y", [&](const testing::Pieces& pieces) {
            StreamMasker masker(engine_);
            std::string whole, out;
            std::size_t at = 0;
            Edits edits;
            auto apply = [&] {
              for (const Edit& e : edits.list) {
                out += e.replaced ? e.replacement : whole.substr(at, e.consumed);
                at += e.consumed;
              }
              edits.clear();
            };
            for (std::string_view piece : pieces)
              whole += piece, masker.feed(piece, edits), apply();
            masker.finish(edits);
            apply();
            return out;
          });
        }
      }
    }
  }
}

}  // namespace
}  // namespace veilwire::masking
