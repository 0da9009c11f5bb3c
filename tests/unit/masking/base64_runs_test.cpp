// Base64 within a text: what it decodes to afterwards is what the rules make of what it decoded to
// before, whatever the alignment, the alphabet, the padding and the line length; all else keeps its
// bytes; and no cut changes anything.
#include "userspace/masking/base64_runs.h"

#include "tests/support/every_split.h"
#include "tests/support/made_up_rules.h"
#include "userspace/crypto/encoding.h"
#include "userspace/masking/text_masker.h"

#include <random>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

using testing::every_split;
using testing::Pieces;

std::shared_ptr<const Engine> engine() {
  static const auto compiled = testing::made_up_engine();
  return compiled;
}

const std::string kToken = "sk-Abcdefgh01234567";

struct Outcome {
  std::string text;
  std::vector<Finding> findings;
  std::string blocked;
  std::string original;  // with each mask's original in its place
  std::uint64_t held = 0;
  bool operator==(const Outcome& other) const {
    return text == other.text && findings == other.findings && blocked == other.blocked &&
           original == other.original;
  }
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const Finding& f : outcome.findings)
    out << f.rule << " at " << f.offset << ", " << f.length << "; ";
  return out << outcome.blocked << " in " << outcome.text;
}

class Masked {
 public:
  Masked() : masker_(engine()) {}
  void feed(std::string_view piece) {
    input_ += piece;
    masker_.feed(piece, edits_);
    apply();
  }
  Outcome finish() {
    masker_.finish(edits_);
    apply();
    EXPECT_TRUE(at_ == input_.size() || !outcome_.blocked.empty());
    return outcome_;
  }
  std::uint64_t held() const {
    EXPECT_EQ(masker_.held(), input_.size() - at_);
    return masker_.held();
  }
  void adopt(std::shared_ptr<const Engine> next) {
    masker_.adopt(std::move(next), edits_);
    apply();
  }
  const std::string& text() const { return outcome_.text; }

 private:
  void apply() {
    for (const Edit& edit : edits_.list) {
      if (!outcome_.blocked.empty()) break;
      const std::string_view covered = std::string_view(input_).substr(at_, edit.consumed);
      at_ += edit.consumed;
      if (edit.finding != SIZE_MAX &&
          edits_.findings.at(edit.finding).treatment == Treatment::Block) {
        outcome_.blocked = edits_.findings.at(edit.finding).rule;
        break;
      }
      if (edit.finding != SIZE_MAX && !edits_.findings[edit.finding].closes) {
        EXPECT_EQ(edits_.findings[edit.finding].offset, at_ - edit.consumed);
      }
      outcome_.text += edit.replaced ? edit.replacement : std::string(covered);
      outcome_.original += edit.replaced ? edit.original : std::string(covered);
    }
    for (Finding& f : edits_.findings) {
      f.closes = false;
      if (!f.open) outcome_.findings.push_back(std::move(f));
    }
    edits_.clear();
  }

  TextMasker masker_;
  Edits edits_;
  std::string input_;
  std::uint64_t at_ = 0;
  Outcome outcome_;
};

Outcome run(const Pieces& pieces) {
  Masked masked;
  for (const std::string_view piece : pieces) masked.feed(piece);
  return masked.finish();
}
Outcome run(std::string_view text) { return run(Pieces{text}); }
Outcome checked(const std::string& text) {
  const Outcome whole = run(text);
  every_split(text, [](const Pieces& pieces) { return run(pieces); });
  EXPECT_TRUE(whole.original == text || !whole.blocked.empty());
  return whole;
}

std::string base64(std::string_view text) { return crypto::base64_encode(text); }
std::string without_line_ends(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == ' '; });
  return text;
}
std::string decoded(const std::string& text) {
  const auto bytes = crypto::base64_decode(without_line_ends(text));
  EXPECT_TRUE(bytes) << text;
  return bytes.value_or("");
}
// Blanks behind masks keep what follows in its place.
std::string compact(const std::string& text) {
  return std::regex_replace(text, std::regex(R"((\[MASKED:[a-z]+:[0-9a-f]{4}\]) {0,4})"), "$1");
}

