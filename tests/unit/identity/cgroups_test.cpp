// On a folder that looks like a cgroup2 mount: a cgroup is its folder's inode there, too.
#include "agent/identity/cgroups.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

using std::chrono::seconds;

class CgroupsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "cgroups-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::filesystem::create_directories(path("mount/user.slice/session-3.scope"));
    std::filesystem::create_directories(path("mount/system.slice/job.service/step"));
    std::filesystem::create_directories(path("proc/77"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::uint64_t id(const std::string& cgroup) const {
    struct stat status {};
    EXPECT_EQ(::stat(path("mount/" + cgroup).c_str(), &status), 0);
    return status.st_ino;
  }
  void put(const std::string& process_cgroup) const {
    std::ofstream(path("proc/77/cgroup")) << process_cgroup;
  }
  static std::string names(const std::vector<identity::Cgroup>& place) {
    std::string text;
    for (const identity::Cgroup& cgroup : place) text += cgroup.name + "<";
    return text;
  }

  std::string folder_;
};

TEST_F(CgroupsTest, APlaceIsFoundByItsProcessOrByLooking) {
  put("1:name=systemd:/x\n0::/user.slice/session-3.scope\n");
  Cgroups cgroups(path("mount"), path("proc"));
  const auto place = cgroups.place_of(id("user.slice/session-3.scope"), 77, {});
  EXPECT_EQ(names(place), "session-3.scope<user.slice<<");
  ASSERT_EQ(place.size(), 3U);
  EXPECT_EQ(place.front().id, id("user.slice/session-3.scope"));
  EXPECT_EQ(place.back().id, id(""));
  // The process that asked is in another one by now.
  EXPECT_EQ(names(cgroups.place_of(id("system.slice/job.service/step"), 77, {})),
            "step<job.service<system.slice<<");
  EXPECT_EQ(names(Cgroups(path("mount"), path("proc")).place_of(id(""), 0, {})), "<");
}

TEST_F(CgroupsTest, WhatHasBeenFoundStaysRightBehindItsEnd) {
  Cgroups cgroups(path("mount"), path("proc"));
  const std::uint64_t step = id("system.slice/job.service/step");
  EXPECT_FALSE(cgroups.place_of(step, 0, {}).empty());
  std::filesystem::remove_all(path("mount/system.slice"));
  EXPECT_EQ(names(cgroups.place_of(step, 0, {})), "step<job.service<system.slice<<");
}

TEST_F(CgroupsTest, WhatIsNowhereIsNotLookedForAtEveryQuestion) {
  Cgroups cgroups(path("mount"), path("proc"));
  EXPECT_TRUE(cgroups.place_of(1, 0, {}).empty());
  std::filesystem::create_directories(path("mount/late"));
  EXPECT_TRUE(cgroups.place_of(id("late"), 0, {}).empty());
  EXPECT_EQ(names(cgroups.place_of(id("late"), 0, {seconds(1)})), "late<<");
  EXPECT_TRUE(cgroups.place_of(0, 0, {seconds(5)}).empty());
}

TEST_F(CgroupsTest, PathsOutsideOfOurRootAreNone) {
  EXPECT_EQ(cgroup2_path("0::/user.slice\n"), "/user.slice");
  EXPECT_EQ(cgroup2_path("9:pids:/a\n0::/"), "/");
  EXPECT_EQ(cgroup2_path("0::/../../x\n"), std::nullopt);
  EXPECT_EQ(cgroup2_path("9:pids:/a\n"), std::nullopt);
  EXPECT_EQ(cgroup2_path(""), std::nullopt);
}

TEST_F(CgroupsTest, TheMountIsFoundAmongOthers) {
  std::ofstream(path("mountinfo"))
      << "24 23 0:22 / /proc rw - proc proc rw\n"
         "30 23 0:27 / /sys/fs/cgroup/a\\040b rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(cgroup2_mount(path("mountinfo")), "/sys/fs/cgroup/a b");
  EXPECT_EQ(cgroup2_mount(path("no file")), std::nullopt);
}

}  // namespace
}  // namespace veilwire::agent_identity
