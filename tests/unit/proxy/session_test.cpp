// Two real sockets around one flow: what the machine of tests/unit/flow cannot see. Spliced, so
// that no byte has a meaning.
#include "agent/proxy/session.h"

#include "tests/unit/flow/relay_fixture.h"
#include "tests/unit/recorder/running_service.h"
#include "tests/unit/tls/tls_harness.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class NoLeafs final : public LeafStore {
 public:
  void get(const std::string&, Callback callback) override {
    callback(Unexpected{std::string("there are none")});
  }
  bool connected() const override { return false; }
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() : listener_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    ruleset_.set(flow::make_ruleset(R"(
[[host]]
name = "api.example.test"
speaks = "anthropic"
[uninspected]
not_tls = "pass"
)"));
    recorder_.start();
  }
  ~SessionTest() override { recorder_.stop(); }

  // The client's end; the session has begun with what the client had sent until then.
  tcp::socket begin(std::string_view first, bool ended = false) {
    tcp::acceptor front(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    tcp::socket client(io_);
    client.connect(front.local_endpoint());
    asio::write(client, asio::buffer(first));
    if (ended) client.shutdown(tcp::socket::shutdown_send);
    Origin origin;
    origin.destination = {"127.0.0.1", listener_.local_endpoint().port()};
    session_ = Session::start(services_, front.accept(), origin, "0123456789abcdef",
                              [this](const std::string&) { over_ = true; });
    return client;
  }

  // Runs the loop until that holds; the bound only ends a test that has failed.
  template <class Condition>
  bool run_until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < limit)
      io_.run_one_for(std::chrono::milliseconds(50));
    return condition();
  }

  // Accepted without being read: from here on the kernel's buffers fill.
  tcp::socket upstream() {
    tcp::socket socket(io_);
    bool accepted = false;
    listener_.async_accept(socket, [&accepted](const error_code& e) { accepted = !e; });
    EXPECT_TRUE(run_until([&accepted] { return accepted; }));
    return socket;
  }

  // Until the end or an error.
  std::string read_all(tcp::socket& socket) {
    std::string got;
    bool over = false;
    std::function<void()> more = [&] {
      socket.async_read_some(asio::buffer(buffer_), [&](const error_code& e, std::size_t n) {
        got.append(buffer_.data(), n);
        if (e)
          over = true;
        else
          more();
      });
    };
    more();
    EXPECT_TRUE(run_until([&over] { return over; }));
    return got;
  }

  // Sends until bytes wait in the session, though not so many that the client is not read. How many
  // were sent.
  std::size_t fill(tcp::socket& client) {
    std::size_t sent = 0;
    client.non_blocking(true);
    const std::string piece(std::size_t{32} * 1024, 'x');
    for (int i = 0; budget_->held() == 0 && i < 10'000; ++i) {
      error_code ignored;
      sent += client.write_some(asio::buffer(piece), ignored);
      io_.poll();
    }
    EXPECT_GT(budget_->held(), 0U);
    return sent;
  }

  asio::io_context io_;
  recorder::TemporaryFolder folder_;
  recorder::RunningService service_{folder_ / "recorder",
                                    recorder::options_for(folder_ / "audit.db")};
  NoLeafs leafs_;
  IdentityLink identity_{io_, folder_ / "identity"};
  CredentialsLink credentials_{io_, folder_ / "credentials"};
  host::RecorderLink recorder_{io_, folder_ / "recorder", recorder::writer_id(1)};
  ActiveRuleset ruleset_;
  Counters counters_;
  std::shared_ptr<flow::MemoryBudget> budget_ =
      std::make_shared<flow::MemoryBudget>(std::size_t{64} << 20);
  std::vector<char> read_buffer_ = std::vector<char>(std::size_t{32} * 1024);
  Services services_{io_,         "host",       "boot",    leafs_,
                     identity_,   credentials_, recorder_, wire::testing::Credentials().client(),
                     ruleset_,    counters_,    budget_,   nullptr,
                     read_buffer_};
  tcp::acceptor listener_;
  std::shared_ptr<Session> session_;
  std::array<char, 4096> buffer_{};
  bool over_ = false;
};

TEST_F(SessionTest, WhatAClientSendsBeforeThereIsAnUpstreamArrivesWithItsEnd) {
  tcp::socket client = begin("all that I say", true);
  tcp::socket server = upstream();
  EXPECT_EQ(read_all(server), "all that I say");
  asio::write(server, asio::buffer(std::string_view("answer")));
  server.close();
  EXPECT_EQ(read_all(client), "answer");
  EXPECT_TRUE(run_until([this] { return over_; }));
}

TEST_F(SessionTest, AnUpstreamThatAnswersAndListensNoMoreIsHeard) {
  tcp::socket client = begin("first");
  tcp::socket server = upstream();
  fill(client);
  asio::write(server, asio::buffer(std::string_view("too much")));
  server.close();  // with bytes unread: a reset
  EXPECT_EQ(read_all(client), "too much");
}

TEST_F(SessionTest, AnUpstreamThatNeverReadsWhatIsLeftKeepsNobody) {
  tcp::socket client = begin("first");
  tcp::socket server = upstream();
  services_.flush_time = std::chrono::milliseconds(100);
  fill(client);
  server.shutdown(tcp::socket::shutdown_send);
  client.shutdown(tcp::socket::shutdown_send);
  ASSERT_TRUE(run_until([this] { return over_; }));
  const std::weak_ptr<Session> gone = std::exchange(session_, nullptr);
  EXPECT_FALSE(gone.expired());
  EXPECT_TRUE(run_until([&gone] { return gone.expired(); }));
}

TEST_F(SessionTest, AnUpstreamThatReadsLateGetsAllOfIt) {
  tcp::socket client = begin("first");
  tcp::socket server = upstream();
  const std::size_t sent = fill(client);
  server.shutdown(tcp::socket::shutdown_send);
  client.shutdown(tcp::socket::shutdown_send);
  ASSERT_TRUE(run_until([this] { return over_; }));
  EXPECT_EQ(read_all(server), "first" + std::string(sent, 'x'));
}

}  // namespace
}  // namespace veilwire::proxy