// Where no value stands the first group stays.
std::string masked_in_prose(const std::string& text) {
  std::vector<Finding> findings;
  const std::string masked = mask_all(*engine(), text, &findings);
  if (findings.empty() || findings[0].offset >= 3) return masked;
  return text.substr(0, 3) + masked.substr(findings[0].offset);
}

TEST(Base64Runs, AreMaskedAtEveryAlignment) {
  for (std::size_t before = 0; before < 7; ++before) {
    for (std::size_t behind = 0; behind < 7; ++behind) {
      const std::string inner =
          std::string(before, '.') + kToken + std::string(behind, '.') + (behind > 2 ? kToken : "");
      const Outcome outcome = checked("data: " + base64(inner) + " end");
      ASSERT_TRUE(outcome.text.starts_with("data: ") && outcome.text.ends_with(" end"));
      EXPECT_EQ(compact(decoded(outcome.text.substr(6, outcome.text.size() - 10))),
                mask_all(*engine(), inner));
      EXPECT_EQ(outcome.findings.size(), behind > 2 ? 2U : 1U);
    }
  }
}

TEST(Base64Runs, KeepTheirFirstGroupWhereNoValueStands) {
  for (std::size_t before = 0; before < 7; ++before) {
    const std::string inner = std::string(before, '.') + kToken + ", more";
    const auto masked = [&](const std::string& behind) {
      const std::string text = checked(behind + base64(inner) + " end").text;
      const std::string known = mask_all(*engine(), behind);
      EXPECT_TRUE(text.starts_with(known) && text.ends_with(" end")) << text;
      return compact(decoded(text.substr(known.size(), text.size() - known.size() - 4)));
    };
    for (const std::string behind : {"data ", "<", "", "(", "\n", "data:\n", "a, "})
      EXPECT_EQ(masked(behind), masked_in_prose(inner)) << behind;
    for (const std::string behind :
         {"k: ", "k:\t", "k=", "\"", "'", "`", ";base64,", "sk-Abcdefgh01234567="})
      EXPECT_EQ(masked(behind), mask_all(*engine(), inner)) << behind;
  }
}

TEST(Base64Runs, KeepTheGroupsAroundAMask) {
  const std::string before = base64("user: somebody; "), behind = base64("and so on, for long");
  const Outcome outcome = run("x=" + base64("user: somebody; .." + kToken + "and so on, for long"));
  EXPECT_TRUE(outcome.text.starts_with("x=" + before.substr(0, 20)));
  EXPECT_TRUE(outcome.text.ends_with(base64("for long").substr(4))) << outcome.text;
}

TEST(Base64Runs, MayHaveNoPaddingAndTheOtherAlphabet) {
  for (std::size_t behind = 0; behind < 4; ++behind) {
    const std::string inner = "?>?>~~" + kToken + std::string(behind, '?');
    std::string url = crypto::base64url_encode(inner);
    EXPECT_NE(url.find_first_of("-_"), std::string::npos);
    const Outcome outcome = checked("\"" + url + "\"");
    const std::string masked = outcome.text.substr(1, outcome.text.size() - 2);
    const auto text = crypto::base64url_decode(masked);
    ASSERT_TRUE(text) << masked;
    EXPECT_EQ(compact(*text), mask_all(*engine(), inner));
  }
}

