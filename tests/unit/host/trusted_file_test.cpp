#include "agent/host/trusted_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

class TrustedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "trusted-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::ofstream(file()) << "x";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file() const { return folder_ + "/file"; }
  std::string why(mode_t mode) const {
    EXPECT_EQ(::chmod(file().c_str(), mode), 0);
    return distrust(file()).value_or("");
  }
  std::string folder_;
};

TEST_F(TrustedFile, IsOneThatOnlyItsOwnerCanWrite) {
  EXPECT_EQ(why(0644), "");
  EXPECT_EQ(why(0600), "");
  EXPECT_NE(why(0664).find("writable by group or others"), std::string::npos);
  EXPECT_NE(why(0646).find("writable by group or others"), std::string::npos);
}

TEST_F(TrustedFile, BelongsToRootOrToItsReader) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  ASSERT_EQ(::chown(file().c_str(), 64001, 64001), 0);
  EXPECT_NE(why(0644).find("belongs to uid 64001"), std::string::npos);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(64001), 0);
  const auto own = distrust(file());
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_FALSE(own);
}

TEST_F(TrustedFile, ThatIsNotThereIsForItsReaderToMiss) {
  EXPECT_FALSE(distrust(folder_ + "/none"));
}

TEST_F(TrustedFile, WhatALinkLeadsToDecides) {
  std::filesystem::create_symlink("file", folder_ + "/link");
  EXPECT_EQ(why(0644), "");
  EXPECT_FALSE(distrust(folder_ + "/link"));
  EXPECT_NE(why(0666), "");
  EXPECT_TRUE(distrust(folder_ + "/link"));
}

}  // namespace
}  // namespace veilwire::host
