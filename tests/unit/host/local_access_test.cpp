#include "agent/host/local_access.h"

#include "agent/host/local_socket.h"

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

class LocalAccess : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
    std::string folder = ::testing::TempDir() + "local-access-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
    listener_ = listen_local(socket(), 0600);
    ASSERT_EQ(::chown(socket().c_str(), kOwner, kOwner), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string socket() const { return folder_ + "/socket"; }
  // 0, or why the connect of a process of this user and group fails.
  int connect_as(uid_t user, gid_t group) const {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 ||
          ::setresuid(user, user, user) != 0)
        ::_exit(255);
      const auto fd = connect_local(socket(), true);
      ::_exit(fd ? 0 : fd.error());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  static constexpr uid_t kOwner = 64002, kProxy = 64001, kOther = 64003, kStranger = 64101;
  std::string folder_;
  UniqueFd listener_;
};

TEST_F(LocalAccess, IsForTheNamedUsersTheOwnerAndRoot) {
  ASSERT_TRUE(let_connect(socket(), {kProxy, kOther}));
  EXPECT_EQ(connect_as(kProxy, kProxy), 0);
  EXPECT_EQ(connect_as(kOther, kStranger), 0);
  EXPECT_EQ(connect_as(kOwner, kOwner), 0);
  EXPECT_EQ(connect_as(0, 0), 0);
  EXPECT_EQ(connect_as(kStranger, kStranger), EACCES);
  EXPECT_EQ(connect_as(kStranger, kOwner), EACCES) << "nor for the owner's group";
}

TEST_F(LocalAccess, NobodyNamedIsNobodyElse) {
  ASSERT_TRUE(let_connect(socket(), {}));
  EXPECT_EQ(connect_as(kOwner, kOwner), 0);
  EXPECT_EQ(connect_as(kProxy, kProxy), EACCES);
}

TEST_F(LocalAccess, ReadersOfAStatusAreNamedAndNobodyElseIsLetIn) {
  let_ask(socket(), {});
  EXPECT_EQ(connect_as(kProxy, kProxy), EACCES);
  let_ask(socket(), {"64001:64001"});
  EXPECT_EQ(connect_as(kProxy, kProxy), 0);
  EXPECT_EQ(connect_as(kStranger, kStranger), EACCES);
  EXPECT_THROW(let_ask(socket(), {"no-such-user-here"}), std::exception);
}

TEST_F(LocalAccess, SaysWhenItCannotBeGiven) {
  const auto given = let_connect(folder_ + "/none", {kProxy});
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error(), ENOENT);
}

}  // namespace
}  // namespace veilwire::host