TEST(Base64Runs, MayBeWrappedOverLines) {
  std::string inner;
  for (int i = 0; i < 12; ++i) inner += "line " + std::to_string(i) + ": " + kToken + "\n";
  for (const std::size_t width : {64U, 76U}) {
    for (const std::string end : {"\n", "\r\n", "\n    "}) {
      std::string wrapped;
      const std::string one = base64(inner);
      for (std::size_t i = 0; i < one.size(); i += width) wrapped += one.substr(i, width) + end;
      const Outcome outcome = run("text:\n" + wrapped + "\nThe end.");
      for (std::size_t step = 1; step < 90; ++step) {
        Masked cut;
        const std::string text = "text:\n" + wrapped + "\nThe end.";
        for (std::size_t i = 0; i < text.size(); i += step) cut.feed(text.substr(i, step));
        ASSERT_EQ(cut.finish(), outcome) << step;
      }
      EXPECT_EQ(outcome.findings.size(), 12U);
      ASSERT_TRUE(outcome.text.ends_with(end + "\nThe end."));
      std::string body = outcome.text.substr(6, outcome.text.size() - 15);
      std::erase(body, '\r');
      EXPECT_EQ(compact(decoded(body)), masked_in_prose(inner));
    }
  }
}

TEST(Base64Runs, OfABeginEndFindingGoWithIt) {
  for (std::size_t before = 0; before < 3; ++before) {
    for (std::size_t inside = 0; inside < 3; ++inside) {
      const std::string inner = std::string(before, '.') + "--BEGIN--" + std::string(inside, 'x') +
                                "--END--, and what follows it";
      const Outcome outcome = checked("k=" + base64(inner) + ".");
      const std::string text = decoded(outcome.text.substr(2, outcome.text.size() - 3));
      EXPECT_EQ(text.find("BEGIN"), std::string::npos);
      EXPECT_EQ(text.find("END"), std::string::npos);
      EXPECT_TRUE(text.ends_with("what follows it")) << text;
      ASSERT_EQ(outcome.findings.size(), 1U);
      EXPECT_EQ(outcome.findings[0].rule, "block");
    }
  }
}

TEST(Base64Runs, StopAtABlockFinding) {
  const Outcome outcome = checked("see " + base64("a bk-Abcdefgh01234567 b") + " more");
  EXPECT_EQ(outcome.blocked, "refused");
  EXPECT_EQ(outcome.text.find(base64("bk-Abcdefgh").substr(4, 8)), std::string::npos);
}

TEST(Base64Runs, OfAMaskInTheTextItselfAreItsOwn) {
  const std::string inner = base64("key " + kToken);
  const Outcome outcome = checked(kToken + " " + inner + " " + kToken + inner);
  EXPECT_EQ(outcome.findings.size(), 4U);
  EXPECT_EQ(outcome.text.find("sk-"), std::string::npos);
}

TEST(Base64Runs, ThatAreNoTextKeepTheirBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(60, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string image = base64("\x89PNG\r\n\x1a\n" + bytes + kToken);
    EXPECT_EQ(run(image).text, image);
    // From the first bytes on that are no text.
    const std::string half = base64("some text " + kToken + " \xFF\xFE" + bytes + kToken);
    EXPECT_EQ(checked(half).findings.size(), 1U);
  }
  for (const std::string& text : {base64("sk-Abcd"), std::string("the quick brown fox, jumps"),
                                  std::string("d41d8cd98f00b204e9800998ecf8427e"),
                                  "x" + base64(kToken), "A" + base64("aa " + kToken)}) {
    EXPECT_EQ(checked(text).text, text);
  }
}

// A run is over where it is no base64 any more; what was in it is judged as it stands.
TEST(Base64Runs, EndAnywhere) {
  const std::string whole = base64("..." + kToken + "..");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    for (const std::string behind : {"", ".", "=", "==", "===", "\xE4\xB8\xAD", "\n"}) {
      const Outcome outcome = checked("<" + whole.substr(0, size) + behind);
      EXPECT_EQ(outcome.text == outcome.original, outcome.findings.empty());
      EXPECT_EQ(outcome.findings.size(), size >= base64("..." + kToken).size() - 2 ? 1U : 0U)
          << outcome.text;
    }
  }
}

