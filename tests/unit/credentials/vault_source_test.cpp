// Against a server on loopback that answers as a store of version 2 does. What TLS does with
// certificates is for tests/unit/identity/idp_client_test.cpp.
#include "agent/credentials/vault_source.h"

#include "agent/credentials/secret_file.h"
#include "tests/unit/credentials/folder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::credentials {
namespace {

using namespace std::chrono_literals;

// Takes one connection, reads a head and writes the answer; none where it is empty.
class Vault {
 public:
  explicit Vault(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 1) != 0 ||
        ::getsockname(listener_, raw, &size) != 0)
      throw std::runtime_error("no listener");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Vault() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;

  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/v1/secret/data/llm/team";
  }
  std::string request;  // once the source has answered

 private:
  void serve() {
    const int fd = ::accept(listener_, nullptr, nullptr);
    std::array<char, 4096> piece{};
    while (fd >= 0 && (answer_.empty() || request.find("\r\n\r\n") == std::string::npos)) {
      const ssize_t n = ::read(fd, piece.data(), piece.size());
      if (n <= 0) break;
      request.append(piece.data(), static_cast<std::size_t>(n));
    }
    if (fd >= 0) (void)!::write(fd, answer_.data(), answer_.size());
    if (fd >= 0) ::close(fd);
  }
  std::string answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::string response(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
std::string secret(const std::string& fields, int lease = 0) {
  return R"({"request_id":"1","lease_id":"","renewable":false,"lease_duration":)" +
         std::to_string(lease) + R"(,"data":{"data":)" + fields +
         R"(,"metadata":{"version":4,"destroyed":false}},"auth":null})";
}

class VaultSourceTest : public testing::Test {
 protected:
  Result<Fetched, std::string> fetch(const std::string& url,
                                     std::chrono::milliseconds patience = 20s) const {
    const std::string token = folder.path + "/token";
    return VaultSource({.url = url,
                        .field = "value",
                        .token = [token] { return read_secret_file(token); },
                        .roots = "/etc/ssl/certs/ca-certificates.crt",
                        .never_trust = "/nowhere"},
                       patience)
        .fetch();
  }
  std::string why(const std::string& answer) const {
    const Vault vault(answer);
    const auto fetched = fetch(vault.url());
    return fetched ? "fetched" : fetched.error();
  }
  Folder folder;
  std::string written = folder.write("token", "hvs.not-a-token\n", 0400);
};

TEST_F(VaultSourceTest, ReadsOneFieldWithItsTokenAndItsLease) {
  Vault vault(response("200 OK", secret(R"({"other":"x","value":"sekret"})", 90)));
  const auto fetched = fetch(vault.url());
  ASSERT_TRUE(fetched) << fetched.error();
  EXPECT_EQ(fetched->value.reveal(), "sekret");
  EXPECT_EQ(fetched->lease, 90s);
  EXPECT_TRUE(vault.request.starts_with("GET /v1/secret/data/llm/team HTTP/1.1\r\n"));
  EXPECT_NE(vault.request.find("\r\nAuthorization: Bearer hvs.not-a-token\r\n"), std::string::npos);
}

TEST_F(VaultSourceTest, TakesALeaseOfZeroForNone) {
  const auto fetched = read_vault_answer(secret(R"({"value":"sekret"})"), "value");
  ASSERT_TRUE(fetched);
  EXPECT_FALSE(fetched->lease);
}

TEST_F(VaultSourceTest, NamesWhatIsWrongAndShowsNothingOfTheAnswer) {
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos && text.find("sek") == std::string::npos;
  };
  EXPECT_TRUE(has(why(response("403 Forbidden", R"({"errors":["sek"]})")), "this token"));
  EXPECT_TRUE(has(why(response("404 Not Found", "{}")), "no such secret"));
  EXPECT_TRUE(has(why(response("503 Service Unavailable", "{}")), "sealed"));
  EXPECT_TRUE(has(why(response("307 Temporary Redirect", "")), "HTTP status 307"));
  EXPECT_TRUE(has(why(response("200 OK", "sek")), "no JSON"));
  EXPECT_TRUE(has(why(response("200 OK", secret("null"))), "deleted"));
  EXPECT_TRUE(has(why(response("200 OK", R"({"data":{"value":"sek"}})")), "store is another"));
  EXPECT_TRUE(has(why(response("200 OK", secret(R"({"v":"sek"})"))), "no text \"value\""));
  EXPECT_TRUE(has(why(response("200 OK", secret(R"({"value":7})"))), "no text \"value\""));
  EXPECT_TRUE(has(why(response("200 OK", secret(R"({"value":"sek\nret"})"))), "is no credential"));
  EXPECT_TRUE(has(why("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"), "ended early"));
}

TEST_F(VaultSourceTest, DoesNotWaitForOneThatSaysNothing) {
  const Vault vault("");
  const auto fetched = fetch(vault.url(), 300ms);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error(), "the vault: no answer in time");
}

TEST_F(VaultSourceTest, GivesItsTokenToNobodyWithoutACertificate) {
  Vault vault(response("200 OK", secret(R"({"value":"sekret"})")));
  EXPECT_FALSE(fetch(vault.url("https"), 2s));
  EXPECT_EQ(vault.request.find("hvs."), std::string::npos);
}

TEST_F(VaultSourceTest, AsksNothingWithoutAToken) {
  folder.write("token", "hvs.not-a-token", 0444);
  const Vault vault("x");
  const auto fetched = fetch(vault.url());
  ASSERT_FALSE(fetched);
  EXPECT_NE(fetched.error().find("its token: can be read by everybody"), std::string::npos);
}

}  // namespace
}  // namespace veilwire::credentials
