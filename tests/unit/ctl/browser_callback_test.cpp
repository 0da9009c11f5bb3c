#include "agent/ctl/browser_callback.h"

#include <atomic>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

using std::chrono::seconds;

host::UniqueFd visit(std::uint16_t port) {
  host::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}
std::string said(std::uint16_t port, const std::string& request) {
  const host::UniqueFd fd = visit(port);
  for (const char c : request) static_cast<void>(!::send(fd.get(), &c, 1, MSG_NOSIGNAL));
  std::string answer;
  char piece[4096];
  for (ssize_t n = 0; (n = ::recv(fd.get(), piece, sizeof piece, 0)) > 0;)
    answer.append(piece, static_cast<std::size_t>(n));
  return answer;
}
std::string page(std::uint16_t port, const std::string& target) {
  return said(port, "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
}
std::string post(const std::string& form) {
  return "POST /s HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
         std::to_string(form.size()) + "\r\n\r\n" + form;
}

TEST(BrowserCallback, WaitsForTheRequestThatIsTheRightOne) {
  const BrowserCallback callback;
  std::string last;
  std::thread browser([&] {
    const host::UniqueFd silent = visit(callback.port());  // opened ahead
    EXPECT_NE(page(callback.port(), "/favicon.ico").find("404"), std::string::npos);
    last = page(callback.port(), "/signed-in?code=x");
  });
  std::string taken;
  EXPECT_TRUE(callback.serve(
      [&](const BrowserRequest& request) -> std::optional<std::string> {
        if (!request.target.starts_with("/signed-in")) return std::nullopt;
        taken = request.target;
        return "Done & <well>";
      },
      -1, seconds(20)));
  browser.join();
  EXPECT_EQ(taken, "/signed-in?code=x");
  EXPECT_NE(last.find("Done &amp; &lt;well>"), std::string::npos) << last;
}

TEST(BrowserCallback, EndsWhereNobodyComesOrTheDaemonHasGone) {
  const BrowserCallback callback;
  const auto take = [](const BrowserRequest&) { return std::optional<std::string>("x"); };
  EXPECT_FALSE(callback.serve(take, -1, seconds(0)));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[1]);
  EXPECT_FALSE(callback.serve(take, ends[0], seconds(20)));
  ::close(ends[0]);
}

TEST(BrowserCallback, TakesAFormAtAFixedAddressWithinItsBound) {
  const host::LoopbackAddress address{.v6 = false, .port = BrowserCallback().port(), .path = "/s"};
  const auto callback = BrowserCallback::at(address, 16);
  ASSERT_TRUE(callback);
  EXPECT_EQ(callback->port(), address.port);
  std::string large, last;
  std::thread browser([&] {
    large = said(address.port, post("a=" + std::string(15, 'x')));
    last = said(address.port, post("a=b"));
  });
  std::string taken;
  EXPECT_TRUE(callback->serve(
      [&](BrowserRequest request) -> std::optional<std::string> {
        taken = request.form.value_or("");
        return "Done";
      },
      -1, seconds(20)));
  browser.join();
  EXPECT_EQ(taken, "a=b");
  EXPECT_NE(large.find("413"), std::string::npos) << large;
  EXPECT_NE(last.find("Done"), std::string::npos) << last;
}

TEST(BrowserCallback, APortThatIsTakenIsNotShared) {
  const BrowserCallback first;
  EXPECT_FALSE(BrowserCallback::at({.v6 = false, .port = first.port(), .path = "/"}, 16));
}

TEST(BrowserCallback, APortIsFreeAgainAtOnce) {
  const host::LoopbackAddress address{.v6 = false, .port = BrowserCallback().port(), .path = "/"};
  for (int i = 0; i < 2; ++i) {
    const auto callback = BrowserCallback::at(address, 16);
    ASSERT_TRUE(callback) << i;
    std::thread browser([&] { said(address.port, "GET / HTTP/1.1\r\n\r\n"); });
    EXPECT_TRUE(callback->serve(
        [](const BrowserRequest&) { return std::optional<std::string>("x"); }, -1, seconds(20)));
    browser.join();
  }
}

}  // namespace
}  // namespace veilwire::ctl
