#include "agent/doctor/files_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using testing::HasSubstr;
using Kind = FileFacts::Kind;

FileFacts file(Kind kind, mode_t mode, uid_t uid) {
  FileFacts facts;
  facts.path = "/some/file";
  facts.kind = kind;
  facts.owner = kind == Kind::Decides ? "" : "veilwire";
  facts.exists = true;
  facts.mode = mode;
  facts.uid = uid;
  if (kind != Kind::Decides) facts.owner_uid = 64001;
  return facts;
}

Findings check(const FileFacts& facts) {
  Findings found = check_files({facts});
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

TEST(FilesCheck, WhatIsAsItShouldBeIsOk) {
  EXPECT_TRUE(all_ok(check_files({file(Kind::Key, 0400, 64001), file(Kind::Key, 0600, 0),
                                  file(Kind::Folder, 0700, 64001), file(Kind::Decides, 0644, 0)})));
}

TEST(FilesCheck, AKeyThatOthersReadIsCriticalAndItsModeIsSaid) {
  const Findings found = check(file(Kind::Key, 0644, 64001));
  EXPECT_EQ(severity_of(found, "key-mode"), Severity::Critical);
  EXPECT_THAT(finding_of(found, "key-mode").is, HasSubstr("0644"));
  EXPECT_EQ(severity_of(check(file(Kind::Key, 0440, 64001)), "key-mode"), Severity::Critical);
  EXPECT_EQ(severity_of(check(file(Kind::Folder, 0711, 64001)), "key-mode"), Severity::Critical);
}

TEST(FilesCheck, WhatDecidesMayBeReadByAllAndWrittenByRootAlone) {
  EXPECT_EQ(severity_of(check(file(Kind::Decides, 0664, 0)), "config-mode"), Severity::Critical);
  EXPECT_EQ(severity_of(check(file(Kind::Decides, 0644, 64001)), "config-owner"),
            Severity::Critical);
}

TEST(FilesCheck, AKeyOfSomebodyElseIsCriticalAlsoWhereItsUserIsNotThere) {
  EXPECT_EQ(severity_of(check(file(Kind::Key, 0400, 7)), "key-owner"), Severity::Critical);
  FileFacts facts = file(Kind::Key, 0400, 64001);
  facts.owner_uid = std::nullopt;
  EXPECT_EQ(severity_of(check(facts), "key-owner"), Severity::Critical);
}

TEST(FilesCheck, OneThatIsNeededAndMissingIsCriticalAndOneThatIsNotSeenIsUnseen) {
  FileFacts facts = file(Kind::Key, 0400, 64001);
  facts.exists = false;
  EXPECT_EQ(severity_of(check(facts), "file-missing"), Severity::Critical);
  facts.needed = false;
  EXPECT_TRUE(all_ok(check(facts)));
  facts.problem = "Permission denied";
  EXPECT_EQ(severity_of(check(facts), "files"), Severity::Unseen);
}

}  // namespace
}  // namespace veilwire::doctor
