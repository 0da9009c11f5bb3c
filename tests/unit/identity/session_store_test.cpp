#include "agent/identity/session_store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

class SessionStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "sessions-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  crypto::Sealer sealer(const std::string& key = "key") const {
    return sealer_of(path(key), crypto::system_random());
  }
  SessionStore store(const crypto::Sealer& sealer) const {
    return {path("sessions"), sealer, crypto::system_random()};
  }
  std::string complaint_about_key(const std::string& name) const {
    try {
      (void)sealer(name);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
};

TEST_F(SessionStoreTest, AKeyIsMadeOnceAndForItsOwnerAlone) {
  (void)sealer();
  struct stat status {};
  ASSERT_EQ(::stat(path("key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const std::string bytes = read(path("key"));
  EXPECT_EQ(bytes.size(), crypto::kSealerKey);
  (void)sealer();
  EXPECT_EQ(read(path("key")), bytes);
}

TEST_F(SessionStoreTest, AKeyThatOthersReadOrThatIsNoneStopsTheStart) {
  (void)sealer();
  ASSERT_EQ(::chmod(path("key").c_str(), 0640), 0);
  EXPECT_NE(complaint_about_key("key").find("others may read it"), std::string::npos);
  std::ofstream(path("short")) << "short";
  ASSERT_EQ(::chmod(path("short").c_str(), 0600), 0);
  EXPECT_NE(complaint_about_key("short").find("must be 32 bytes"), std::string::npos);
  EXPECT_NE(complaint_about_key("no/folder").find("No such file"), std::string::npos);
}

TEST_F(SessionStoreTest, WhatIsSavedIsReadAgainAndByNobodyElse) {
  const crypto::Sealer key = sealer();
  EXPECT_FALSE(store(key).load().bytes);
  EXPECT_EQ(store(key).load().complaint, "");
  ASSERT_EQ(store(key).save("the sessions of everybody"), 0);
  ASSERT_EQ(store(key).save("the sessions of the day"), 0);
  const auto loaded = store(key).load();
  ASSERT_TRUE(loaded.bytes);
  EXPECT_EQ(loaded.bytes->reveal(), "the sessions of the day");
  EXPECT_EQ(read(path("sessions")).find("sessions of"), std::string::npos);
  struct stat status {};
  ASSERT_EQ(::stat(path("sessions").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(path("sessions.new")));
}

TEST_F(SessionStoreTest, AFileThatWasChangedOrIsOfAnotherKeyIsRefusedAloud) {
  const crypto::Sealer key = sealer(), other = sealer("other");
  ASSERT_EQ(store(key).save("the sessions"), 0);
  EXPECT_FALSE(store(other).load().bytes);
  EXPECT_NE(store(other).load().complaint.find("another key"), std::string::npos);
  std::string bytes = read(path("sessions"));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(path("sessions"), std::ios::binary) << bytes;
  EXPECT_FALSE(store(key).load().bytes);
  EXPECT_NE(store(key).load().complaint.find("changed"), std::string::npos);
  std::ofstream(path("sessions"), std::ios::binary) << "";
  EXPECT_FALSE(store(key).load().bytes);
  EXPECT_NE(store(key).load().complaint, "");
}

TEST_F(SessionStoreTest, WhatCannotBeSavedIsSaid) {
  const crypto::Sealer key = sealer();
  const SessionStore nowhere(path("no/folder"), key, crypto::system_random());
  EXPECT_EQ(nowhere.save("x"), ENOENT);
}

}  // namespace
}  // namespace veilwire::agent_identity
