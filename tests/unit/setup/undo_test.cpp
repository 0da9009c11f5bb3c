#include "agent/setup/undo.h"

#include "tests/unit/setup/world.h"

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

const Planner::Owner kUs{::geteuid(), ::getegid()};

struct Host {
  World world;
  Disk disk;
  Journal journal{world.at("journal"), disk};
  std::vector<std::string> said, ran;
  bool active = false;

  Hands hands() {
    return {disk, journal,
            [this](const std::vector<std::string>& command) {
              std::string line;
              for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
              ran.push_back(line);
              return ToolResult{0, {}};
            },
            false, [this](const std::string& line) { said.push_back(line); }};
  }
  void set_up() {
    Planner planner(journal, true);
    planner.file(world.at("etc/file"), Secret("ours"), 0600, kUs, "file");
    planner.file(world.at("etc/made/new"), Secret("new"), 0644, kUs, "new");
    planner.units({{"veilwire.target", active, active}}, true, false);
    apply(planner.take(), hands());
  }
};

TEST(Undo, ForgetsNothingAndBringsBackModeAndBytes) {
  Host host;
  host.world.write("etc/file", "theirs", 0751);
  const auto before = host.world.tree();
  host.set_up();
  EXPECT_EQ(plan_undo(host.journal, {}).lines.size(), 4u);
  undo({}, host.hands());
  EXPECT_EQ(host.world.tree(), before);
}

TEST(Undo, AChangedOrVanishedFileIsAConflictAndKeptWhenForced) {
  Host host;
  host.world.write("etc/file", "theirs");
  host.set_up();
  host.world.write("etc/file", "edited");
  std::filesystem::remove(host.world.at("etc/made/new"));  // as it was before
  EXPECT_EQ(plan_undo(host.journal, {}).conflicts.size(), 1u);
  EXPECT_THROW(undo({}, host.hands()), std::runtime_error);
  UndoOptions options;
  options.force = true;
  undo(options, host.hands());
  EXPECT_EQ(host.world.read("etc/file"), "theirs");
  EXPECT_EQ(host.world.read("etc/file.kept"), "edited");
}

TEST(Undo, AFileOfTheirsThatHasVanishedIsAConflictToo) {
  Host host;
  host.world.write("etc/file", "theirs");
  host.set_up();
  std::filesystem::remove(host.world.at("etc/file"));
  const UndoPlan plan = plan_undo(host.journal, {});
  ASSERT_EQ(plan.conflicts.size(), 1u);
  EXPECT_NE(plan.conflicts[0].find("is gone"), std::string::npos);
}

TEST(Undo, AFolderStaysWhileSomethingOfOthersIsInIt) {
  Host host;
  host.set_up();
  host.world.write("etc/made/other", "");
  undo({}, host.hands());
  EXPECT_TRUE(exists(host.world.at("etc/made/other")));
  EXPECT_FALSE(exists(host.world.at("etc/made/new")));
}

TEST(Undo, KernelProgramsLeaveBeforeTheProxyEnds) {
  Host host;
  host.set_up();
  host.ran.clear();
  UndoOptions options;
  options.detach = {"veilwire-redirector", "detach"};
  undo(options, host.hands());
  EXPECT_EQ(host.ran, (std::vector<std::string>{
                          "veilwire-redirector detach", "systemctl stop veilwire.target",
                          "systemctl --quiet disable veilwire.target", "systemctl daemon-reload"}));
}

TEST(Undo, WhatRanBeforeSetUpGoesOn) {
  Host host;
  host.active = true;
  host.set_up();
  host.ran.clear();
  UndoOptions options;
  options.detach = {"veilwire-redirector", "detach"};
  undo(options, host.hands());
  EXPECT_EQ(host.ran, (std::vector<std::string>{"systemctl daemon-reload"}));
}

TEST(Undo, WhatIsToBeKeptStaysWhereItIs) {
  Host host;
  host.set_up();
  UndoOptions options;
  options.keep = {host.world.at("etc/made/new")};
  undo(options, host.hands());
  EXPECT_EQ(host.world.read("etc/made/new"), "new");
  EXPECT_FALSE(exists(host.world.at("etc/file")));
}

}  // namespace
}  // namespace veilwire::setup
