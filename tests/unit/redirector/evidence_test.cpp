// Judges processes of a /proc made of plain folders and links.
#include "agent/redirector/evidence.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::redirector {
namespace {

namespace fs = std::filesystem;

class EvidenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "veilwire-evidence-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  Evidence look(const std::string& exe, const std::vector<std::string>& arguments,
                const std::string& working_directory = "/") {
    const fs::path process = root_ / "proc" / "7";
    fs::remove_all(process);
    fs::create_directories(process);
    fs::create_symlink(exe, process / "exe");
    fs::create_symlink(working_directory, process / "cwd");
    fs::create_symlink(root_ / "tree", process / "root");
    fs::create_directories(root_ / "tree");
    std::ofstream out(process / "cmdline", std::ios::binary);
    for (const std::string& argument : arguments) out << argument << '\0';
    out.close();
    return look_at_process(settings_, root_ / "proc", 7);
  }

  Settings settings_;
  fs::path root_;
};

TEST_F(EvidenceTest, the_executable_itself_is_a_client_by_name_or_path) {
  EXPECT_EQ(look("/usr/bin/claude", {"x"}), Evidence::Client);
  EXPECT_EQ(look("/home/u/.local/share/claude/versions/2.1.3", {"x"}), Evidence::Client);
  EXPECT_EQ(look("/usr/bin/claude (deleted)", {"x"}), Evidence::Client) << "updated while it runs";
  EXPECT_EQ(look("/usr/bin/claude2", {"x"}), Evidence::Nothing);
  EXPECT_EQ(look("/srv/claude/tool", {"claude"}), Evidence::Nothing);
}

TEST_F(EvidenceTest, an_interpreter_is_judged_by_its_script) {
  EXPECT_EQ(look("/usr/bin/node", {"node", "/l/@anthropic-ai/claude-code/cli.js"}),
            Evidence::Interpreted);
  EXPECT_EQ(look("/usr/bin/node", {"node", "--flag", "/usr/local/bin/claude"}),
            Evidence::Interpreted);
  EXPECT_EQ(look("/usr/bin/node", {"node", "/srv/server.js"}), Evidence::Nothing);
  EXPECT_EQ(look("/usr/bin/node", {"/l/@anthropic-ai/claude-code/cli.js"}), Evidence::Nothing)
      << "its own name is no script";
  EXPECT_EQ(look("/usr/bin/grep", {"grep", "@anthropic-ai/claude-code"}), Evidence::Nothing);
}

TEST_F(EvidenceTest, a_script_s_links_are_followed_in_the_process_s_own_tree) {
  const fs::path package = root_ / "tree/usr/lib/node_modules/@anthropic-ai/claude-code";
  fs::create_directories(package);
  std::ofstream(package / "cli.js") << "x";
  fs::create_directories(root_ / "tree/usr/bin");
  // Absolute: it means the process's root, not ours.
  fs::create_symlink("/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js",
                     root_ / "tree/usr/bin/cc");
  EXPECT_EQ(look("/usr/bin/node", {"node", "/usr/bin/cc"}), Evidence::Interpreted);
  EXPECT_EQ(look("/usr/bin/node", {"node", "bin/cc"}, "/usr"), Evidence::Interpreted);
  EXPECT_EQ(look("/usr/bin/node", {"node", "bin/other"}, "/usr"), Evidence::Nothing);
}

TEST_F(EvidenceTest, arguments_without_end_and_absurd_ones_are_borne) {
  EXPECT_EQ(look("/usr/bin/node", {}), Evidence::Nothing);
  EXPECT_EQ(look("/usr/bin/node", {"node", std::string(200000, 'x')}), Evidence::Nothing);
  EXPECT_EQ(look("/usr/bin/node", std::vector<std::string>(5000, "-x")), Evidence::Nothing);
  EXPECT_EQ(look("/usr/bin/node", {"node", "", "\xff\xfe", "/"}), Evidence::Nothing);
}

TEST_F(EvidenceTest, a_process_that_is_gone_is_no_evidence) {
  EXPECT_EQ(look_at_process(settings_, root_ / "proc", 8), Evidence::Gone);
}

}  // namespace
}  // namespace veilwire::redirector
