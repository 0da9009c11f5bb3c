#include "agent/ctl/scan_excerpt.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

class Excerpts : public ::testing::Test {
 protected:
  void mask(const char* replacement) {
    excerpts_.masked(replacement);
    excerpts_.found({});
  }
  std::vector<std::string> shown_;
  ScanExcerpts excerpts_{
      [this](const Sighting&, const std::string& excerpt) { shown_.push_back(excerpt); }};
};

TEST_F(Excerpts, ShowTheLineAroundTheMask) {
  excerpts_.released("other line\nkey = \"");
  mask("[M]");
  excerpts_.released("\"; more\nnext line");
  excerpts_.finish();
  EXPECT_EQ(shown_, std::vector<std::string>{"key = \"[M]\"; more"});
}

TEST_F(Excerpts, CutALongLineAtWholeCharacters) {
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xc3\xa4";
  excerpts_.released("x" + umlauts);
  mask("[M]");
  excerpts_.released("x" + umlauts + "\n");
  ASSERT_EQ(shown_.size(), 1U);
  EXPECT_EQ(shown_[0], "…" + umlauts.substr(0, 40) + "[M]x" + umlauts.substr(0, 38) + "…");
}

TEST_F(Excerpts, EndWithTheTextWhereTheLineHasNoEnd) {
  mask("[M]");
  excerpts_.released("abc");
  EXPECT_TRUE(shown_.empty());
  excerpts_.finish();
  EXPECT_EQ(shown_, std::vector<std::string>{"[M]abc"});
  mask("[N]");
  excerpts_.finish();
  EXPECT_EQ(shown_.back(), "[N]");
}

TEST_F(Excerpts, ComeInOrderAndShowEachOther) {
  mask("[1]");
  excerpts_.released(" ");
  mask("[2]");
  excerpts_.released("\n");
  EXPECT_EQ(shown_, (std::vector<std::string>{"[1] [2]", "[1] [2]"}));
}

TEST_F(Excerpts, WaitForTheEndOfARegion) {
  excerpts_.released("a ");
  excerpts_.masked("[M]");
  EXPECT_TRUE(shown_.empty());
  excerpts_.found({});
  excerpts_.released(" b\n");
  EXPECT_EQ(shown_, std::vector<std::string>{"a [M] b"});
}

TEST_F(Excerpts, EscapeWhatATerminalWouldActOn) {
  excerpts_.released("\x1b[2J\t");
  mask("[M]");
  excerpts_.finish();
  EXPECT_EQ(shown_, std::vector<std::string>{"\\x1b[2J\\x09[M]"});
}

}  // namespace
}  // namespace veilwire::ctl
