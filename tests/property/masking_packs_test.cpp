// The shipped packs on long texts: secrets of every rule, whole, cut short and run together, in
// prose, code and JSON, cut at random and byte by byte, against the oracle. And what a stream may
// cost: time linear in the text, memory bounded, little held.
#include "tests/property/masking_oracle.h"
#include "tests/property/masking_run.h"
#include "tests/support/shipped_packs.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire {
namespace {

using masking::Rule;
using masking::RulePack;
using testing::Masked;
using testing::MaskingOracle;
using testing::MaskingRun;

constexpr char kSiteKey[] = "a site key of the tests";

std::vector<Rule> shipped() {
  std::vector<Rule> rules;
  for (const RulePack& pack : testing::shipped_packs())
    rules.insert(rules.end(), pack.rules.begin(), pack.rules.end());
  return rules;
}

masking::Treatment mask_it(const Rule&) { return masking::Treatment::Mask; }

// So that what blocks and what masks cover each other in many ways.
masking::Treatment block_every_third(const Rule& rule) {
  return rule.id.size() % 3 == 0 && !rule.id.starts_with("wide") ? masking::Treatment::Block
                                                                 : masking::Treatment::Mask;
}

std::shared_ptr<const masking::Engine> compile(const std::vector<Rule>& rules,
                                               const masking::TreatmentOf& treatment = mask_it) {
  RulePack pack{"packs", rules};
  auto engine = masking::compile({&pack, 1}, treatment, Secret(std::string(kSiteKey)));
  if (!engine) {
    ADD_FAILURE() << engine.error().rule << ": " << engine.error().message;
    return nullptr;
  }
  return *engine;
}

class Texts {
 public:
  Texts(const std::vector<Rule>& rules, unsigned seed) : random_(seed) {
    for (const Rule& rule : rules) {
      secrets_.insert(secrets_.end(), rule.positive.begin(), rule.positive.end());
      secrets_.insert(secrets_.end(), rule.negative.begin(), rule.negative.end());
    }
  }

  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

  std::string secret() {
    std::string s = secrets_[below(secrets_.size())];
    switch (below(6)) {
      case 0:
        s.resize(below(s.size() + 1));
        break;
      case 1:
        s.erase(0, below(s.size()));
        break;
      case 2:
        s += s.substr(below(s.size()));
        break;
      case 3:
        s[below(s.size())] = static_cast<char>("aZ9 .-_\"\\\xe6"[below(10)]);
        break;
      default:
        break;
    }
    return s;
  }

  std::string filler() {
    static const std::vector<std::string> kFillers = {" ",
                                                      "\n",
                                                      ". ",
                                                      ", ",
                                                      "\"",
                                                      "\\\"",
                                                      "\\n",
                                                      "=",
                                                      ": ",
                                                      "(",
                                                      ")",
                                                      "|",
                                                      "* ",
                                                      "<",
                                                      "密码是",
                                                      "。",
                                                      "é",
                                                      "😀",
                                                      "\t",
                                                      "the password is ",
                                                      "token: ",
                                                      "secret = '",
                                                      "const x = foo(bar, 42);\n",
                                                      "{\"key\": \"",
                                                      "\"},\n",
                                                      "AKI",
                                                      "sk-",
                                                      "ey",
                                                      "gh",
                                                      "----",
                                                      "-----BEGIN ",
                                                      "-----END RSA PRIVATE KEY-----",
                                                      "https://",
                                                      "postgres://u:",
                                                      "@",
                                                      "a.b@",
                                                      "4111 ",
                                                      "lorem ipsum dolor sit amet ",
                                                      "[MASKED:jwt:12ab]",
                                                      "[MASKED:",
                                                      "[MASKED:jwt:12a",
                                                      "[MASKED:nothing:12ab]"};
    return kFillers[below(kFillers.size())];
  }

  std::string text(std::size_t pieces) {
    std::string out;
    for (std::size_t i = 0; i < pieces; ++i) out += below(4) == 0 ? secret() : filler();
    return out;
  }

 private:
  std::mt19937 random_;
  std::vector<std::string> secrets_;
};

class MaskingPacks : public ::testing::Test {
 protected:
  void SetUp() override {
    rules_ = shipped();
    engine_ = compile(rules_);
    ASSERT_TRUE(engine_);
  }
  std::vector<Rule> rules_;
  std::shared_ptr<const masking::Engine> engine_;
};

TEST_F(MaskingPacks, AgreeWithTheOracleAtRandomCutsAndByteByByte) {
  const MaskingOracle oracle(rules_, kSiteKey);
  Texts texts(rules_, 20261123);
  for (int round = 0; round < 150; ++round) {
    const std::string text = texts.text(40);
    const Masked whole = oracle.mask(text);
    for (std::size_t longest : {std::size_t{1}, std::size_t{7}, std::size_t{64}, text.size()}) {
      MaskingRun run(engine_);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min(text.size() - at, 1 + texts.below(longest));
        run.feed(std::string_view(text).substr(at, size));
        at += size;
        const std::string& out = run.result().text;
        ASSERT_EQ(out, whole.text.substr(0, out.size()))
            << "round " << round << ", behind " << at << " of\n"
            << text;
      }
      run.finish();
      ASSERT_FALSE(run.broken());
      ASSERT_EQ(run.result().text, whole.text) << "round " << round << ", pieces up to " << longest;
      ASSERT_EQ(run.result().findings, whole.findings)
          << "round " << round << ", pieces up to " << longest;
    }
  }
}

