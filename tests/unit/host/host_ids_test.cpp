#include "agent/host/host_ids.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>

namespace veilwire::host {
namespace {

constexpr const char* kBoot = "0123456789abcdef0123456789abcdef";

class HostIdsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "host-ids-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    root_ = folder;
    ::unsetenv("VEILWIRE_BOOT_ID");
  }
  void TearDown() override {
    ::unsetenv("VEILWIRE_BOOT_ID");
    std::filesystem::remove_all(root_);
  }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(HostIdsTest, AreSpelledWithoutDashes) {
  write("/etc/machine-id", "fedcba9876543210fedcba9876543210\n");
  write("/proc/sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n");
  const HostIds ids = read_host_ids(root_);
  EXPECT_EQ(ids.machine, "fedcba9876543210fedcba9876543210");
  EXPECT_EQ(ids.boot, kBoot);
}

TEST_F(HostIdsTest, TheUnitsWordCountsWhereTheKernelsIsHidden) {
  ::setenv("VEILWIRE_BOOT_ID", kBoot, 1);
  EXPECT_EQ(read_host_ids(root_).boot, kBoot);
  EXPECT_EQ(read_host_ids(root_).machine, "");
  write("/proc/sys/kernel/random/boot_id", "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa\n");
  EXPECT_EQ(read_host_ids(root_).boot, std::string(32, 'a')) << "and nowhere else";
}

TEST_F(HostIdsTest, AnUnknownBootIsAnError) {
  EXPECT_THROW(static_cast<void>(read_host_ids(root_)), std::runtime_error);
  for (const char* none : {"", "%b", "0123", "0123456789ABCDEF0123456789ABCDEF"}) {
    ::setenv("VEILWIRE_BOOT_ID", none, 1);
    EXPECT_THROW(static_cast<void>(read_host_ids(root_)), std::runtime_error) << none;
  }
}

TEST_F(HostIdsTest, ThisHostHasThem) { EXPECT_EQ(read_host_ids().boot.size(), 32U); }

TEST_F(HostIdsTest, TheBootIsSpelledAsTheKernelDoes) {
  EXPECT_EQ((HostIds{.machine = "", .boot = kBoot}.boot_uuid()),
            "01234567-89ab-cdef-0123-456789abcdef");
}

}  // namespace
}  // namespace veilwire::host
