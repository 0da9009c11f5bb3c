// Against servers on loopback that answer as told: over TLS and without, in pieces, cut, too large,
// with other certificates, and not at all.
#include "agent/identity/idp_client.h"

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

using identity::IdpRequest;
using identity::IdpResponse;
using Outcome = Result<IdpResponse, IdpClientFailure>;

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

Outcome fetch(const IdpRequest& request, std::chrono::milliseconds patience = kPatience) {
  asio::io_context io;
  IdpClient client(io, credentials().client(), [] { return wire::testing::at({}); });
  std::optional<Outcome> outcome;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> { outcome.emplace(co_await client.ask(request, patience)); },
      asio::detached);
  io.run();
  return std::move(*outcome);
}

IdpRequest get(std::uint16_t port, const std::string& origin = "http://127.0.0.1:") {
  const auto url =
      identity::parse_url(origin + std::to_string(port) + "/a?x=1", identity::PlainHttp::Loopback);
  EXPECT_TRUE(url);
  IdpRequest request;
  request.url = *url;
  return request;
}

TEST(IdpClient, SendsARequestAndReadsItsAnswer) {
  for (const std::size_t piece : {1U, 7U, 100'000U}) {
    Server server({.answer = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
                             "Transfer-Encoding: chunked\r\nRetry-After: 7\r\n"
                             "DPoP-Nonce: made-up\r\n"
                             "Cache-Control: no-store\r\ncache-control: private\r\n\r\n"
                             "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
                   .piece = piece});
    IdpRequest request = get(server.port());
    request.method = IdpRequest::Method::Post;
    request.authorization = Secret(std::string("Basic YTpi"));
    request.proof = "a.proof.of";
    request.body = Secret(std::string("grant_type=refresh_token"));
    const Outcome outcome = fetch(request);
    ASSERT_TRUE(outcome) << to_string(outcome.error().error) << outcome.error().detail;
    EXPECT_EQ(outcome->status, 401);
    EXPECT_EQ(outcome->content_type, "application/json");
    EXPECT_EQ(outcome->cache_control, "no-store, private");
    EXPECT_EQ(outcome->retry_after, "7");
    EXPECT_EQ(outcome->dpop_nonce, "made-up");
    EXPECT_EQ(outcome->body.reveal(), "{\"a\":1}");
    EXPECT_EQ(server.request(),
              "POST /a?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nAccept: application/json\r\nAuthorization: Basic YTpi\r\n"
                  "DPoP: a.proof.of\r\n"
                  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 24\r\n"
                  "Connection: close\r\n\r\n"
                  "grant_type=refresh_token");
  }
}

TEST(IdpClient, ReadsABodyThatEndsWithItsConnection) {
  Server server({.answer = "HTTP/1.1 200 OK\r\n\r\nall of it"});
  const Outcome outcome = fetch(get(server.port()));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->body.reveal(), "all of it");
}

std::string error_of(const Outcome& outcome) {
  return outcome ? "none" : std::string(to_string(outcome.error().error));
}

TEST(IdpClient, SaysWhatIsWrongWithAnAnswer) {
  const std::string large(limits::kIdpAnswer + 1, 'x');
  const std::pair<std::string, IdpClientError> cases[] = {
      {"", IdpClientError::Cut},
      {"HTTP/1.1 200 OK\r\nContent-Le", IdpClientError::Cut},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", IdpClientError::Cut},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", IdpClientError::Cut},
      {"SSH-2.0-OpenSSH\r\n\r\n", IdpClientError::Malformed},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(limits::kIdpHead, 'x') + "\r\n\r\n",
       IdpClientError::TooLarge},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", IdpClientError::TooLarge},
      {"HTTP/1.1 200 OK\r\n\r\n" + large, IdpClientError::TooLarge},
  };
  for (const auto& [answer, error] : cases) {
    Server server({.answer = answer});
    EXPECT_EQ(error_of(fetch(get(server.port()))), to_string(error)) << answer.substr(0, 60);
  }
}

TEST(IdpClient, GivesUpInTime) {
  Server server({.answer = "", .answers = false});
  EXPECT_EQ(error_of(fetch(get(server.port()), std::chrono::milliseconds(50))),
            to_string(IdpClientError::Late));
}

TEST(IdpClient, SaysWhatIsWrongWithAnAddress) {
  asio::io_context io;
  tcp::acceptor closed(io, {asio::ip::make_address("127.0.0.1"), 0});
  const std::uint16_t port = closed.local_endpoint().port();
  closed.close();
  EXPECT_EQ(error_of(fetch(get(port))), to_string(IdpClientError::Refused));
  IdpRequest elsewhere = get(80);
  elsewhere.url.host = "192.0.2.1";
  EXPECT_EQ(error_of(fetch(elsewhere)), to_string(IdpClientError::NotLoopback));
  elsewhere.url.host = "no such name";
  EXPECT_EQ(error_of(fetch(elsewhere)), to_string(IdpClientError::Unresolved));
}

IdpRequest get_securely(std::uint16_t port) {
  IdpRequest request = get(port, "https://localhost:");
  request.most_answer = 100'000;
  return request;
}

TEST(IdpClient, SpeaksTls) {
  for (const std::size_t piece : {5U, 100'000U}) {
    Server server(
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'y'),
         .tls = credentials().server("localhost"),
         .piece = piece * 1000});
    const Outcome outcome = fetch(get_securely(server.port()));
    ASSERT_TRUE(outcome) << to_string(outcome.error().error) << outcome.error().detail;
    EXPECT_EQ(outcome->body.reveal(), std::string(70'000, 'y'));
    EXPECT_TRUE(server.request().starts_with("GET /a?x=1 HTTP/1.1\r\nHost: localhost:"));
  }
}

// An end that nobody has signed may be an attacker's.
TEST(IdpClient, ABodyThatEndsWithItsConnectionEndsWithTls) {
  for (const bool goodbye : {true, false}) {
    Server server({.answer = "HTTP/1.1 200 OK\r\n\r\nall of it",
                   .tls = credentials().server("localhost"),
                   .says_goodbye = goodbye});
    EXPECT_EQ(error_of(fetch(get_securely(server.port()))),
              goodbye ? "none" : to_string(IdpClientError::Cut));
  }
}

TEST(IdpClient, TrustsNobodyElsesCertificate) {
  const Credentials expired(-std::chrono::hours(9), -std::chrono::hours(1), {"localhost"});
  const Credentials elsewhere(-std::chrono::hours(1), std::chrono::hours(24), {"example.test"});
  for (const auto& tls : {other_credentials().server("localhost"), expired.server("localhost"),
                          elsewhere.server("example.test")}) {
    Server server({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .tls = tls});
    EXPECT_EQ(error_of(fetch(get_securely(server.port()))), to_string(IdpClientError::Untrusted));
    EXPECT_EQ(server.request(), "");
  }
}

}  // namespace
}  // namespace veilwire::agent_identity