TEST(Base64Runs, AreJudgedByAChangedPolicyFromWhereTheyAre) {
  const std::string whole = base64("the key is " + kToken + ", and zz-12345678, more");
  const auto next = testing::compile_rules("[[rules]]\nid = \"zed\"\nregex = '''zz-[0-9]{8}'''\n",
                                           [](const Rule&) { return Treatment::Mask; });
  for (std::size_t cut = 0; cut < whole.find(base64("zz-")); ++cut) {
    Masked masked;
    masked.feed(whole.substr(0, cut));
    masked.adopt(next);
    masked.feed(whole.substr(cut));
    const std::string text = decoded(masked.finish().text);
    EXPECT_EQ(text.find("zz-"), std::string::npos) << cut;
  }
}

TEST(Base64Runs, HoldNothingThatIsNoText) {
  Masked masked;
  for (const std::string_view piece : {"hello", " world ", "deadbeef0123", "4567 89ac", ", \n"}) {
    masked.feed(piece);
    EXPECT_EQ(masked.held(), 0U) << piece;
  }
  masked.feed("c29tZSBwcm9zZSB0aGF0");  // "some prose that"
  EXPECT_EQ(masked.held(), 0U);
}

TEST(Base64Runs, ThatMayBeTextAreWhereTheRestStops) {
  std::mt19937 random(1);
  const std::string run = base64("what a run says");
  for (int round = 0; round < 100000; ++round) {
    // Runs that are none or no text, of every length around those that matter, across windows.
    std::string before;
    for (std::size_t size = random() % 200; before.size() < size;) {
      before.append(random() % 3 == 0 ? random() % 140 : random() % 20, 'q');
      before += " .\n\"\x80"[random() % 5];
    }
    const std::size_t shown = random() % (run.size() + 1);
    const bool value = before.ends_with('"');
    const std::size_t stays = value || shown > 4 ? shown : 0;
    const std::string text = before + run.substr(0, shown);
    Base64Runs runs(engine());
    const std::size_t cut = random() % (before.size() + 1);
    ASSERT_EQ(runs.pass(std::string_view(text).substr(0, cut)), cut) << text;
    ASSERT_EQ(runs.pass(std::string_view(text).substr(cut)), text.size() - cut - stays) << text;
  }
}

TEST(Base64Runs, InRandomTextsHideNothingAtAnyCut) {
  std::mt19937 random(20261129);
  const auto pick = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const std::vector<std::string> parts = {" ",
                                          "\n",
                                          "word",
                                          "\"",
                                          "=",
                                          "/",
                                          "-",
                                          kToken,
                                          "pin = \"1234567\"",
                                          "sk-",
                                          "QQ",
                                          "a+b",
                                          "c3VwZXJzZWNyZXQ=",
                                          "--BEGIN--",
                                          "--END--",
                                          "770012345678",
                                          "\xE4\xB8\xAD"};
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (std::size_t i = 0; i < 12; ++i) {
      if (pick(3) == 0) {
        std::string inner;
        for (std::size_t k = pick(9); k > 0; --k) inner += parts[pick(parts.size())];
        std::string run = pick(2) == 0 ? base64(inner) : crypto::base64url_encode(inner);
        text += run.substr(0, run.size() - (run.empty() ? 0 : pick(2)));
      } else {
        text += parts[pick(parts.size())];
      }
    }
    const Outcome whole = run(text);
    EXPECT_EQ(whole.original, text);
    EXPECT_EQ(whole.text.find(kToken), std::string::npos);
    for (std::size_t first = 0; first <= text.size(); ++first)
      ASSERT_EQ(run(Pieces{std::string_view(text).substr(0, first),
                           std::string_view(text).substr(first)}),
                whole)
          << text;
    Pieces octets;
    for (std::size_t i = 0; i < text.size(); ++i)
      octets.push_back(std::string_view(text).substr(i, 1));
    ASSERT_EQ(run(octets), whole) << text;
  }
}

}  // namespace
}  // namespace veilwire::masking
