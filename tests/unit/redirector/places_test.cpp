#include "agent/redirector/places.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::redirector {
namespace {

TEST(Places, the_mount_is_found_wherever_it_is) {
  const std::string text =
      "22 1 0:21 / /sys rw shared:7 - sysfs sysfs rw\n"
      "30 22 0:26 /below /mnt/bound rw shared:9 master:1 - cgroup2 cgroup2 rw\n"
      "31 22 0:26 / /sys/fs/cgroup/with\\040blank rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
      "32 22 0:27 / /sys/fs/bpf rw - bpf bpf rw\n";
  EXPECT_EQ(find_mount(text, "cgroup2"), "/sys/fs/cgroup/with blank") << "not the bind mount";
  EXPECT_EQ(find_mount(text, "bpf"), "/sys/fs/bpf");
  EXPECT_EQ(find_mount(text, "tmpfs"), std::nullopt);
  EXPECT_EQ(find_mount("", "bpf"), std::nullopt);
  EXPECT_EQ(find_mount("nonsense\n1 2 3 - \n", "bpf"), std::nullopt);
}

TEST(Places, the_root_of_all_cgroups_is_known_from_within_a_namespace_of_cgroups) {
  const std::string text =
      "30 22 0:26 /../../elsewhere /mnt/bound ro - cgroup2 cgroup2 rw\n"
      "31 22 0:26 /../.. /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(find_mount(text, "cgroup2"), "/sys/fs/cgroup");
  EXPECT_EQ(find_mount(text + "32 22 0:26 / /own rw - cgroup2 cgroup2 rw\n", "cgroup2"), "/own")
      << "the namespace's own comes first";
}

}  // namespace
}  // namespace veilwire::redirector
