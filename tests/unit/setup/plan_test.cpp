#include "agent/setup/plan.h"

#include "tests/unit/setup/world.h"

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

const Planner::Owner kUs{::geteuid(), ::getegid()};

struct Host {
  World world;
  Disk disk;
  Journal journal{world.at("journal"), disk};
  Plan plan(const std::string& text, bool replace = false,
            const std::vector<std::string>& shipped = {}) {
    Planner planner(journal, replace);
    planner.file(world.at("etc/file"), Secret(std::string(text)), 0644, kUs, "file", shipped);
    return planner.take();
  }
};

TEST(Plan, WhatIsThereAlreadyIsNoChange) {
  Host host;
  host.world.write("etc/file", "text");
  const Plan plan = host.plan("text");
  EXPECT_FALSE(plan.changes());
  EXPECT_EQ(plan.steps.size(), 1u);
}

TEST(Plan, MissingFoldersComeFirst) {
  Host host;
  Planner planner(host.journal, false);
  planner.file(host.world.at("a/b/file"), Secret("x"), 0644, kUs, "file");
  planner.file(host.world.at("a/b/other"), Secret("x"), 0644, kUs, "file");
  const Plan plan = planner.take();
  ASSERT_EQ(plan.steps.size(), 4u);
  EXPECT_EQ(plan.steps[0].path, host.world.at("a"));
  EXPECT_EQ(plan.steps[1].path, host.world.at("a/b"));
  EXPECT_EQ(plan.steps[1].kind, Step::Kind::Folder);
}

TEST(Plan, SomebodyElsesFileIsAConflictUnlessItMayBeReplaced) {
  Host host;
  host.world.write("etc/file", "theirs");
  EXPECT_EQ(host.plan("ours").conflicts.size(), 1u);
  EXPECT_TRUE(host.plan("ours", true).conflicts.empty());
  const std::string shipped = file_state("theirs", 0, 0, 0).content;
  EXPECT_TRUE(host.plan("ours", false, {shipped}).conflicts.empty());
}

TEST(Plan, WhatAnEarlierSetUpHasPutThereMayChange) {
  Host host;
  host.journal.will_change(host.world.at("etc/file"), {},
                           file_state("one", 0644, kUs.uid, kUs.gid));
  host.world.write("etc/file", "one");
  EXPECT_TRUE(host.plan("two").conflicts.empty());
  host.world.write("etc/file", "edited");
  EXPECT_EQ(host.plan("two").conflicts.size(), 1u);
}

TEST(Plan, WhatIsWantedNoMoreGoesWhereItIsOurs) {
  Host host;
  const std::string path = host.world.at("etc/file");
  host.world.write("etc/file", "one");
  Planner theirs(host.journal, false);
  EXPECT_FALSE(theirs.no_file(path, "file"));
  host.journal.will_change(path, {}, look(path));
  Planner ours(host.journal, false);
  EXPECT_TRUE(ours.no_file(path, "file"));
  host.world.write("etc/file", "edited");
  Planner edited(host.journal, false);
  EXPECT_FALSE(edited.no_file(path, "file"));
  EXPECT_EQ(edited.take().notes.size(), 1u);
}

TEST(Plan, AFolderInAFilesPlaceIsNeverReplaced) {
  Host host;
  std::filesystem::create_directories(host.world.at("etc/file"));
  EXPECT_EQ(host.plan("ours", true).conflicts.size(), 1u);
}

TEST(Plan, UnitsThatRunAreStartedAnewOnlyForWhatTheyHaveRead) {
  Host host;
  const auto step = [&](bool enabled, bool active, bool restart, bool offline) {
    Planner planner(host.journal, false);
    planner.units({{"veilwire.target", enabled, active}}, restart, offline);
    Plan plan = planner.take();
    return std::pair(plan.steps[0].needed, plan.steps[0].restart);
  };
  EXPECT_EQ(step(true, true, false, false), std::pair(false, false));
  EXPECT_EQ(step(true, true, true, false), std::pair(true, true));
  EXPECT_EQ(step(true, false, true, false), std::pair(true, false));
  EXPECT_EQ(step(true, false, false, true), std::pair(false, false));
  EXPECT_EQ(step(false, false, false, true), std::pair(true, false));
}

}  // namespace
}  // namespace veilwire::setup
