#include "agent/host/local_socket.h"
#include "agent/host/protocol/status.h"
#include "tests/unit/ctl/scratch_folder.h"

#include <cerrno>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>

namespace veilwire::host::protocol {
namespace {

constexpr int kPatience = 20'000;  // ms: only a broken program takes this long

TEST(StatusProtocol, ADocumentComesBackAsItWasSent) {
  EXPECT_EQ(decode_status(encode_status(R"({"healthy":true})")), R"({"healthy":true})");
  EXPECT_EQ(decode_status(encode_status("")), "");
}

TEST(StatusProtocol, ADocumentThatIsTooLargeSaysSoAndFitsAMessage) {
  EXPECT_EQ(decode_status(encode_status(std::string(kStatusDocument, ' ')))->size(),
            kStatusDocument);
  const std::string message = encode_status(std::string(kStatusDocument + 1, ' '));
  EXPECT_LE(message.size(), kLocalMessage);
  EXPECT_NE(decode_status(message)->find("\"healthy\":false"), std::string::npos);
}

TEST(StatusProtocol, AnythingElseIsNoDocument) {
  const std::string good = encode_status("{}");
  for (std::size_t n = 0; n < 8; ++n) EXPECT_FALSE(decode_status(good.substr(0, n))) << n;
  std::string other_version = good;
  other_version[4] = 9;
  EXPECT_FALSE(decode_status(other_version));
  EXPECT_FALSE(decode_status("HTTP/1.1 200 OK\r\n\r\n"));
}

class StatusSocketTest : public ::testing::Test {
 protected:
  // Answers one turn of an event loop.
  std::thread answer(StatusSocket& socket, std::string document) {
    return std::thread([&socket, document = std::move(document)] {
      ASSERT_TRUE(wait_readable(socket.descriptor(), kPatience));
      socket.answer([&] { return document; });
    });
  }
  testing::ScratchFolder folder_;
  std::string path_ = folder_ / "status.sock";
};

TEST_F(StatusSocketTest, WhoConnectsIsAnswered) {
  StatusSocket socket(path_, 0600);
  std::thread server = answer(socket, R"({"program":"test","healthy":true})");
  const auto document = ask_status(path_, kPatience);
  server.join();
  ASSERT_TRUE(document);
  const std::string_view own = R"({"program":"test","healthy":true,"process":{)";
  EXPECT_EQ(document->substr(0, own.size()), own);
}

TEST_F(StatusSocketTest, TheKernelsCountsOfTheProgramAreInEveryDocument) {
  StatusSocket socket(path_, 0600);
  std::thread server = answer(socket, "{}");
  const auto document = ask_status(path_, kPatience);
  server.join();
  ASSERT_TRUE(document);
  const auto process = nlohmann::json::parse(*document).at("process");
  EXPECT_GT(process.at("cpu_seconds"), 0);
  EXPECT_GT(process.at("resident_bytes"), 100'000);
  EXPECT_GT(process.at("open_fds"), 3);
  EXPECT_GE(process.at("max_fds"), process.at("open_fds"));
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(process.at("start_time"), now);
  EXPECT_GT(process.at("start_time"), now - 3600);
}

TEST_F(StatusSocketTest, TheLargestDocumentIsSentWithoutWaitingForItsReader) {
  StatusSocket socket(path_, 0600);
  const auto asker = connect_local(path_, false);
  ASSERT_TRUE(asker);
  socket.answer([] { return std::string(kStatusDocument, 'x'); });  // the asker has not read yet
  const auto message = receive_message(asker->get());
  ASSERT_TRUE(message);
  EXPECT_EQ(decode_status(message->bytes)->size(), kStatusDocument);
}

TEST_F(StatusSocketTest, AnAskerThatHasGoneCostsNothing) {
  StatusSocket socket(path_, 0600);
  { static_cast<void>(connect_local(path_, false)); }
  socket.answer([] { return std::string("{}"); });
  std::thread server = answer(socket, "{}");
  EXPECT_TRUE(ask_status(path_, kPatience));
  server.join();
}

TEST_F(StatusSocketTest, ErrorsSayWhetherSomebodyListens) {
  EXPECT_EQ(ask_status(path_, kPatience).error(), ENOENT);
  { const StatusSocket gone(path_, 0600); }
  EXPECT_EQ(ask_status(path_, kPatience).error(), ECONNREFUSED);
  const StatusSocket hangs(path_, 0600);
  EXPECT_EQ(ask_status(path_, 10).error(), ETIMEDOUT);
}

TEST_F(StatusSocketTest, AnAnswerOfAnotherVersionIsAnError) {
  const UniqueFd listener = listen_local(path_, 0600);
  std::thread server([&] {
    ASSERT_TRUE(wait_readable(listener.get(), kPatience));
    const auto asker = accept_local(listener.get());
    ASSERT_TRUE(asker);
    static_cast<void>(send_message(asker->fd.get(), "something else"));
  });
  EXPECT_EQ(ask_status(path_, kPatience).error(), EPROTO);
  server.join();
}

}  // namespace
}  // namespace veilwire::host::protocol
