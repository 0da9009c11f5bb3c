#include "agent/identity/lookups.h"

#include "tests/unit/identity/fake_source.h"

#include <semaphore>

#include <gtest/gtest.h>

namespace veilwire::agent_identity {
namespace {

using host::protocol::KnownPerson;
using host::protocol::NobodyKnown;

Monotonic at(int milliseconds) { return {std::chrono::milliseconds(milliseconds)}; }

identity::Peer peer(std::uint32_t uid) {
  identity::Peer p;
  p.uid = uid;
  return p;
}

std::string name_of(const Who& who) {
  if (const auto* known = std::get_if<KnownPerson>(&who)) return known->person.name;
  return "refused: " + std::get<NobodyKnown>(who).reason;
}

class LookupsTest : public ::testing::Test {
 protected:
  Lookups make(LookupLimits limits = {}) {
    return Lookups(source_, limits, [this] { woken_.release(); });
  }
  // Blocks until the source has answered n questions, then collects.
  std::vector<Answered> collect(Lookups& lookups, int n, Monotonic now) {
    for (int i = 0; i < n; ++i) woken_.acquire();
    return lookups.collect(now);
  }
  std::shared_ptr<FakeSource> source_ = std::make_shared<FakeSource>();
  std::counting_semaphore<> woken_{0};
};

TEST_F(LookupsTest, TheFirstQuestionGoesToTheSourceAndTheNextIsAnsweredFromTheCache) {
  Lookups lookups = make();
  EXPECT_FALSE(lookups.ask(peer(1), {10, 100}, at(0)));
  const auto answered = collect(lookups, 1, at(5));
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].ticket.connection, 10U);
  EXPECT_EQ(answered[0].ticket.question, 100U);
  EXPECT_EQ(name_of(answered[0].who), "user1");
  const auto again = lookups.ask(peer(1), {10, 101}, at(6));
  ASSERT_TRUE(again);
  EXPECT_EQ(name_of(*again), "user1");
  EXPECT_EQ(source_->asked(1), 1);
}

