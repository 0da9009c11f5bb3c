#include "agent/proxy/questions.h"

#include "agent/host/local_socket.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

using namespace std::chrono_literals;
using Table = Questions<std::string, std::string>;

// A question is "ID SUBJECT", an answer "ID ANSWER", and "nonsense" is neither.
class QuestionsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_questions_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    listener_ = host::listen_local(folder_ + "/s", 0600);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Table> table(
      std::chrono::steady_clock::duration patience = 10s,
      std::optional<std::chrono::steady_clock::duration> patience_without = {}) {
    return std::make_unique<Table>(
        io_, "test", folder_ + "/s",
        Table::Dialogue{
            .encode = [](std::uint64_t id,
                         const std::string& subject) -> std::optional<std::string> {
              if (subject == "unspeakable") return std::nullopt;
              return std::to_string(id) + " " + subject;
            },
            .answered = [this](std::string_view message) { return answered(std::string(message)); },
            .patience = patience,
            .silence = "silence",
            .patience_without = patience_without,
            .up = [this] { ++ups_; }});
  }

  bool answered(const std::string& message) {
    if (message == "nonsense") return false;
    const std::size_t blank = message.find(' ');
    table_->settle(std::stoull(message.substr(0, blank)), message.substr(blank + 1));
    return true;
  }

  void accept() {
    auto accepted = host::accept_local(listener_.get());
    ASSERT_TRUE(accepted);
    peer_ = std::move(accepted->fd);
  }
  // What the program behind the socket is asked next; "" when there is nothing.
  std::string asked() {
    if (!host::wait_readable(peer_.get(), 0)) return {};
    auto message = host::receive_message(peer_.get());
    return message ? message->bytes : "";
  }
  void say(std::string_view message) { ASSERT_TRUE(host::send_message(peer_.get(), message)); }
  void turn(std::chrono::milliseconds time = 20ms) {
    io_.restart();
    io_.run_for(time);
  }
  void ask(const std::string& subject) {
    table_->ask(subject, [this](const std::string& answer) { heard_.push_back(answer); });
  }

  std::string folder_;
  host::UniqueFd listener_, peer_;
  boost::asio::io_context io_{1};
  std::unique_ptr<Table> table_;
  std::vector<std::string> heard_;
  int ups_ = 0;
};

TEST_F(QuestionsTest, WhoWaitsForTheSameIsAnsweredByOneQuestion) {
  table_ = table();
  accept();
  ask("a");
  ask("a");
  ask("b");
  EXPECT_EQ(asked(), "1 a");
  EXPECT_EQ(asked(), "2 b");
  EXPECT_EQ(asked(), "");
  say("1 yes");
  turn();
  EXPECT_EQ(heard_, (std::vector<std::string>{"yes", "yes"}));
  EXPECT_EQ(table_->subject(1), nullptr);
  ASSERT_NE(table_->subject(2), nullptr);
  EXPECT_EQ(*table_->subject(2), "b");
}

TEST_F(QuestionsTest, AProgramThatHasBeenRestartedIsAskedAgain) {
  table_ = table();
  accept();
  ask("a");
  EXPECT_EQ(asked(), "1 a");
  peer_.reset();
  turn(200ms);
  accept();
  EXPECT_EQ(asked(), "1 a");
  say("1 late");
  turn();
  EXPECT_EQ(heard_, std::vector<std::string>{"late"});
}

TEST_F(QuestionsTest, AnAnswerThatMakesNoSenseEndsTheConnectionAndNotTheQuestion) {
  table_ = table();
  accept();
  ask("a");
  (void)asked();
  say("nonsense");
  turn(200ms);
  EXPECT_TRUE(heard_.empty());
  accept();
  EXPECT_EQ(asked(), "1 a");
}

TEST_F(QuestionsTest, SilenceIsAnAnswerInTheEnd) {
  table_ = table(30ms);
  accept();
  ask("a");
  ask("unspeakable");
  turn(200ms);
  EXPECT_EQ(heard_, (std::vector<std::string>{"silence", "silence"}));
  say("1 too late");
  turn();
  EXPECT_EQ(heard_.size(), 2U);
}

TEST_F(QuestionsTest, ACallbackMayAskAgain) {
  table_ = table();
  accept();
  table_->ask("a", [this](const std::string& answer) {
    heard_.push_back(answer);
    ask("a");
  });
  say("1 first");
  turn();
  (void)asked();
  EXPECT_EQ(asked(), "2 a");
  say("2 second");
  turn();
  EXPECT_EQ(heard_, (std::vector<std::string>{"first", "second"}));
}

TEST_F(QuestionsTest, ATableThatGoesLeavesNothingBehind) {
  table_ = table(1ms);
  accept();
  ask("a");
  ::usleep(5000);  // its time has run out, and nobody has been told
  table_.reset();
  turn();
  EXPECT_TRUE(heard_.empty());
}

TEST_F(QuestionsTest, AProgramThatIsThereGetsMoreTimeThanOneThatIsNot) {
  table_ = table(200ms, 50ms);
  accept();
  ask("slow");
  turn(120ms);
  EXPECT_TRUE(heard_.empty());
  turn(150ms);
  EXPECT_EQ(heard_, std::vector<std::string>{"silence"});

  listener_.reset();
  std::filesystem::remove(folder_ + "/s");
  peer_.reset();
  turn();
  ask("in vain");
  turn(120ms);
  EXPECT_EQ(heard_, (std::vector<std::string>{"silence", "silence"}));
  EXPECT_EQ(ups_, 1);
}

}  // namespace
}  // namespace veilwire::proxy
