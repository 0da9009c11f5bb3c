#include "userspace/identity/save_plan.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using Rest = SavePlan::Rest;

TEST(SavePlan, WithoutAChangeThereIsNothingToWrite) {
  const SavePlan plan;
  EXPECT_FALSE(plan.due());
  EXPECT_EQ(plan.rest(plan.last()), Rest::Written);
}

TEST(SavePlan, AChangeIsAtRestOnceItsWriteHasEnded) {
  SavePlan plan;
  const auto change = plan.changed();
  EXPECT_TRUE(plan.due());
  plan.begin();
  EXPECT_FALSE(plan.due());
  EXPECT_EQ(plan.rest(change), Rest::Waiting);
  plan.ended(true);
  EXPECT_EQ(plan.rest(change), Rest::Written);
  EXPECT_FALSE(plan.due());
}

TEST(SavePlan, ChangesDuringAWriteShareTheNext) {
  SavePlan plan;
  const auto first = plan.changed();
  plan.begin();
  const auto second = plan.changed();
  const auto third = plan.changed();
  EXPECT_FALSE(plan.due());
  plan.ended(true);
  EXPECT_EQ(plan.rest(first), Rest::Written);
  EXPECT_EQ(plan.rest(second), Rest::Waiting);
  EXPECT_TRUE(plan.due());
  plan.begin();
  plan.ended(true);
  EXPECT_EQ(plan.rest(second), Rest::Written);
  EXPECT_EQ(plan.rest(third), Rest::Written);
  EXPECT_FALSE(plan.due());
}

TEST(SavePlan, AWriteThatFailsLeavesWhatWasAtRest) {
  SavePlan plan;
  const auto first = plan.changed();
  plan.begin();
  plan.ended(true);
  const auto second = plan.changed();
  plan.begin();
  plan.ended(false);
  EXPECT_EQ(plan.rest(first), Rest::Written);
  EXPECT_EQ(plan.rest(second), Rest::Failed);
  EXPECT_FALSE(plan.due());  // in vain, until there is something new
  const auto third = plan.changed();
  EXPECT_TRUE(plan.due());
  plan.begin();
  plan.ended(true);
  EXPECT_EQ(plan.rest(second), Rest::Written);
  EXPECT_EQ(plan.rest(third), Rest::Written);
}

// Every order of changes, begins and ends of some length, beside a list of what each write had.
TEST(SavePlan, IsAsAListOfWritesSays) {
  constexpr int kSteps = 9;
  for (int word = 0; word < 19'683; ++word) {  // 3^9
    SavePlan plan;
    SavePlan::Change changes = 0, had = 0, written = 0, tried = 0;
    bool under_way = false;
    for (int step = 0, rest = word; step < kSteps; ++step, rest /= 3) {
      if (rest % 3 == 0) {
        ASSERT_EQ(plan.changed(), ++changes);
      } else if (!under_way) {
        ASSERT_EQ(plan.due(), tried < changes);
        if (!plan.due()) continue;
        plan.begin();
        under_way = true;
        had = changes;
      } else {
        const bool success = rest % 3 == 1;
        plan.ended(success);
        under_way = false;
        tried = had;
        if (success) written = had;
      }
      for (SavePlan::Change change = 1; change <= changes; ++change)
        ASSERT_EQ(plan.rest(change), change <= written ? Rest::Written
                                     : change <= tried ? Rest::Failed
                                                       : Rest::Waiting);
    }
  }
}

}  // namespace
}  // namespace veilwire::identity
