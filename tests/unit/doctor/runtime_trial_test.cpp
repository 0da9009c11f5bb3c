// Each runtime of this machine is shown a certificate of a CA that it cannot know, and says so;
// node is told of it, and takes it. That the others take what is in the system's store is shown by
// tests/e2e/doctor_test.py.
#include "agent/doctor/runtime_trial.h"

#include "agent/doctor/foreign_program.h"
#include "agent/host/clock.h"
#include "tests/unit/ctl/scratch_folder.h"
#include "userspace/wire/leaf_cert.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

class RuntimeTrialTest : public ::testing::Test {
 protected:
  RuntimeTrialTest() : key_(crypto::PrivateKey::generate()) {
    const WallTime now = host::now().wall;
    const WallTime before{now.since_epoch - hours(1)}, after{now.since_epoch + hours(24)};
    auto ca = wire::make_ca({.label = "test",
                             .hosts = {"api.example.com"},
                             .not_before = before,
                             .not_after = after,
                             .serial = "12345678"});
    const auto authority =
        wire::CertificateAuthority::load(ca->certificate_pem, ca->key_pem.reveal());
    const std::string spki = key_.public_der();
    const auto leaf = authority->make_leaf({.name = "api.example.com",
                                            .spki = spki,
                                            .not_before = before,
                                            .not_after = after,
                                            .serial = "23456789"});
    ca_pem_ = ca->certificate_pem;
    shown_ = {.host = "api.example.com", .chain = {leaf->der}, .key = &key_};
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  }
  std::string program(const char* name) {
    const std::string path = find_program({name}, {"/usr/bin"});
    if (path.empty()) ADD_FAILURE() << "install " << name;
    return path;
  }

  crypto::PrivateKey key_;
  std::string ca_pem_;
  ShownCertificate shown_;
};

TEST_F(RuntimeTrialTest, PythonRefusesWhatItDoesNotKnowAndSaysWhy) {
  const RuntimeTrial trial = try_python(program("python3"), shown_);
  EXPECT_EQ(trial.trust, Trust::Refuses);
  EXPECT_THAT(trial.said, HasSubstr("unable to get local issuer certificate"));
}

TEST_F(RuntimeTrialTest, OpensslRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(try_openssl(program("openssl"), shown_).trust, Trust::Refuses);
}

TEST_F(RuntimeTrialTest, NodeTakesWhatItIsToldOfAndNothingElse) {
  const testing::ScratchFolder folder;
  std::filesystem::permissions(folder / "", std::filesystem::perms{0755});
  const std::string node = program("node");
  const RuntimeTrial told = try_node(node, shown_, folder.write("ca.pem", ca_pem_));
  EXPECT_EQ(told.trust, Trust::Accepts) << told.said;
  const RuntimeTrial untold = try_node(node, shown_, folder / "none.pem");
  EXPECT_EQ(untold.trust, Trust::Refuses);
  EXPECT_THAT(untold.said, HasSubstr("VERIFY"));
}

TEST_F(RuntimeTrialTest, ACertificateForAnotherNameIsRefused) {
  const testing::ScratchFolder folder;
  std::filesystem::permissions(folder / "", std::filesystem::perms{0755});
  shown_.host = "other.example.com";
  EXPECT_EQ(try_node(program("node"), shown_, folder.write("ca.pem", ca_pem_)).trust,
            Trust::Refuses);
}

TEST_F(RuntimeTrialTest, JavasStoreIsSearchedByDigest) {
  const testing::ScratchFolder folder;
  std::filesystem::permissions(folder / "", std::filesystem::perms{0755});
  const std::string keytool =
      folder.write("keytool", "#!/bin/sh\necho 'Certificate fingerprint (SHA-256): AB:CD:EF'\n");
  std::filesystem::permissions(keytool, std::filesystem::perms{0755});
  EXPECT_EQ(try_java(keytool, {"abcdef"}).trust, Trust::Accepts);
  EXPECT_EQ(try_java(keytool, {"abcdee"}).trust, Trust::Refuses);
  const RuntimeTrial broken = try_java("/bin/false", {"abcdef"});
  EXPECT_EQ(broken.trust, Trust::NotAsked);
}

TEST_F(RuntimeTrialTest, ARuntimeThatSaysNothingIsNotTakenForOneThatAccepts) {
  EXPECT_EQ(try_python("/bin/true", shown_).trust, Trust::NotAsked);
  EXPECT_EQ(try_node("/nonexistent", shown_, "").trust, Trust::NotAsked);
}

}  // namespace
}  // namespace veilwire::doctor
