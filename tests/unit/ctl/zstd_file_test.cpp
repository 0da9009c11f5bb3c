#include "agent/ctl/zstd_file.h"

#include "tests/unit/ctl/scratch_folder.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

class LineFiles : public ::testing::TestWithParam<const char*> {
 protected:
  std::vector<std::string> read(std::size_t longest = 1 << 20) const {
    std::vector<std::string> out;
    LineReader in(path_, longest);
    while (auto line = in.line()) out.push_back(*std::move(line));
    return out;
  }
  const veilwire::testing::ScratchFolder folder_;
  const std::string path_ = folder_ / GetParam();
};

TEST_P(LineFiles, GiveBackTheirLines) {
  std::vector<std::string> lines = {"", "a", std::string(300'000, 'x'), "", "b"};
  for (int i = 0; i < 5000; ++i) lines.push_back(std::to_string(i));
  LineWriter out(path_);
  for (const std::string& line : lines) out.line(line);
  out.finish();
  EXPECT_EQ(read(), lines);
  EXPECT_THROW((void)read(1000), std::runtime_error);
  EXPECT_THROW(LineWriter{path_}, std::runtime_error);
}

TEST_P(LineFiles, HaveNoTraceOfWhatWasNotFinished) {
  { LineWriter(path_).line("x"); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_P(LineFiles, AreEmptyWhereNothingWasWritten) {
  LineWriter(path_).finish();
  EXPECT_TRUE(read().empty());
}

INSTANTIATE_TEST_SUITE_P(, LineFiles, ::testing::Values("lines", "lines.zst"),
                         [](const auto& which) { return which.index == 0 ? "plain" : "zstd"; });

TEST(LineReader, RefusesAFileThatEndsTooEarlyOrWasChanged) {
  const veilwire::testing::ScratchFolder folder;
  const std::string path = folder / "lines.zst";
  {
    LineWriter out(path);
    for (int i = 0; i < 1000; ++i) out.line(std::to_string(i));
    out.finish();
  }
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto read_all = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    LineReader in(path, 1000);
    while (in.line()) continue;
  };
  EXPECT_THROW(read_all(bytes.substr(0, bytes.size() - 1)), std::runtime_error);
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_THROW(read_all(bytes), std::runtime_error);
}

}  // namespace
}  // namespace veilwire::ctl
