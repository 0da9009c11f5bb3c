#include "agent/identity/session_writer.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;

class SessionWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "writer-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    make("/sessions");
  }
  void TearDown() override {
    writer_.reset();
    std::filesystem::remove_all(folder_);
  }
  void make(const std::string& file) {
    writer_ = std::make_unique<SessionWriter>(
        io_, SessionStore(folder_ + file, sealer_, crypto::system_random()),
        [this] { return state_; });
  }
  void change(std::string state) {
    state_ = std::move(state);
    writer_->changed();
  }
  void wait_for_rest() {
    asio::co_spawn(
        io_,
        [](SessionWriterTest& self, std::string then) -> asio::awaitable<void> {
          const bool written = co_await self.writer_->at_rest();
          self.said_.push_back(then + (written ? " written" : " lost"));
        }(*this, state_),
        asio::detached);
  }
  std::string at_rest() const {
    const auto loaded = writer_->store().load();
    return loaded.bytes ? std::string(loaded.bytes->reveal()) : "nothing";
  }
  using Said = std::vector<std::string>;

  std::string folder_, state_ = "empty";
  asio::io_context io_{1};
  crypto::Sealer sealer_ = *crypto::Sealer::make(Secret(std::string(32, 'k')));
  std::unique_ptr<SessionWriter> writer_;
  Said said_;
};

TEST_F(SessionWriterTest, ChangesOfOneMomentAreOneWrite) {
  change("one");
  change("two");
  EXPECT_EQ(at_rest(), "nothing");
  io_.run_for(std::chrono::milliseconds(500));
  EXPECT_EQ(at_rest(), "two");
  EXPECT_EQ(writer_->writes(), 1U);
}

TEST_F(SessionWriterTest, WhoWaitsIsToldOnceItsChangeIsAtRestAndNothingIsWrittenTwice) {
  change("one");
  wait_for_rest();
  io_.run_one();  // it begins, with what there is now
  change("two");
  wait_for_rest();
  change("three");
  wait_for_rest();
  EXPECT_TRUE(said_.empty());
  io_.run_for(std::chrono::milliseconds(500));
  ASSERT_EQ(said_.size(), 3U);
  EXPECT_EQ(said_.front(), "one written");
  std::sort(said_.begin(), said_.end());
  EXPECT_EQ(said_, (Said{"one written", "three written", "two written"}));
  EXPECT_EQ(at_rest(), "three");
  EXPECT_EQ(writer_->writes(), 2U);
  // Nothing has changed since.
  wait_for_rest();
  io_.restart();
  io_.run_for(std::chrono::milliseconds(200));
  EXPECT_EQ(said_.size(), 4U);
  EXPECT_EQ(writer_->writes(), 2U);
}

TEST_F(SessionWriterTest, WhatCannotBeWrittenIsSaidAndTriedWithTheNextChange) {
  make("/none/sessions");
  change("one");
  wait_for_rest();
  io_.run_for(std::chrono::milliseconds(200));
  EXPECT_EQ(said_, Said{"one lost"});
  std::filesystem::create_directory(folder_ + "/none");
  change("two");
  wait_for_rest();
  io_.restart();
  io_.run_for(std::chrono::milliseconds(200));
  EXPECT_EQ(said_.back(), "two written");
}

TEST_F(SessionWriterTest, TheEndWritesWhatIsThereLast) {
  change("one");
  wait_for_rest();
  io_.run_one();
  change("two");
  EXPECT_TRUE(writer_->finish());
  EXPECT_EQ(at_rest(), "two");
}

}  // namespace
}  // namespace veilwire::agent_identity
