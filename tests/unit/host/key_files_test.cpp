#include "agent/host/key_files.h"

#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

constexpr uid_t kSame = static_cast<uid_t>(-1);
constexpr gid_t kSameGroup = static_cast<gid_t>(-1);

struct Folder {
  Folder() {
    char name[] = "/tmp/veilwire-keys-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path + "/" + name; }
  std::string path;
};

TEST(KeyFiles, AreWrittenOnceWithTheirMode) {
  const Folder folder;
  const mode_t old = ::umask(0);
  write_new(folder / "ca.key", "key", 0600, kSame, kSameGroup);
  write_new(folder / "ca.pem", "certificate", 0644, kSame, kSameGroup);
  ::umask(old);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "ca.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(read_key(folder / "ca.key").reveal(), "key");
  EXPECT_EQ(read_certificates(folder / "ca.pem"), "certificate");
  EXPECT_THROW(write_new(folder / "ca.key", "other", 0600, kSame, kSameGroup), std::runtime_error);
  EXPECT_EQ(read_key(folder / "ca.key").reveal(), "key");
}

TEST(KeyFiles, AreNotWrittenThroughALink) {
  const Folder folder;
  ASSERT_EQ(::symlink("target", (folder / "ca.key").c_str()), 0);
  EXPECT_THROW(write_new(folder / "ca.key", "key", 0600, kSame, kSameGroup), std::runtime_error);
  EXPECT_FALSE(std::filesystem::exists(folder / "target"));
}

TEST(Key, IsNotReadWhereOthersCanReadIt) {
  const Folder folder;
  for (const mode_t mode : {0640U, 0604U, 0644U, 0620U}) {
    const std::string path = folder / std::to_string(mode).c_str();
    write_new(path, "key", mode, kSame, kSameGroup);
    EXPECT_THROW((void)read_key(path), std::runtime_error) << mode;
  }
}

TEST(Key, IsNotReadFromAnythingButAFile) {
  const Folder folder;
  EXPECT_THROW((void)read_key(folder / "absent"), std::runtime_error);
  EXPECT_THROW((void)read_key(folder.path), std::runtime_error);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THROW((void)read_key(folder / "pipe"), std::runtime_error);
  write_new(folder / "real", "key", 0600, kSame, kSameGroup);
  ASSERT_EQ(::symlink((folder / "real").c_str(), (folder / "link").c_str()), 0);
  EXPECT_THROW((void)read_key(folder / "link"), std::runtime_error);
}

}  // namespace
}  // namespace veilwire::host
