#include "agent/proxy/file_watch.h"

#include "agent/host/local_socket.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace veilwire::proxy {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_watch_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = fs::canonical(pattern);
  }
  void TearDown() override { fs::remove_all(folder); }
  void write(const std::string& name, const std::string& text = "x") const {
    std::ofstream(folder / name) << text;
  }
  bool watch(const std::string& name) { return files.watch({(folder / name).string()}); }
  // Of what has happened so far: the kernel queues an event before the call that makes it returns.
  bool changed() { return host::wait_readable(files.descriptor(), 0) && files.changed(); }

  fs::path folder;
  FileWatch files;
};

TEST_F(FileWatchTest, SeesAnEditAReplacementARemovalAndAChangeOfMode) {
  write("file");
  EXPECT_TRUE(watch("file"));
  EXPECT_FALSE(watch("file")) << "nothing that was not watched before";
  EXPECT_FALSE(changed());
  write("file");
  EXPECT_TRUE(changed());
  write("other");
  EXPECT_FALSE(changed());
  fs::rename(folder / "other", folder / "file");
  EXPECT_TRUE(changed());
  fs::permissions(folder / "file", fs::perms::owner_read);
  EXPECT_TRUE(changed());
  fs::remove(folder / "file");
  EXPECT_TRUE(changed());
}

TEST_F(FileWatchTest, AFileThatIsBeingMadeCountsWhenItIsWhole) {
  EXPECT_TRUE(watch("file"));
  std::ofstream out(folder / "file");
  EXPECT_FALSE(changed());
  out << "x";
  out.close();
  EXPECT_TRUE(changed());
}

TEST_F(FileWatchTest, AFolderThatIsMadeLaterIsSeenAndThenWatched) {
  EXPECT_TRUE(watch("a/b/file"));
  fs::create_directory(folder / "a");
  EXPECT_TRUE(changed());
  EXPECT_TRUE(watch("a/b/file"));
  fs::create_directory(folder / "a/b");
  EXPECT_TRUE(changed());
  EXPECT_TRUE(watch("a/b/file"));
  write("a/b/file");
  EXPECT_TRUE(changed());
}

TEST_F(FileWatchTest, AFolderThatIsExchangedIsSeenAndTheNewOneIsWatched) {
  fs::create_directory(folder / "rules");
  fs::create_directory(folder / "rules.new");
  watch("rules/file");
  fs::rename(folder / "rules", folder / "rules.old");
  fs::rename(folder / "rules.new", folder / "rules");
  EXPECT_TRUE(changed());
  EXPECT_TRUE(watch("rules/file"));
  write("rules.old/file");
  EXPECT_FALSE(changed());
  write("rules/file");
  EXPECT_TRUE(changed());
}

TEST_F(FileWatchTest, LinksAreFollowedAndEachOfThemCounts) {
  fs::create_directories(folder / "one");
  fs::create_directories(folder / "two");
  write("one/file");
  write("two/file");
  fs::create_directory_symlink("one", folder / "now");
  fs::create_directory(folder / "etc");
  fs::create_symlink("../now/file", folder / "etc/file");
  watch("etc/file");
  write("one/file");
  EXPECT_TRUE(changed()) << "the file itself";
  write("two/file");
  EXPECT_FALSE(changed());
  fs::create_directory_symlink("two", folder / "now.new");
  fs::rename(folder / "now.new", folder / "now");
  EXPECT_TRUE(changed()) << "a link on the way";
  EXPECT_TRUE(watch("etc/file"));
  write("two/file");
  EXPECT_TRUE(changed());
  fs::remove(folder / "etc/file");
  EXPECT_TRUE(changed());
  fs::create_symlink("../one/file", folder / "etc/file");
  EXPECT_TRUE(changed()) << "a link has no writer who could close it";
}

TEST_F(FileWatchTest, LinksInACircleEnd) {
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  EXPECT_TRUE(watch("a"));
  EXPECT_FALSE(watch("a"));
}

}  // namespace
}  // namespace veilwire::proxy
