#include "agent/setup/disk.h"

#include "tests/unit/setup/world.h"

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

using Kind = PathState::Kind;

TEST(Disk, SaysWhatStandsAtAPath) {
  const World world;
  world.write("file", "bytes", 0640);
  std::filesystem::create_symlink("nowhere", world.at("link"));
  EXPECT_EQ(look(world.at("file")), file_state("bytes", 0640, ::geteuid(), ::getegid()));
  EXPECT_EQ(look(world.at("link")).kind, Kind::Link);
  EXPECT_EQ(look(world.at("link")).content, "nowhere");
  EXPECT_EQ(look(world.folder()).kind, Kind::Folder);
  EXPECT_EQ(look(world.at("none")).kind, Kind::Absent);
  EXPECT_EQ(look(world.at("file/below")).kind, Kind::Absent);
  EXPECT_THROW((void)read_file(world.at("link")), std::runtime_error);
}

TEST(Disk, ReplacesALinkAndNotWhatItLeadsTo) {
  const World world;
  world.write("target", "theirs");
  std::filesystem::create_symlink(world.at("target"), world.at("link"));
  Disk().put_file(world.at("link"), "ours", 0600, ::geteuid(), ::getegid());
  EXPECT_EQ(world.read("target"), "theirs");
  EXPECT_EQ(look(world.at("link")), file_state("ours", 0600, ::geteuid(), ::getegid()));
}

TEST(Disk, WhatADeadRunHasLeftIsInNobodysWay) {
  const World world;
  world.write("file.veilwire-setup", "half");
  Disk().put_file(world.at("file"), "whole", 0644, ::geteuid(), ::getegid());
  EXPECT_EQ(world.tree().size(), 1u);
  EXPECT_EQ(world.read("file"), "whole");
}

TEST(Disk, SetsAsideUnderANameThatIsFree) {
  const World world;
  world.write("file", "a");
  world.write("file.kept", "older");
  EXPECT_EQ(Disk().set_aside(world.at("file")), world.at("file.kept2"));
  EXPECT_EQ(world.read("file.kept"), "older");
  EXPECT_EQ(world.read("file.kept2"), "a");
}

TEST(Disk, AFolderGoesOnlyWhileNothingIsInIt) {
  const World world;
  world.write("folder/file", "");
  EXPECT_FALSE(Disk().remove_folder(world.at("folder")));
  Disk().remove_file(world.at("folder/file"));
  EXPECT_TRUE(Disk().remove_folder(world.at("folder")));
  EXPECT_TRUE(world.tree().empty());
}

}  // namespace
}  // namespace veilwire::setup
