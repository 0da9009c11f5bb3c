// Against servers on loopback that answer as told: over TLS and without, in pieces, cut, too large,
// with other certificates, and not at all.
#include "agent/identity/https_client.h"

#include "tests/unit/tls/tls_harness.h"
#include "userspace/base/limits.h"

#include <optional>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using wire::testing::Credentials;

using Outcome = Result<HttpsResponse, HttpsFailure>;

constexpr std::chrono::seconds kPatience{20};  // only a broken client takes this long

// Takes one connection, reads a whole request, and writes the answer.
class Server {
 public:
  struct Setting {
    std::string answer;
    std::shared_ptr<const wire::TlsServerContext> tls = nullptr;
    std::size_t piece = 100'000;
    bool says_goodbye = true;  // close_notify
    bool answers = true;
  };
  explicit Server(Setting setting)
      : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}),
        port_(acceptor_.local_endpoint().port()),
        setting_(std::move(setting)),
        thread_([this] { serve(); }) {}
  ~Server() { end(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }
  const std::string& request() {
    end();
    return request_;
  }

 private:
  void end() {
    if (thread_.joinable()) thread_.join();
  }
  void serve() {
    tcp::socket socket(io_);
    acceptor_.accept(socket);
    std::optional<wire::TlsEngine> tls;
    if (setting_.tls) tls.emplace(wire::TlsEngine::server(setting_.tls));
    boost::system::error_code error;
    std::string bytes(10'000, '\0');
    const auto flush = [&] {
      std::string out;
      if (tls) tls->take_ciphertext(out);
      asio::write(socket, asio::buffer(out), error);
    };
    while (!complete() || !setting_.answers) {
      const std::size_t size = socket.read_some(asio::buffer(bytes), error);
      if (error) return;
      if (!tls) {
        request_.append(bytes, 0, size);
        continue;
      }
      tls->receive(bytes.substr(0, size));
      tls->take_plaintext(request_);
      flush();
    }
    for (std::string_view rest = setting_.answer; !rest.empty() && !error;) {
      const std::string_view piece = rest.substr(0, setting_.piece);
      rest.remove_prefix(piece.size());
      if (tls) {
        (void)tls->send(piece);
        flush();
      } else {
        asio::write(socket, asio::buffer(piece.data(), piece.size()), error);
      }
    }
    if (tls && setting_.says_goodbye) {
      tls->close();
      flush();
    }
    socket.shutdown(tcp::socket::shutdown_send, error);
    while (!error) socket.read_some(asio::buffer(bytes), error);
  }
  bool complete() const {
    const std::size_t head = request_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::size_t length = request_.find("Content-Length: ");
    return length == std::string::npos ||
           request_.size() >= head + 4 + std::stoul(request_.substr(length + 16));
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t port_;
  Setting setting_;
  std::string request_;
  std::thread thread_;
};

const Credentials& credentials() {
  static const Credentials made(-std::chrono::hours(1), std::chrono::hours(24), {"localhost"});
  return made;
}
// Of an authority that nobody trusts.
const Credentials& other_credentials() {
  static const Credentials made(-std::chrono::hours(1), std::chrono::hours(24), {"localhost"});
  return made;
}

Outcome fetch(const HttpsRequest& request, std::chrono::milliseconds patience = kPatience) {
  asio::io_context io;
  HttpsClient client(io, credentials().client(), [] { return wire::testing::at({}); });
  std::optional<Outcome> outcome;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> { outcome.emplace(co_await client.fetch(request, patience)); },
      asio::detached);
  io.run();
  return std::move(*outcome);
}

HttpsRequest get(std::uint16_t port) {
  HttpsRequest request;
  request.tls = false;
  request.host = "127.0.0.1";
  request.port = port;
  return request;
}

TEST(HttpsClient, SendsARequestAndReadsItsAnswer) {
  for (const std::size_t piece : {1U, 7U, 100'000U}) {
    Server server({.answer = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
                             "Transfer-Encoding: chunked\r\nRetry-After: 7\r\n\r\n"
                             "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
                   .piece = piece});
    HttpsRequest request = get(server.port());
    request.method = "POST";
    request.target = "/token?x=1";
    request.fields = {{"Accept", "application/json"}};
    request.body = "grant_type=refresh_token";
    const Outcome outcome = fetch(request);
    ASSERT_TRUE(outcome) << to_string(outcome.error().error) << outcome.error().detail;
    EXPECT_EQ(outcome->status, 401U);
    EXPECT_EQ(outcome->field("retry-after"), "7");
    EXPECT_EQ(outcome->field("location"), "");
    EXPECT_EQ(outcome->body, "{\"a\":1}");
    EXPECT_EQ(server.request(),
              "POST /token?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nAccept: application/json\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
                  "grant_type=refresh_token");
  }
}

TEST(HttpsClient, ReadsABodyThatEndsWithItsConnection) {
  Server server({.answer = "HTTP/1.1 200 OK\r\n\r\nall of it"});
  const Outcome outcome = fetch(get(server.port()));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->body, "all of it");
}

std::string error_of(const Outcome& outcome) {
  return outcome ? "none" : std::string(to_string(outcome.error().error));
}

TEST(HttpsClient, SaysWhatIsWrongWithAnAnswer) {
  const std::string large(limits::kIdpBody + 1, 'x');
  const std::pair<std::string, HttpsError> cases[] = {
      {"", HttpsError::Cut},
      {"HTTP/1.1 200 OK\r\nContent-Le", HttpsError::Cut},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", HttpsError::Cut},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", HttpsError::Cut},
      {"SSH-2.0-OpenSSH\r\n\r\n", HttpsError::Malformed},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(limits::kIdpHead, 'x') + "\r\n\r\n",
       HttpsError::TooLarge},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", HttpsError::TooLarge},
      {"HTTP/1.1 200 OK\r\n\r\n" + large, HttpsError::TooLarge},
  };
  for (const auto& [answer, error] : cases) {
    Server server({.answer = answer});
    EXPECT_EQ(error_of(fetch(get(server.port()))), to_string(error)) << answer.substr(0, 60);
  }
}