TEST_F(MaskingPacks, BlockWhateverElseCoversItAtEveryCut) {
  std::vector<Rule> rules = rules_;
  Rule wide;
  wide.id = "wide-rule";
  wide.category = "secret";
  wide.regex = "x~[^~]{0,300}~";
  rules.push_back(wide);
  Rule region = wide;
  region.id = "wide-region";
  region.regex.clear();
  region.begin = "<~<";
  region.end = ">~";
  rules.push_back(region);
  const auto engine = compile(rules, block_every_third);
  ASSERT_TRUE(engine);
  const MaskingOracle oracle(rules, kSiteKey, block_every_third);
  Texts texts(rules_, 20261125);
  std::size_t inner = 0;
  for (int round = 0; round < 100; ++round) {
    const bool open = texts.below(2) == 0;
    const std::string text = texts.text(5) + (open ? "<~<" : "x~") + texts.text(4) +
                             texts.secret() + texts.text(4) + (open ? ">~" : "~") + texts.text(10);
    const Masked whole = oracle.mask(text);
    inner += whole.inner.size();
    for (std::size_t longest : {std::size_t{1}, std::size_t{16}, text.size()}) {
      MaskingRun run(engine);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min(text.size() - at, 1 + texts.below(longest));
        run.feed(std::string_view(text).substr(at, size));
        at += size;
      }
      run.finish();
      ASSERT_FALSE(run.broken());
      ASSERT_EQ(run.result().text, whole.text) << "round " << round;
      ASSERT_EQ(run.result().inner, whole.inner) << "round " << round << "\n" << text;
      ASSERT_EQ(run.result().before_block, whole.before_block) << "round " << round;
      ASSERT_LE(run.result().block_end, whole.block_end) << "round " << round;
    }
  }
  EXPECT_GT(inner, 20U) << "too few texts have a block inside of a mask";
}

TEST_F(MaskingPacks, MaskTwiceLikeOnce) {
  Texts texts(rules_, 7);
  for (int round = 0; round < 200; ++round) {
    const std::string text = texts.text(30);
    const std::string once = masking::mask_all(*engine_, text);
    // What a mask has cut off from its context may be a secret of its own kind now; it is masked
    // then, and that is all.
    const std::string twice = masking::mask_all(*engine_, once);
    ASSERT_EQ(masking::mask_all(*engine_, twice), twice) << text;
  }
}

// Texts that begin a match at every few bytes and never end one.
std::vector<std::string> hostile(const std::vector<Rule>& rules, std::size_t size) {
  std::vector<std::string> seeds = {"eyJ",
                                    "eyJ-",
                                    "eyJhbGciOiJI.",
                                    "a",
                                    "a@",
                                    "a.b@c.",
                                    "4",
                                    "41 ",
                                    "https://a:",
                                    "[MASKED:",
                                    "-----BEGIN ",
                                    "-----BEGIN PRIVATE KEY-----\n",
                                    "AKIA",
                                    "sk-T3BlbkFJ",
                                    "secret",
                                    "xox",
                                    "token=\"",
                                    "password:'a",
                                    "\xe2\x82",
                                    "glpat-.",
                                    "ghs_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
                                    "eyJhbGciOiJub25lIn0.aaaa.aaaa."};
  // One example a rule: there are hundreds of them.
  for (const Rule& rule : rules) seeds.push_back(rule.positive.front());
  std::vector<std::string> out;
  for (const std::string& seed : seeds) {
    std::string text;
    while (text.size() < size) text += seed;
    out.push_back(std::move(text));
  }
  return out;
}

TEST_F(MaskingPacks, HoldABoundedTextWhateverComes) {
  for (const std::string& text : hostile(rules_, 40'000)) {
    MaskingRun run(engine_);
    for (std::size_t at = 0; at < text.size(); at += 100) {
      run.feed(std::string_view(text).substr(at, 100));
      ASSERT_LE(run.held(), 16U * 1024U + 100U) << text.substr(0, 60);
    }
    run.finish();
    ASSERT_FALSE(run.broken());
  }
}

TEST_F(MaskingPacks, TakeTimeInProportionToTheTextWhateverComes) {
  const auto time = [&](const std::string& text, std::size_t step) {
    const auto begin = std::chrono::steady_clock::now();
    masking::StreamMasker masker(engine_);
    masking::Edits edits;
    for (std::size_t at = 0; at < text.size(); at += step) {
      masker.feed(std::string_view(text).substr(at, step), edits);
      edits.clear();
    }
    masker.finish(edits);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() /
           static_cast<double>(text.size());
  };
  for (const std::string& text : hostile(rules_, 30'000)) {
    for (std::size_t step : {std::size_t{1}, text.size()}) {
      const double a_byte = time(text, step) * 1e9;
      // Generous for slow and instrumented builds; what it must stop is thousands.
      EXPECT_LT(a_byte, 20'000) << "ns a byte in steps of " << step << ": " << text.substr(0, 60);
      RecordProperty(text.substr(0, 12) + (step == 1 ? " byte by byte" : " whole"),
                     std::to_string(a_byte));
      if (std::getenv("VEILWIRE_TIMES"))
        std::printf("%8.0f ns a byte, step %6zu: %.40s\n", a_byte, step, text.c_str());
    }
  }
}

}  // namespace
}  // namespace veilwire
