#include "agent/credentials/secret_file.h"

#include "tests/unit/credentials/folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::credentials {
namespace {

std::string why(const Result<Secret, std::string>& result) {
  return result ? "read: " + std::string(result->reveal()) : result.error();
}

TEST(SecretFile, IsReadAnewWithoutItsLineEnd) {
  const Folder folder;
  const std::string path = folder.write("key", "first\n", 0400);
  EXPECT_EQ(why(read_secret_file(path)), "read: first");
  folder.write("key", "second", 0400);
  EXPECT_EQ(why(read_secret_file(path)), "read: second");
  folder.write("key", "third\r\n", 0400);
  EXPECT_EQ(why(read_secret_file(path)), "read: third");
}

TEST(SecretFile, IsNotTakenWhereOthersCanReadOrWriteIt) {
  const Folder folder;
  for (const mode_t mode : {0440U, 0600U, 0640U})
    EXPECT_EQ(why(read_secret_file(folder.write("key", "k", mode))), "read: k");
  EXPECT_NE(why(read_secret_file(folder.write("key", "k", 0444))).find("read by everybody"),
            std::string::npos);
  EXPECT_NE(why(read_secret_file(folder.write("key", "k", 0620))).find("writable by group"),
            std::string::npos);
  EXPECT_NE(why(read_secret_file(folder.path)).find("not a regular file"), std::string::npos);
  if (::geteuid() != 0) return;
  const std::string path = folder.write("key", "k", 0400);
  ASSERT_EQ(::chown(path.c_str(), 12345, 0), 0);
  EXPECT_NE(why(read_secret_file(path)).find("belongs to uid 12345"), std::string::npos);
  folder.write("key", "k", 0440);
  ASSERT_EQ(::chown(path.c_str(), 0, 12345), 0);
  EXPECT_NE(why(read_secret_file(path)).find("by the group 12345"), std::string::npos);
}

TEST(SecretFile, HoldsOneLineAndSaysNothingOfItWhenItDoesNot) {
  const Folder folder;
  for (const std::string& bad :
       {std::string("sekret\nx-other: y\n"), std::string("sekret\xff"), std::string(9000, 's')}) {
    const std::string reason = why(read_secret_file(folder.write("key", bad, 0400)));
    EXPECT_NE(reason.find("is no credential"), std::string::npos);
    EXPECT_EQ(reason.find("sek"), std::string::npos);
  }
  EXPECT_EQ(why(read_secret_file(folder.write("key", "\n", 0400))), "is empty");
  EXPECT_EQ(why(read_secret_file(folder.path + "/none")), "No such file or directory");
}

}  // namespace
}  // namespace veilwire::credentials