TEST(HttpsClient, GivesUpInTime) {
  Server server({.answer = "", .answers = false});
  EXPECT_EQ(error_of(fetch(get(server.port()), std::chrono::milliseconds(50))),
            to_string(HttpsError::Late));
}

TEST(HttpsClient, SaysWhatIsWrongWithAnAddress) {
  asio::io_context io;
  tcp::acceptor closed(io, {asio::ip::make_address("127.0.0.1"), 0});
  const std::uint16_t port = closed.local_endpoint().port();
  closed.close();
  EXPECT_EQ(error_of(fetch(get(port))), to_string(HttpsError::Refused));
  HttpsRequest elsewhere = get(80);
  elsewhere.host = "192.0.2.1";
  EXPECT_EQ(error_of(fetch(elsewhere)), to_string(HttpsError::NotLoopback));
  elsewhere.host = "no such name";
  EXPECT_EQ(error_of(fetch(elsewhere)), to_string(HttpsError::Unresolved));
}

HttpsRequest get_securely(std::uint16_t port) {
  HttpsRequest request = get(port);
  request.tls = true;
  request.host = "localhost";
  return request;
}

TEST(HttpsClient, SpeaksTls) {
  for (const std::size_t piece : {5U, 100'000U}) {
    Server server(
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'y'),
         .tls = credentials().server("localhost"),
         .piece = piece * 1000});
    const Outcome outcome = fetch(get_securely(server.port()));
    ASSERT_TRUE(outcome) << to_string(outcome.error().error) << outcome.error().detail;
    EXPECT_EQ(outcome->body, std::string(70'000, 'y'));
    EXPECT_TRUE(server.request().starts_with("GET / HTTP/1.1\r\nHost: localhost:"));
  }
}

// An end that nobody has signed may be an attacker's.
TEST(HttpsClient, ABodyThatEndsWithItsConnectionEndsWithTls) {
  for (const bool goodbye : {true, false}) {
    Server server({.answer = "HTTP/1.1 200 OK\r\n\r\nall of it",
                   .tls = credentials().server("localhost"),
                   .says_goodbye = goodbye});
    EXPECT_EQ(error_of(fetch(get_securely(server.port()))),
              goodbye ? "none" : to_string(HttpsError::Cut));
  }
}

TEST(HttpsClient, TrustsNobodyElsesCertificate) {
  const Credentials expired(-std::chrono::hours(9), -std::chrono::hours(1), {"localhost"});
  const Credentials elsewhere(-std::chrono::hours(1), std::chrono::hours(24), {"example.test"});
  for (const auto& tls : {other_credentials().server("localhost"), expired.server("localhost"),
                          elsewhere.server("example.test")}) {
    Server server({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .tls = tls});
    EXPECT_EQ(error_of(fetch(get_securely(server.port()))), to_string(HttpsError::Untrusted));
    EXPECT_EQ(server.request(), "");
  }
}

}  // namespace
}  // namespace veilwire::agent_identity
