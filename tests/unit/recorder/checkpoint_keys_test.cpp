#include "agent/recorder/checkpoint_keys.h"

#include "tests/unit/recorder/ledger_fixture.h"

#include <fstream>

#include <sys/stat.h>

namespace veilwire::recorder {
namespace {

std::string spelled(const proof::NoteSigner& key) { return key.verifier().to_string(); }

class CheckpointKeysTest : public testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "checkpoint.key";
  const CheckpointKeys keys_{path_};
};

TEST_F(CheckpointKeysTest, MakesOneOnceAndForItsOwnerAlone) {
  EXPECT_THROW((void)keys_.current("log"), std::runtime_error);
  keys_.prepare();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const std::string first = spelled(keys_.current("log"));
  keys_.prepare();
  EXPECT_EQ(spelled(keys_.current("log")), first);
  EXPECT_TRUE(first.starts_with("log+"));
}

TEST_F(CheckpointKeysTest, TakesTheNextOneWhenItIsTold) {
  keys_.prepare();
  EXPECT_FALSE(keys_.next("log"));
  keys_.make_next();
  EXPECT_THROW(keys_.make_next(), std::runtime_error);
  const std::string next = spelled(*keys_.next("log"));
  EXPECT_NE(spelled(keys_.current("log")), next);
  keys_.take_next();
  EXPECT_EQ(spelled(keys_.current("log")), next);
  EXPECT_FALSE(keys_.next("log"));
}

TEST_F(CheckpointKeysTest, RefusesWhatIsNoKeyOrCanBeReadByOthers) {
  std::ofstream(path_) << "not a key";
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_THROW((void)keys_.current("log"), std::runtime_error);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  keys_.prepare();
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  EXPECT_THROW((void)keys_.current("log"), std::runtime_error);
}

}  // namespace
}  // namespace veilwire::recorder
