#include "agent/signer/rotation.h"

#include "agent/host/clock.h"
#include "agent/host/key_files.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::signer {
namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Rotation : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "rotation-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    files_ = {folder_ + "/ca.pem", folder_ + "/ca.key"};
    make_ca_files({folder_, "", {{"api.example.test"}, "old", 30}, ""}, now());
    old_ = content(files_.certificate);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static WallTime now() { return host::now().wall; }
  std::string add(const std::string& label = "new") const {
    return add_ca(files_, {{{"api.example.test"}, label, 30}, "", ""}, now());
  }
  std::string signing() const { return load_authorities(files_).signing.subject(); }
  std::string problem(const std::function<void()>& work) const {
    try {
      work();
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  }

  std::string folder_, old_;
  AuthorityFiles files_;
};

TEST_F(Rotation, BothAreKnownAndTheOldSignsUntilTheSwitch) {
  add();
  EXPECT_NE(signing().find("veilwire old"), std::string::npos);
  const std::string both = content(files_.certificate);
  ASSERT_TRUE(both.starts_with(old_));
  const std::string next = both.substr(old_.size());
  EXPECT_EQ(anchor_of(files_, false), old_);
  EXPECT_EQ(anchor_of(files_, true), next);

  switch_ca(files_, now());
  EXPECT_NE(signing().find("veilwire new"), std::string::npos);
  EXPECT_EQ(content(files_.certificate), next + old_) << "the one that signs comes first";
  EXPECT_EQ(load_authorities(files_).known.size(), 2U);

  switch_ca(files_, now());
  EXPECT_NE(signing().find("veilwire old"), std::string::npos) << "and back";
  switch_ca(files_, now());

  drop_ca(files_, "");
  EXPECT_EQ(content(files_.certificate), next);
  EXPECT_NE(signing().find("veilwire new"), std::string::npos);
  EXPECT_FALSE(fs::exists(files_.other_key()));
  EXPECT_NE(problem([&] { anchor_of(files_, true); }).find("no other CA"), std::string::npos);
}

TEST_F(Rotation, CanBeTakenBackBeforeTheSwitch) {
  const std::string key = content(files_.key);
  add();
  drop_ca(files_, "");
  EXPECT_EQ(content(files_.certificate), old_);
  EXPECT_EQ(content(files_.key), key);
  EXPECT_NE(problem([&] { drop_ca(files_, ""); }).find("no other CA"), std::string::npos);
}

TEST_F(Rotation, KeysStayForTheirOwnerAlone) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  ASSERT_EQ(::chown(files_.key.c_str(), 64002, 64002), 0);
  add();
  switch_ca(files_, now());
  for (const std::string& path : {files_.key, files_.other_key()}) {
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U) << path;
    EXPECT_EQ(status.st_uid, 64002U) << path;
  }
  struct stat certificate {};
  ASSERT_EQ(::stat(files_.certificate.c_str(), &certificate), 0);
  EXPECT_EQ(certificate.st_mode & 07777, 0644U);
}

TEST_F(Rotation, AnImportedOneIsTakenWithItsKeyAlone) {
  fs::create_directory(folder_ + "/theirs");
  const std::string theirs = folder_ + "/theirs/ca.pem", key = folder_ + "/theirs/ca.key";
  make_ca_files({folder_ + "/theirs", "", {{"api.example.test"}, "theirs", 30}, ""}, now());
  EXPECT_NE(problem([&] { add_ca(files_, {{}, theirs, files_.key}, now()); }), "");
  EXPECT_NE(problem([&] {
              add_ca(files_, {{}, files_.certificate, files_.key}, now());
            }).find("is in use"),
            std::string::npos);
  EXPECT_EQ(content(files_.certificate), old_);
  add_ca(files_, {{}, theirs, key}, now());
  switch_ca(files_, now());
  EXPECT_NE(signing().find("veilwire theirs"), std::string::npos);
}

TEST_F(Rotation, RefusesWhatWouldLeaveNothingThatSigns) {
  EXPECT_NE(problem([&] { switch_ca(files_, now()); }).find("no other CA"), std::string::npos);
  add();
  EXPECT_NE(problem([&] { add("third"); }).find("already"), std::string::npos);
  const WallTime later{now().since_epoch + std::chrono::days(31)};
  EXPECT_NE(problem([&] { switch_ca(files_, later); }).find("expired"), std::string::npos);
  EXPECT_NE(signing().find("veilwire old"), std::string::npos);
}

TEST_F(Rotation, TheOldIsNotDroppedWhileTheSignerStillSignsWithIt) {
  add();
  const auto digest = [this] {
    return crypto::hex_encode(crypto::sha256(load_authorities(files_).signing.certificate_der()));
  };
  const std::string before = digest();
  switch_ca(files_, now());
  EXPECT_NE(problem([&] { drop_ca(files_, before); }).find("systemctl reload"), std::string::npos);
  EXPECT_TRUE(fs::exists(files_.other_key()));
  drop_ca(files_, digest());
}

// Each step of a rotation is one change of one file: what lies between two of them is made here.
TEST_F(Rotation, GoesOnAfterACrashBetweenTwoFiles) {
  // add: the key is there, the certificate is not.
  add();
  const std::string both = content(files_.certificate);
  host::replace(files_.certificate, old_, 0644);
  EXPECT_NE(signing().find("veilwire old"), std::string::npos);
  EXPECT_NE(problem([&] { switch_ca(files_, now()); }).find("no other CA"), std::string::npos);
  drop_ca(files_, "");
  EXPECT_FALSE(fs::exists(files_.other_key()));

  // switch: the keys have changed places, the certificates have not.
  add("newer");
  const std::string order = content(files_.certificate);
  switch_ca(files_, now());
  host::replace(files_.certificate, order, 0644);
  EXPECT_NE(signing().find("veilwire newer"), std::string::npos) << "the key says which";

  // drop: the certificate has gone, the key has not.
  host::replace(files_.certificate, anchor_of(files_, false), 0644);
  drop_ca(files_, "");
  EXPECT_FALSE(fs::exists(files_.other_key()));
  EXPECT_NE(signing().find("veilwire newer"), std::string::npos);
}

}  // namespace
}  // namespace veilwire::signer
