#include "agent/setup/journal.h"

#include "tests/unit/setup/world.h"

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

using Kind = PathState::Kind;

TEST(Journal, RemembersWhatWasThereFirstAndEverythingThatWasPutThere) {
  const World world;
  world.write("file", "theirs", 0640);
  const PathState before = look(world.at("file"));
  Disk disk;
  {
    Journal journal(world.at("journal"), disk);
    EXPECT_TRUE(journal.empty());
    journal.will_change(world.at("file"), before, file_state("one", 0644, 0, 0));
    disk.put_file(world.at("file"), "one", 0644, 0, 0);
    journal.will_change(world.at("file"), look(world.at("file")), file_state("two", 0644, 0, 0));
    journal.will_start({"veilwire.target", true, false});
    journal.will_start({"veilwire.target", true, true});  // that is our doing
  }
  const Journal journal(world.at("journal"), disk);
  const PathRecord* record = journal.find_path(world.at("file"));
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->before, before);
  EXPECT_EQ(record->after.size(), 2u);
  EXPECT_EQ(journal.bytes_before(record->before).reveal(), "theirs");
  ASSERT_NE(journal.find_unit("veilwire.target"), nullptr);
  EXPECT_FALSE(journal.find_unit("veilwire.target")->active);
  EXPECT_EQ(look(world.at("journal")).mode, 0700u);
}

TEST(Journal, ALineThatWasCutAnywhereHasNotBeenWritten) {
  const World world;
  Disk disk;
  {
    Journal journal(world.at("journal"), disk);
    journal.will_change(world.at("a"), {}, file_state("a", 0644, 0, 0));
    journal.will_change(world.at("b"), {}, file_state("b", 0644, 0, 0));
  }
  const std::string whole = world.read("journal/journal");
  const std::size_t first = whole.find('\n') + 1;
  for (std::size_t cut = first; cut < whole.size(); ++cut) {
    world.write("journal/journal", whole.substr(0, cut));
    {
      Journal journal(world.at("journal"), disk);
      EXPECT_EQ(journal.records().size(), 1u) << cut;
      journal.will_change(world.at("c"), {}, file_state("c", 0644, 0, 0));
    }
    const Journal again(world.at("journal"), disk);
    EXPECT_EQ(again.records().size(), 2u) << cut;
    EXPECT_NE(again.find_path(world.at("c")), nullptr) << cut;
  }
}

TEST(Journal, WhatCannotBeUnderstoodIsSaidWithItsPlace) {
  const World world;
  Disk disk;
  std::filesystem::create_directory(world.at("journal"));
  world.write("journal/journal", "{\"path\": 7}\n");
  try {
    const Journal journal(world.at("journal"), disk);
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("journal/journal: byte 0"), std::string::npos) << e.what();
  }
}

TEST(Journal, TwoSetUpsDoNotRunAtOnceAndAFolderOfOthersIsNotTrusted) {
  const World world;
  Disk disk;
  Journal one(world.at("journal"), disk);
  one.will_start({"a", false, false});
  EXPECT_THROW(Journal(world.at("journal"), disk), std::runtime_error);
  std::filesystem::create_directory(world.at("open"));
  std::filesystem::permissions(world.at("open"), std::filesystem::perms::all);
  EXPECT_THROW(Journal(world.at("open"), disk), std::runtime_error);
}

TEST(Journal, ErasedItLeavesNothingButAMarkThatWasAskedFor) {
  const World world;
  world.write("file", "theirs");
  Disk disk;
  for (const std::string mark : {"", "undone"}) {
    Journal journal(world.at("journal"), disk);
    journal.will_change(world.at("file"), look(world.at("file")), {});
    journal.mark_done("done");
    journal.erase(mark);
    EXPECT_TRUE(journal.empty());
    EXPECT_EQ(exists(world.at("journal")), !mark.empty());
    EXPECT_EQ(exists(world.at("journal/journal")), false);
  }
  EXPECT_EQ(world.read("journal/done"), "undone");
}

TEST(Journal, AStoreIsRememberedAsItWasBeforeTheToolFirstRan) {
  const World world;
  world.write("store/a", "a");
  Disk disk;
  Journal journal(world.at("journal"), disk);
  const Tree before = tree_of({world.at("store")});
  journal.will_run("debian", "sources", before);
  EXPECT_FALSE(journal.find_store("debian")->after);
  world.write("store/a", "b");
  journal.has_run("debian", "anchor", tree_of({world.at("store")}));
  journal.will_run("debian", "others", tree_of({world.at("store")}));
  const StoreRecord* record = journal.find_store("debian");
  EXPECT_EQ(record->before, before);
  EXPECT_EQ(record->sources, "sources");
  EXPECT_FALSE(record->after);
  EXPECT_EQ(journal.bytes_before(before.at(world.at("store/a"))).reveal(), "a");
}

}  // namespace
}  // namespace veilwire::setup
