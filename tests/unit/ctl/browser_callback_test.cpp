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
std::string page(std::uint16_t port, const std::string& target) {
  const host::UniqueFd fd = visit(port);
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  for (const char c : request) EXPECT_EQ(::send(fd.get(), &c, 1, MSG_NOSIGNAL), 1);
  std::string answer;
  char piece[4096];
  for (ssize_t n = 0; (n = ::recv(fd.get(), piece, sizeof piece, 0)) > 0;)
    answer.append(piece, static_cast<std::size_t>(n));
  return answer;
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
      [&](std::string target) -> std::optional<std::string> {
        if (!target.starts_with("/signed-in")) return std::nullopt;
        taken = std::move(target);
        return "Done & <well>";
      },
      -1, seconds(20)));
  browser.join();
  EXPECT_EQ(taken, "/signed-in?code=x");
  EXPECT_NE(last.find("Done &amp; &lt;well>"), std::string::npos) << last;
}

TEST(BrowserCallback, EndsWhereNobodyComesOrTheDaemonHasGone) {
  const BrowserCallback callback;
  const auto take = [](const std::string&) { return std::optional<std::string>("x"); };
  EXPECT_FALSE(callback.serve(take, -1, seconds(0)));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[1]);
  EXPECT_FALSE(callback.serve(take, ends[0], seconds(20)));
  ::close(ends[0]);
}

TEST(BrowserCallback, OnlyWholeRequestsWithGetHaveATarget) {
  EXPECT_EQ(request_target("GET /a?b=c HTTP/1.1\r\n\r\n"), "/a?b=c");
  for (const std::string_view head :
       {"GET /a HTTP/1.1\r\n", "POST /a HTTP/1.1\r\n\r\n", "GET /a\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n", "GET /a b\r\n\r\n", "", "\r\n\r\n"})
    EXPECT_EQ(request_target(head), std::nullopt) << head;
}

}  // namespace
}  // namespace veilwire::ctl
