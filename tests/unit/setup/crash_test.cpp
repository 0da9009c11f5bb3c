// Set-up and undo die before everything that they change on the disk, one point after the other, in
// processes of their own that end without a word. Then undoing gives what was there before, to the
// byte, and going on gives what an undisturbed set-up gives.
#include "agent/setup/apply.h"
#include "agent/setup/undo.h"
#include "tests/unit/setup/world.h"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::setup {
namespace {

constexpr int kDied = 42;

// A system that knows units, in a file.
RunTool fake_systemctl(const World& world) {
  return [&world](const std::vector<std::string>& command) {
    if (command.at(1) == "start") world.write("running", "");
    if (command.at(1) == "stop") std::filesystem::remove(world.at("running"));
    return ToolResult{0, {}};
  };
}

std::unique_ptr<World> fresh() {
  auto world = std::make_unique<World>();
  world->write("etc/theirs", "theirs", 0640);
  std::filesystem::create_symlink("theirs", world->at("etc/link"));
  world->write("etc/shipped", "shipped");
  return world;
}

Hands hands_of(const World& world, Disk& disk, Journal& journal) {
  return {disk, journal, fake_systemctl(world), false, {}};
}

void set_up(const World& world, Disk& disk) {
  Journal journal(world.at("journal"), disk);
  Planner planner(journal, true);
  const Planner::Owner us{::geteuid(), ::getegid()};
  planner.file(world.at("etc/theirs"), Secret("ours"), 0600, us, "replaced");
  planner.file(world.at("etc/link"), Secret("ours"), 0644, us, "replaced link");
  planner.file(world.at("etc/shipped"), Secret("changed"), 0644, us, "shipped");
  planner.folder(world.at("var/lib/private"), 0750, us);
  planner.file(world.at("var/lib/private/key"), Secret("key"), 0400, us, "key");
  planner.file(world.at("etc/new"), Secret("new"), 0644, us, "new");
  UnitRecord unit;
  unit.unit = "veilwire.target";
  unit.active = exists(world.at("running"));
  unit.enabled = unit.active;
  planner.units({unit}, false, false);
  apply(planner.take(), hands_of(world, disk, journal));
}

void take_back(const World& world, Disk& disk) {
  Journal journal(world.at("journal"), disk);
  if (!journal.empty()) undo({}, hands_of(world, disk, journal));
}

// false: it was through before that point.
bool dies_at(int point, const std::function<void(Disk&)>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int passed = 0;
    Disk disk([&] {
      if (++passed == point) ::_exit(kDied);
    });
    try {
      work(disk);
    } catch (const std::exception& e) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kDied))
      << point << ": " << status;
  return WIFEXITED(status) && WEXITSTATUS(status) == kDied;
}

std::map<std::string, PathState> without_journal(const World& world) {
  auto tree = world.tree();
  std::erase_if(tree, [](const auto& entry) { return entry.first.starts_with("journal"); });
  return tree;
}

TEST(Crash, ASetUpThatDiedAnywhereIsUndoneOrGoneOnWith) {
  const auto model = fresh();
  const auto before = model->tree();
  Disk disk;
  set_up(*model, disk);
  const auto finished = without_journal(*model);
  ASSERT_EQ(finished.at("var/lib/private").mode, 0750u);
  ASSERT_TRUE(finished.contains("running"));
  int point = 1;
  for (bool died = true; died; ++point) {
    const auto undone = fresh(), continued = fresh();
    died = dies_at(point, [&](Disk& dying) { set_up(*undone, dying); });
    ASSERT_EQ(died, dies_at(point, [&](Disk& dying) { set_up(*continued, dying); }));
    take_back(*undone, disk);
    EXPECT_EQ(without_journal(*undone), before) << "undone after dying at " << point;
    set_up(*continued, disk);
    EXPECT_EQ(without_journal(*continued), finished) << "gone on with after dying at " << point;
    take_back(*continued, disk);
    EXPECT_EQ(continued->tree(), before) << "undone after going on from " << point;
  }
  EXPECT_GT(point, 40);
}

TEST(Crash, AnUndoThatDiedAnywhereIsGoneOnWithOrSetUpAgain) {
  const auto model = fresh();
  const auto before = model->tree();
  Disk disk;
  set_up(*model, disk);
  const auto finished = without_journal(*model);
  int point = 1;
  for (bool died = true; died; ++point) {
    const auto undone = fresh(), again = fresh();
    set_up(*undone, disk);
    died = dies_at(point, [&](Disk& dying) { take_back(*undone, dying); });
    take_back(*undone, disk);
    EXPECT_EQ(without_journal(*undone), before) << "undone after dying at " << point;
    set_up(*again, disk);
    dies_at(point, [&](Disk& dying) { take_back(*again, dying); });
    set_up(*again, disk);
    EXPECT_EQ(without_journal(*again), finished) << "set up again after dying at " << point;
    take_back(*again, disk);
    EXPECT_EQ(without_journal(*again), before) << "undone after all, after dying at " << point;
  }
  EXPECT_GT(point, 20);
}

}  // namespace
}  // namespace veilwire::setup
