#include "agent/proxy/settings.h"

#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

TEST(Settings, RefuseAKeyThatIsNotKnown) {
  EXPECT_THROW((void)read_settings(host::Config::parse("[proxy]\npolcy = 'x'\n", "f")),
               host::ConfigError);
  EXPECT_EQ(read_settings(host::Config::parse("[proxy]\nthreads = 3\n", "f")).threads, 3U);
  EXPECT_GE(read_settings(host::Config::parse("", "f")).threads, 1U);
}

TEST(Settings, AnswersUnderWayHaveABoundedTime) {
  const auto drain = [](const std::string& text) {
    return read_settings(host::Config::parse("[proxy]\n" + text + "\n", "f")).drain.count();
  };
  EXPECT_EQ(drain(""), 20);
  EXPECT_EQ(drain("drain_seconds = 0"), 0);
  EXPECT_THROW((void)drain("drain_seconds = 61"), host::ConfigError);
}

TEST(Settings, ThereAreNoMoreThreadsThanTheOtherProgramsTakeConnections) {
  EXPECT_EQ(read_settings(host::Config::parse("[proxy]\nthreads = 64\n", "f")).threads, 64U);
  try {
    (void)read_settings(host::Config::parse("[proxy]\nthreads = 65\n", "f"));
    ADD_FAILURE() << "65 threads";
  } catch (const host::ConfigError& e) {
    EXPECT_STREQ(e.what(), "f:2:11: [proxy] threads: must be a whole number from 0 to 64");
  }
}

TEST(SiteKey, IsRefusedWhenOthersMayReadItOrItIsShort) {
  const std::string path = testing::TempDir() + "vw_site_key_" + std::to_string(::getpid());
  EXPECT_THROW((void)read_site_key(path), std::runtime_error);
  std::ofstream(path) << "0123456789abcdef0123456789abcdef";
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_THROW((void)read_site_key(path), std::runtime_error);
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_EQ(read_site_key(path).reveal().size(), 32U);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  std::ofstream(path) << "short";
  EXPECT_THROW((void)read_site_key(path), std::runtime_error);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace veilwire::proxy
