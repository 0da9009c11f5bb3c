#include "agent/proxy/dialer.h"

#include "userspace/base/limits.h"

#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace veilwire::proxy {
namespace {

using boost::asio::ip::tcp;

class Dialer : public testing::Test {
 protected:
  std::optional<DialResult> dial(const std::string& name, const std::string& address,
                                 std::uint16_t port, bool address_first = false,
                                 std::uint32_t bound_ifindex = 0) {
    std::optional<DialResult> result;
    const auto race = start_dial(io, {name, {address, port}, address_first}, bound_ifindex,
                                 [&](DialResult r) { result.emplace(std::move(r)); });
    io.run_for(std::chrono::seconds(20));
    return result;
  }
  boost::asio::io_context io;
};

// A port on which nobody listens: bound, so that nobody else takes it, and never listened on.
class DeadPort {
 public:
  explicit DeadPort(boost::asio::io_context& io)
      : socket_(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {}
  std::uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  tcp::socket socket_;
};

TEST_F(Dialer, ConnectsExactlyWhereAClientWentWhenThereIsNoName) {
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const auto result = dial("", "127.0.0.1", acceptor.local_endpoint().port());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, "");
  EXPECT_EQ(result->socket.remote_endpoint(), acceptor.local_endpoint());
}

TEST_F(Dialer, AnUpstreamWhoseMachineIsGoneIsNoticed) {
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  auto result = dial("", "127.0.0.1", acceptor.local_endpoint().port());
  ASSERT_TRUE(result);
  const auto option = [fd = result->socket.native_handle()](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), limits::kKeepaliveIdle.count());
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), limits::kKeepaliveInterval.count());
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), limits::kUnacknowledged.count() * 1000);
}

TEST_F(Dialer, FindsTheFamilyThatAnswers) {
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const auto result = dial("localhost", "192.0.2.1", acceptor.local_endpoint().port());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, "");
}

TEST_F(Dialer, FallsBackToTheClientsDestinationWhenANameIsUnknown) {
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const auto result = dial("no-such-host.invalid", "127.0.0.1", acceptor.local_endpoint().port());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, "");
}

TEST_F(Dialer, PrefersTheNamesAddressesOrTheClientsAsItIsTold) {
  const auto other = boost::asio::ip::make_address("127.0.0.2");
  tcp::acceptor named(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const std::uint16_t port = named.local_endpoint().port();
  tcp::acceptor address(io, tcp::endpoint(other, port));
  for (const bool address_first : {false, true}) {
    const auto result = dial("localhost", "127.0.0.2", port, address_first);
    ASSERT_TRUE(result);
    ASSERT_EQ(result->error, "");
    EXPECT_EQ(result->socket.remote_endpoint().address() == other, address_first);
    io.restart();
  }
}

TEST_F(Dialer, GoesOnToTheNamesAddressesWhereTheClientsIsDead) {
  tcp::acceptor named(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  // Refused at once, and never answered.
  for (const char* address : {"127.0.0.2", "192.0.2.1"}) {
    const auto result = dial("localhost", address, named.local_endpoint().port(), true);
    ASSERT_TRUE(result) << address;
    EXPECT_EQ(result->error, "") << address;
    io.restart();
  }
}

TEST_F(Dialer, KeepsToTheInterfaceThatTheClientIsBoundTo) {
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const std::uint16_t port = acceptor.local_endpoint().port();
  auto result = dial("", "127.0.0.1", port, false, ::if_nametoindex("lo"));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->error, "");
  char name[IFNAMSIZ] = {};
  socklen_t size = sizeof name;
  EXPECT_EQ(::getsockopt(result->socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, name, &size),
            0);
  EXPECT_STREQ(name, "lo");
  io.restart();
  result = dial("", "127.0.0.1", port, false, 0x7fffffff);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, "No such device") << "gone: not by another";
}

TEST_F(Dialer, SaysWhyNobodyAnswers) {
  const DeadPort dead(io);
  const auto result = dial("", "127.0.0.1", dead.port());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error, "Connection refused");
}

TEST_F(Dialer, ACancelledDialNeverAnswers) {
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  bool answered = false;
  const auto race = start_dial(io, {"", {"127.0.0.1", acceptor.local_endpoint().port()}}, 0,
                               [&](DialResult) { answered = true; });
  race->cancel();
  io.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace veilwire::proxy
