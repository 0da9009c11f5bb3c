#include "agent/ctl/scan_input.h"

#include "tests/unit/ctl/scratch_folder.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::ctl {
namespace {

std::vector<std::string> pieces(Chunks chunks, const std::string& text) {
  std::vector<std::string> list;
  chunks.cut(text, [&](std::string_view piece) { list.emplace_back(piece); });
  return list;
}

TEST(Chunks, AreOfTheSizeThatIsNamed) {
  EXPECT_EQ(pieces(Chunks(), "abcdefg"), std::vector<std::string>{"abcdefg"});
  EXPECT_EQ(pieces(Chunks::parse("3", 0).value(), "abcdefg"),
            (std::vector<std::string>{"abc", "def", "g"}));
  EXPECT_TRUE(pieces(Chunks::parse("3", 0).value(), "").empty());
}

TEST(Chunks, OfARandomSizeAreTheSameForTheSameSeed) {
  const std::string text(10'000, 'x');
  const auto list = pieces(Chunks::parse("random:7", 0).value(), text);
  EXPECT_EQ(list, pieces(Chunks::parse("random", 7).value(), text));
  EXPECT_NE(list, pieces(Chunks::parse("random:8", 0).value(), text));
  std::string joined;
  for (const std::string& piece : list) joined += piece;
  EXPECT_EQ(joined, text);
  EXPECT_EQ(Chunks::parse("random", 7)->to_string(), "random:7");
}

TEST(Chunks, AreRefusedWhereTheyMeanNothing) {
  for (const char* text : {"", "0", "-1", "3x", "randomly", "random:", "random:x", "1e3"})
    EXPECT_FALSE(Chunks::parse(text, 0)) << text;
}

TEST(EachFile, GoesThroughFoldersInOrderAndTellsWhatItLeavesOut) {
  const testing::ScratchFolder folder;
  folder.write("b/two", "");
  folder.write("b/one", "");
  folder.write("a", "");
  folder.write(".git/config", "");
  std::filesystem::create_symlink(folder / "a", folder / "link");
  std::filesystem::create_directory_symlink(folder / ".", folder / "loop");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::vector<std::string> files, left_out;
  each_file(
      folder / ".", [&](const std::string& path) { files.push_back(path); },
      [&](const std::string& path, const std::string&, bool error) {
        EXPECT_FALSE(error);
        left_out.push_back(path);
      });
  EXPECT_EQ(files,
            (std::vector<std::string>{folder / "./a", folder / "./b/one", folder / "./b/two"}));
  EXPECT_EQ(left_out, std::vector<std::string>{folder / "./pipe"});
}

TEST(ScanInput, TellsBinaryFilesAndReadsThemAllTheSame) {
  const testing::ScratchFolder folder;
  const std::string binary("ab\0cd", 5);
  auto input = ScanInput::open(folder.write("x", binary)).value();
  EXPECT_EQ(input.why_binary(), "binary");
  EXPECT_EQ(input.read().value(), binary);
  EXPECT_EQ(input.read().value(), "");
  EXPECT_EQ(ScanInput::open(folder.write("w", "\xff\xfe" + binary)).value().why_binary(),
            "UTF-16 text");
  auto text = ScanInput::open(folder.write("t", "text")).value();
  EXPECT_EQ(text.why_binary(), "");
  EXPECT_EQ(text.read().value(), "text");
}

TEST(ScanInput, SaysWhyItCannotRead) {
  const testing::ScratchFolder folder;
  EXPECT_EQ(ScanInput::open(folder / "none").error(), "No such file or directory");
  EXPECT_EQ(ScanInput::open(folder / ".").error(), "Is a directory");
}

}  // namespace
}  // namespace veilwire::ctl
