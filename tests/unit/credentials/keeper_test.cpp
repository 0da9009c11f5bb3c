#include "agent/credentials/keeper.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include <gtest/gtest.h>

namespace veilwire::credentials {
namespace {

using namespace std::chrono_literals;
namespace protocol = host::protocol;

// Gives what it is told to, when it is told to.
class Told final : public Source {
 public:
  Result<Fetched, std::string> fetch() const override {
    std::unique_lock lock(mutex_);
    ++asked_;
    told_.wait(lock, [this] { return !answers_.empty(); });
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  void give(std::string value, std::optional<std::chrono::seconds> lease = {}) {
    tell(Fetched{.value = Secret(std::move(value)), .lease = lease});
  }
  void fail(std::string why) { tell(Unexpected{std::move(why)}); }
  int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void tell(Result<Fetched, std::string> answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    told_.notify_one();
  }
  mutable std::mutex mutex_;
  mutable std::condition_variable told_;
  mutable std::deque<Result<Fetched, std::string>> answers_;
  mutable int asked_ = 0;
};

std::string text(const What& what) {
  if (const auto* none = std::get_if<protocol::NoCredential>(&what)) return "none: " + none->reason;
  const auto& known = std::get<protocol::KnownCredential>(what);
  return std::string(known.value.reveal()) + " for " +
         std::to_string(known.valid_for.count() / 1000);
}

class KeeperTest : public testing::Test {
 protected:
  std::string ask() {
    const auto what = keeper.ask("key", {1, ++question}, now);
    return what ? text(*what) : "waits";
  }
  // What comes once the source has answered.
  std::vector<std::string> collect() {
    {
      std::unique_lock lock(mutex);
      woken.wait(lock, [this] { return done > 0; });
      --done;
    }
    std::vector<std::string> texts;
    for (const Answered& answered : keeper.collect(now)) {
      EXPECT_EQ(answered.name, "key");
      texts.push_back(text(answered.what));
    }
    return texts;
  }
  using Texts = std::vector<std::string>;

  std::mutex mutex;
  std::condition_variable woken;
  int done = 0;
  std::shared_ptr<Told> source = std::make_shared<Told>();
  Monotonic now{100s};
  std::uint64_t question = 0;
  Keeper keeper{{{"key", {"told", source, 100s, 1000s}}}, [this] {
                  const std::lock_guard lock(mutex);
                  ++done;
                  woken.notify_one();
                }};
};

TEST_F(KeeperTest, AsksOnceForAllWhoWaitAndThenAnswersAtOnce) {
  EXPECT_EQ(ask(), "waits");
  EXPECT_EQ(ask(), "waits");
  source->give("one");
  EXPECT_EQ(collect(), (Texts{"one for 100", "one for 100"}));
  now = now + 50s;
  EXPECT_EQ(ask(), "one for 50");
  EXPECT_EQ(source->asked(), 1);
}

TEST_F(KeeperTest, AsksAnewForWhatItsHostHasRefusedButNotForEachRefusal) {
  EXPECT_EQ(ask(), "waits");
  source->give("one");
  collect();
  now = now + 4s;
  EXPECT_EQ(text(*keeper.ask("key", {1, 9}, now, true)), "one for 96");
  now = now + 1s;
  EXPECT_FALSE(keeper.ask("key", {1, 10}, now, true));
  EXPECT_EQ(ask(), "waits");
  source->give("two");
  EXPECT_EQ(collect(), (Texts{"two for 100", "two for 100"}));
  EXPECT_EQ(text(*keeper.ask("key", {1, 11}, now, true)), "two for 100");
  EXPECT_EQ(source->asked(), 2);
}

TEST_F(KeeperTest, WhatItsHostHasRefusedGoesOnWhileItsSourceFails) {
  EXPECT_EQ(ask(), "waits");
  source->give("one");
  collect();
  now = now + 10s;
  EXPECT_FALSE(keeper.ask("key", {1, 9}, now, true));
  source->fail("gone");
  EXPECT_EQ(collect(), Texts{"one for 5"});
  EXPECT_EQ(text(*keeper.ask("key", {1, 10}, now, true)), "one for 5");
  EXPECT_EQ(source->asked(), 2);
}

TEST_F(KeeperTest, AsksAnewAheadOfTheEndWhileNobodyWaits) {
  EXPECT_EQ(ask(), "waits");
  source->give("one");
  collect();
  now = now + 80s;
  EXPECT_EQ(ask(), "one for 20");
  source->give("two");
  EXPECT_EQ(collect(), Texts{});
  EXPECT_EQ(ask(), "two for 100");
}

TEST_F(KeeperTest, KeepsTheLastGoodValueUpToItsAgeWhileTheSourceFails) {
  EXPECT_EQ(ask(), "waits");
  source->give("one");
  collect();
  now = now + 200s;
  EXPECT_EQ(ask(), "waits");
  source->fail("gone");
  EXPECT_EQ(collect(), Texts{"one for 5"});
  EXPECT_EQ(keeper.health(now)[0].state, Keeper::Health::State::Kept);
  EXPECT_EQ(keeper.health(now)[0].reason, "gone");
  now = now + 6s;
  EXPECT_EQ(ask(), "one for 5");  // and the source is asked behind it
  source->fail("gone");
  collect();
  now = now + 890s;
  EXPECT_EQ(ask(), "one for 4");
  source->fail("still gone");
  collect();
  now = now + 5s;
  EXPECT_EQ(ask(), "waits");
  source->fail("still gone");
  EXPECT_EQ(collect(), Texts{"none: still gone"});
  EXPECT_EQ(keeper.health(now)[0].state, Keeper::Health::State::Failed);
  now = now + 6s;
  EXPECT_EQ(ask(), "waits");
  source->give("two");
  EXPECT_EQ(collect(), Texts{"two for 100"});
  EXPECT_EQ(keeper.health(now)[0].state, Keeper::Health::State::Good);
}

TEST_F(KeeperTest, UsesNothingBeyondItsLease) {
  EXPECT_EQ(ask(), "waits");
  source->give("one", 30s);
  EXPECT_EQ(collect(), Texts{"one for 30"});
  now = now + 31s;
  EXPECT_EQ(ask(), "waits");
  source->fail("gone");
  EXPECT_EQ(collect(), Texts{"none: gone"});
}

TEST_F(KeeperTest, LeavesASourceThatFailsInPeaceForAMoment) {
  EXPECT_EQ(ask(), "waits");
  source->fail("gone");
  EXPECT_EQ(collect(), Texts{"none: gone"});
  EXPECT_EQ(ask(), "none: gone");
  EXPECT_EQ(source->asked(), 1);
}

TEST_F(KeeperTest, RefusesANameThatIsNotConfigured) {
  const auto what = keeper.ask("other", {1, 1}, now);
  ASSERT_TRUE(what);
  EXPECT_EQ(text(*what), "none: no source of this name is configured");
}

TEST_F(KeeperTest, AnswersNobodyWhoHasGone) {
  EXPECT_EQ(ask(), "waits");
  keeper.forget(1);
  source->give("one");
  EXPECT_EQ(collect(), Texts{});
}

}  // namespace
}  // namespace veilwire::credentials
