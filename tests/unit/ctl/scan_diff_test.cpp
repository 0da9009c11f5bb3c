#include "agent/ctl/scan_diff.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

// "PATH:LINE[TEXT]" for what is added, "BINARY", and "ERROR LINE: MESSAGE".
class Log : public DiffEvents {
 public:
  void added_begin(const std::string& path, std::uint64_t line) override {
    text += path + ":" + std::to_string(line) + "[";
  }
  void added(std::string_view piece) override { text += piece; }
  void added_end() override { text += "]"; }
  void binary() override { text += "BINARY"; }
  std::string text;
};

std::string read(const std::vector<std::string_view>& pieces) {
  Log log;
  DiffReader reader(log);
  const auto failed = [&](const std::string& error) {
    return log.text + "ERROR " + std::to_string(reader.line()) + ": " + error;
  };
  for (const std::string_view piece : pieces)
    if (const auto error = reader.feed(piece)) return failed(*error);
  if (const auto error = reader.finish()) return failed(*error);
  return log.text;
}

std::string read(const std::string& diff) {
  const std::string whole = read(std::vector<std::string_view>{diff});
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < diff.size(); ++i)
    bytes.push_back(std::string_view(diff).substr(i, 1));
  EXPECT_EQ(read(bytes), whole);
  for (std::size_t cut = 1; cut < diff.size(); ++cut)
    EXPECT_EQ(read({std::string_view(diff).substr(0, cut), std::string_view(diff).substr(cut)}),
              whole)
        << cut;
  return whole;
}

std::string with_head(const std::string& hunk) { return "--- a/f\n+++ b/f\n" + hunk; }

TEST(DiffReader, TellsAddedLinesWithTheirPlaceInTheNewFile) {
  EXPECT_EQ(read("diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"
                 "@@ -1,3 +1,5 @@ context\n one\n-two\n+TWO\n+and a half\n three\n+four\n"
                 "@@ -10 +12 @@\n-x\n+y\n"
                 "diff --git a/g b/g\nnew file mode 100644\n--- /dev/null\n+++ b/dir/g\n"
                 "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"),
            "f:2[TWO\nand a half\n]f:5[four\n]f:12[y\n]dir/g:1[a\nb\n]");
}

TEST(DiffReader, WhatLooksLikeAHeaderInAHunkIsALine) {
  EXPECT_EQ(read(with_head("@@ -1,2 +1,3 @@\n--- a/x\n-@@ -1 +1 @@\n+++ b/x\n+@@ -1 +1 @@\n+\n")),
            "f:1[++ b/x\n@@ -1 +1 @@\n\n]");
}

TEST(DiffReader, RemovedLinesDoNotPartAddedOnes) {
  EXPECT_EQ(read(with_head("@@ -1,2 +1,2 @@\n-a\n+A\n-b\n+B\n")), "f:1[A\nB\n]");
}

TEST(DiffReader, AnEmptyContextLineMayHaveLostItsBlank) {
  EXPECT_EQ(read(with_head("@@ -1 +1,2 @@\n\n+a\n")), "f:2[a\n]");
}

TEST(DiffReader, KnowsHowGitWritesNames) {
  const auto path = [](const std::string& old_name, const std::string& new_name) {
    const std::string text =
        read("--- " + old_name + "\n+++ " + new_name + "\n@@ -0,0 +1 @@\n+x\n");
    return text.substr(0, text.find(":1["));
  };
  EXPECT_EQ(path("a/f", "b/f"), "f");
  EXPECT_EQ(path("c/f", "i/f"), "f");    // diff.mnemonicPrefix
  EXPECT_EQ(path("c/f", "c/f"), "c/f");  // diff.noprefix
  EXPECT_EQ(path("f", "f"), "f");
  EXPECT_EQ(path("/dev/null", "b/f"), "f");
  EXPECT_EQ(path("a/with blank\t", "b/with blank\t"), "with blank");
  EXPECT_EQ(path("f\t2026-01-01 10:00", "f\t2026-01-01 10:00"), "f");
  EXPECT_EQ(path("\"a/\\303\\244\\t\\\"\"", "\"b/\\303\\244\\t\\\"\""), "\xc3\xa4\t\"");
}

TEST(DiffReader, SaysThatABinaryFileHasChanged) {
  EXPECT_EQ(read("diff --git a/f b/f\nBinary files a/f and b/f differ\n"), "BINARY");
  EXPECT_EQ(read("diff --git a/f b/f\nGIT binary patch\nliteral 3\nKcmZ\n\n"), "BINARY");
}

TEST(DiffReader, WhatItCannotReadIsAnError) {
  EXPECT_EQ(read("just text\n"), "ERROR 1: this is no unified diff (is it coloured?)");
  EXPECT_EQ(read("\x1b[1mdiff --git a/f b/f\x1b[m\n"),
            "ERROR 1: this is no unified diff (is it coloured?)");
  EXPECT_EQ(read(with_head("@@ -1 +1,2 @@\n+a\n")), "f:1[a\n]ERROR 4: the diff ends within a hunk");
  EXPECT_EQ(read(with_head("@@ -1 +1 @@\nwhat\n")),
            "ERROR 4: is no part of the hunk that it stands in");
  EXPECT_EQ(read(with_head("@@ -1 +1 @@\n-a\n-b\n")),
            "ERROR 5: is no part of the hunk that it stands in");
  EXPECT_EQ(read(with_head("@@@ -1 -1 +1 @@@\n")),
            "ERROR 3: is of a combined diff, which cannot be read");
  for (const char* head : {"@@ -1 1 @@\n", "@@ -x +1 @@\n", "@@ -1,99999999999999999999 +1 @@\n"})
    EXPECT_EQ(read(with_head(head)), "ERROR 3: is no head of a hunk that can be read");
  EXPECT_EQ(read("@@ -1 +1 @@\n+a\n"), "ERROR 1: is no head of a hunk that can be read");
  EXPECT_EQ(read(""), "");
}

TEST(DiffReader, KeepsNoMoreOfALineThanAHeaderNeeds) {
  const std::string long_line(100'000, 'x');
  EXPECT_EQ(read(std::vector<std::string_view>{"diff ", long_line, "\n", "--- a/f\n+++ b/f\n",
                                               "@@ -0,0 +1 @@\n+", long_line, "\n"}),
            "f:1[" + long_line + "\n]");
}

}  // namespace
}  // namespace veilwire::ctl
