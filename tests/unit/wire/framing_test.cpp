// What is accepted, and how it is framed. What is refused stands in smuggling_test.cpp.
#include "userspace/wire/framing.h"

#include "tests/unit/wire/http_events.h"
#include "userspace/wire/http1_head.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

RequestHead request_head(const std::string& text) {
  auto head = parse_request_head(text);
  EXPECT_TRUE(head) << text;
  return std::move(head).value();
}

std::string framed(const std::string& text) {
  const auto framing = decide_framing(request_head(text));
  return framing ? describe(*framing) : std::string(to_string(framing.error().error));
}

TEST(Framing, OfRequests) {
  EXPECT_EQ(framed("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "none");
  EXPECT_EQ(framed("GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\t0042 \r\n\r\n"), "length 42");
  EXPECT_EQ(framed("POST / HTTP/1.1\r\nHost: x\r\ntransfer-encoding:CHUNKED\r\n\r\n"), "chunked");
  EXPECT_EQ(framed("POST / HTTP/1.0\r\nContent-Length: 9223372036854775807\r\n\r\n"),
            "length 9223372036854775807");
}

TEST(Framing, TakesEveryFormOfTarget) {
  EXPECT_EQ(framed("GET https://a.b/c?d HTTP/1.1\r\nHost: A.b\r\n\r\n"), "none");
  EXPECT_EQ(framed("GET https://a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), "none");
  EXPECT_EQ(framed("GET HTTP://a?x HTTP/1.1\r\nHost: a:80\r\n\r\n"), "none");
  EXPECT_EQ(framed("GET https://a HTTP/1.0\r\n\r\n"), "none");
  EXPECT_EQ(framed("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "none");
  EXPECT_EQ(framed("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), "none");
  EXPECT_EQ(framed("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), "none");
  EXPECT_EQ(framed("CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"), "none");
  EXPECT_EQ(framed("GET /a|b{c}\"<>\\^` HTTP/1.1\r\nHost: x\r\n\r\n"), "none");
}

TEST(Framing, TakesEveryFormOfHost) {
  for (const char* host : {"a", "a.example.", "127.0.0.1", "a:443", "a:", "[2001:db8::1]",
                           "[::ffff:1.2.3.4]:80", "a_b-c~d", "a%20b"}) {
    EXPECT_EQ(framed("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), "none") << host;
  }
}

TEST(Framing, SaysWhatTheResponseDependsOn) {
  EXPECT_TRUE(expectation_of(request_head("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")).head);
  EXPECT_FALSE(expectation_of(request_head("head / HTTP/1.1\r\nHost: x\r\n\r\n")).head);
  EXPECT_TRUE(expectation_of(request_head("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")).connect);
  const std::string upgrade =
      "Host: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_TRUE(expectation_of(request_head("GET / HTTP/1.1\r\n" + upgrade)).upgrade);
  EXPECT_FALSE(expectation_of(request_head("GET / HTTP/1.0\r\n" + upgrade)).upgrade);
  EXPECT_FALSE(
      expectation_of(request_head("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"))
          .upgrade);
}

TEST(Framing, FindsTheAuthority) {
  EXPECT_EQ(authority(request_head("GET / HTTP/1.1\r\nHost: a:1\r\n\r\n")), "a:1");
  EXPECT_EQ(authority(request_head("GET http://b:2/x HTTP/1.1\r\nHost: b:2\r\n\r\n")), "b:2");
  EXPECT_EQ(authority(request_head("CONNECT c:3 HTTP/1.1\r\nHost: c:3\r\n\r\n")), "c:3");
  EXPECT_EQ(authority(request_head("GET / HTTP/1.0\r\n\r\n")), "");
}

TEST(Framing, AFaultPointsAtItsField) {
  const RequestHead head = request_head(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto framing = decide_framing(head);
  ASSERT_FALSE(framing);
  EXPECT_EQ(framing.error(), (HttpFault{HttpError::LengthAndCoding, 26}));
}

}  // namespace
}  // namespace veilwire::wire