TEST_F(LookupsTest, ACachedAnswerIsValidForWhatIsLeftAndThenAskedForAnew) {
  Lookups lookups = make();
  source_->set_groups(1, {"old"});
  ASSERT_FALSE(lookups.ask(peer(1), {}, at(0)));
  static_cast<void>(collect(lookups, 1, at(0)));
  source_->set_groups(1, {"new"});
  const auto cached = lookups.ask(peer(1), {}, at(29'000));
  ASSERT_TRUE(cached);
  EXPECT_EQ(std::get<KnownPerson>(*cached).valid_for, std::chrono::milliseconds(1000));
  EXPECT_EQ(std::get<KnownPerson>(*cached).person.groups, std::vector<std::string>{"old"});
  EXPECT_FALSE(lookups.ask(peer(1), {}, at(30'000)));
  const auto anew = collect(lookups, 1, at(30'001));
  ASSERT_EQ(anew.size(), 1U);
  EXPECT_EQ(std::get<KnownPerson>(anew[0].who).person.groups, std::vector<std::string>{"new"});
}

TEST_F(LookupsTest, ASlowAnswerHoldsUpNobodyElse) {
  Lookups lookups = make();
  source_->hold(1);
  EXPECT_FALSE(lookups.ask(peer(1), {1, 1}, at(0)));
  source_->wait_until_asked(1);
  EXPECT_FALSE(lookups.ask(peer(2), {1, 2}, at(1)));
  const auto answered = collect(lookups, 1, at(2));
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].ticket.question, 2U);
  EXPECT_EQ(lookups.open(), 1U);
  source_->answer(1);
  const auto slow = collect(lookups, 1, at(3));
  ASSERT_EQ(slow.size(), 1U);
  EXPECT_EQ(name_of(slow[0].who), "user1");
}

TEST_F(LookupsTest, QuestionsAboutOneUserShareOneLookUp) {
  Lookups lookups = make();
  source_->hold(1);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_FALSE(lookups.ask(peer(1), {i, i}, at(0)));
  source_->answer(1);
  EXPECT_EQ(collect(lookups, 1, at(1)).size(), 5U);
  EXPECT_EQ(source_->asked(1), 1);
  EXPECT_EQ(lookups.open(), 0U);
}

TEST_F(LookupsTest, WhoWaitsTooLongIsRefusedAndTheLateAnswerIsKeptForTheNext) {
  Lookups lookups = make();
  source_->hold(1);
  EXPECT_FALSE(lookups.ask(peer(1), {1, 1}, at(0)));
  EXPECT_FALSE(lookups.ask(peer(1), {1, 2}, at(4000)));
  EXPECT_EQ(lookups.next_deadline(), at(10'000));
  EXPECT_TRUE(lookups.collect(at(9'999)).empty());
  const auto late = lookups.collect(at(10'000));
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].ticket.question, 1U);
  EXPECT_TRUE(std::holds_alternative<NobodyKnown>(late[0].who));
  EXPECT_EQ(lookups.next_deadline(), at(14'000));
  source_->answer(1);
  EXPECT_EQ(collect(lookups, 1, at(11'000)).size(), 1U);
  EXPECT_FALSE(lookups.next_deadline());
  EXPECT_EQ(name_of(*lookups.ask(peer(1), {1, 3}, at(11'001))), "user1");
}

TEST_F(LookupsTest, ARefusalIsRememberedForAShorterTime) {
  Lookups lookups = make();
  source_->forget(1);
  EXPECT_FALSE(lookups.ask(peer(1), {}, at(0)));
  EXPECT_EQ(name_of(collect(lookups, 1, at(0))[0].who), "refused: unknown");
  EXPECT_TRUE(lookups.ask(peer(1), {}, at(4'999)));
  EXPECT_FALSE(lookups.ask(peer(1), {}, at(5'000)));
  static_cast<void>(collect(lookups, 1, at(5'001)));
}

TEST_F(LookupsTest, OpenQuestionsAreBounded) {
  LookupLimits limits;
  limits.waiting = 2;
  Lookups lookups = make(limits);
  source_->hold(1);
  EXPECT_FALSE(lookups.ask(peer(1), {1, 1}, at(0)));
  EXPECT_FALSE(lookups.ask(peer(1), {2, 2}, at(0)));
  const auto refused = lookups.ask(peer(3), {3, 3}, at(0));
  ASSERT_TRUE(refused);
  EXPECT_TRUE(std::holds_alternative<NobodyKnown>(*refused));
  lookups.forget(1);
  EXPECT_EQ(lookups.open(), 1U);
  EXPECT_FALSE(lookups.ask(peer(3), {3, 3}, at(0)));
  const auto quick = collect(lookups, 1, at(1));
  ASSERT_EQ(quick.size(), 1U);
  source_->answer(1);
  const auto rest = collect(lookups, 1, at(1));
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].ticket.connection, 2U);
}

TEST_F(LookupsTest, TheCacheIsBoundedAndRunningQuestionsAreNotEvicted) {
  LookupLimits limits;
  limits.entries = 2;
  Lookups lookups = make(limits);
  EXPECT_FALSE(lookups.ask(peer(1), {}, at(0)));
  static_cast<void>(collect(lookups, 1, at(0)));
  source_->hold(2);
  EXPECT_FALSE(lookups.ask(peer(2), {}, at(1)));
  EXPECT_FALSE(lookups.ask(peer(3), {}, at(2)));  // evicts 1
  static_cast<void>(collect(lookups, 1, at(3)));
  EXPECT_TRUE(lookups.ask(peer(3), {}, at(4)));
  EXPECT_FALSE(lookups.ask(peer(1), {}, at(5)));  // evicts 3, not the running 2
  static_cast<void>(collect(lookups, 1, at(6)));
  source_->answer(2);
  EXPECT_EQ(collect(lookups, 1, at(7)).size(), 1U);
}

TEST_F(LookupsTest, EndingDoesNotWaitForASourceThatIsStuck) {
  source_->hold(1);
  {
    Lookups lookups = make();
    EXPECT_FALSE(lookups.ask(peer(1), {}, at(0)));
    source_->wait_until_asked(1);
  }
  source_->answer(1);  // its worker finds that nobody is interested any more
}

}  // namespace
}  // namespace veilwire::agent_identity
