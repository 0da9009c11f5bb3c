#include "agent/ctl/browser_request.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

constexpr std::size_t kMost = 100;

BrowserRead read(const std::string& bytes, std::size_t most = kMost) {
  BrowserRequest request;
  return read_browser_request(bytes, most, request);
}
std::string post(const std::string& fields, const std::string& body) {
  return "POST /saml HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + "\r\n\r\n" + body;
}
const std::string kType = "Content-Type: application/x-www-form-urlencoded";

TEST(BrowserRequest, WithGetHasATarget) {
  BrowserRequest request;
  EXPECT_EQ(read_browser_request("GET /a?b=c HTTP/1.1\r\n\r\n", 0, request), BrowserRead::Whole);
  EXPECT_EQ(request.target, "/a?b=c");
  EXPECT_FALSE(request.form);
}

TEST(BrowserRequest, WithPostHasAFormOnceItIsWhole) {
  const std::string whole =
      post("content-type:  Application/X-WWW-form-urlencoded; charset=utf-8\r\nCONTENT-LENGTH: 7 ",
           "a=b&c=d");
  BrowserRequest request;
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_EQ(read_browser_request(whole.substr(0, n), kMost, request), BrowserRead::More) << n;
  EXPECT_EQ(read_browser_request(whole, kMost, request), BrowserRead::Whole);
  EXPECT_EQ(request.target, "/saml");
  EXPECT_EQ(request.form, "a=b&c=d");
  EXPECT_EQ(read_browser_request(whole + "more", kMost, request), BrowserRead::Whole);
  EXPECT_EQ(request.form, "a=b&c=d");
}

TEST(BrowserRequest, AFormHasABoundThatIsKnownBeforeItComes) {
  EXPECT_EQ(read(post(kType + "\r\nContent-Length: 100", "")), BrowserRead::More);
  EXPECT_EQ(read(post(kType + "\r\nContent-Length: 101", "")), BrowserRead::TooLarge);
  EXPECT_EQ(read(std::string(16 * 1024, 'x')), BrowserRead::More);
  EXPECT_EQ(read(std::string(16 * 1024 + 1, 'x')), BrowserRead::TooLarge);
  EXPECT_EQ(read("GET /" + std::string(16 * 1024, 'x') + " HTTP/1.1\r\n\r\n"),
            BrowserRead::TooLarge);
}

TEST(BrowserRequest, WhatIsNotPlainlyOneIsNone) {
  for (const std::string& bytes :
       {std::string("GET /a\r\n\r\n"), std::string("GET  HTTP/1.1\r\n\r\n"),
        std::string("GET /a b\r\n\r\n"), std::string("GET /a b HTTP/1.1\r\n\r\n"),
        std::string("\r\n\r\n"), std::string("PUT /a HTTP/1.1\r\n\r\n"),
        std::string("GET /a HTTP/2\r\n\r\n"), post("Content-Length: 3", "a=b"), post(kType, "a=b"),
        post(kType + "\r\nTransfer-Encoding: chunked", "3\r\na=b\r\n0\r\n\r\n"),
        post(kType + "\r\nContent-Length: -3", "a=b"),
        post(kType + "\r\nContent-Length: +3", "a=b"),
        post(kType + "\r\nContent-Length: 3x", "a=b"),
        post(kType + "\r\nContent-Length: 3\r\nContent-Length: 3", "a=b"),
        post(kType + "\r\nContent-Length: 99999999999999999999999", "a=b"),
        post("Content-Type: text/plain\r\nContent-Length: 3", "a=b")})
    EXPECT_EQ(read(bytes), BrowserRead::Refused) << bytes;
  EXPECT_EQ(read(post(kType + "\r\nContent-Length: 3", "a=b"), 0), BrowserRead::Refused);
}

}  // namespace
}  // namespace veilwire::ctl
