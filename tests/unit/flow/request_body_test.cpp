// Bodies of requests that are broken or coded: what is wrong is said in the client's own protocol,
// stands on record, and does not go upstream; what is only coded is masked inside its coding.
#include "tests/unit/flow/relay_fixture.h"
#include "userspace/wire/content_coding.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string coded(wire::Coding coding, std::string_view text) {
  auto encoder = wire::Encoder::make({coding});
  std::string out;
  EXPECT_TRUE(encoder && encoder->feed(text, out) && encoder->finish(out));
  return out;
}

std::string decoded(wire::Coding coding, std::string_view bytes) {
  auto decoder = wire::Decoder::make({coding});
  std::string out;
  EXPECT_TRUE(decoder && decoder->feed(bytes, out) && decoder->finish());
  return out;
}

constexpr std::string_view kSecret = R"({"messages":[{"role":"user","content":"KEY-12345678"}]})";

class RequestBody : public RelayTest {
 protected:
  void expect_refusal(std::string_view status, std::string_view reason) {
    EXPECT_EQ(sink.upstream, "");
    EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 " + std::string(status) + " "));
    EXPECT_THAT(sink.client, HasSubstr(R"("type":"error")"));
    EXPECT_THAT(sink.client, HasSubstr("x-should-retry: false"));
    EXPECT_TRUE(sink.closed);
    EXPECT_FALSE(sink.reset);
    const auto gaps = sink.all<audit::Gap>();
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_EQ(gaps[0].reason, reason);
    EXPECT_EQ(gaps[0].action, "block");
    EXPECT_EQ(sink.all<audit::ExchangeClose>().size(), 1U);
    for (const std::string& text : {sink.recorded_request(), sink.recorded_response()})
      EXPECT_THAT(text, Not(HasSubstr("KEY-12345678")));
  }
};

TEST_F(RequestBody, JsonThatIsNoneIsRefused) {
  client(post(R"({"messages":[{"content":KEY-12345678}]})"));
  expect_refusal("451", "malformed");
}

TEST_F(RequestBody, ACodingThatIsBrokenIsRefused) {
  std::string body = coded(wire::Coding::Gzip, kSecret);
  body[body.size() / 2] = static_cast<char>(~body[body.size() / 2]);
  client(post(body, "Content-Encoding: gzip\r\n"));
  expect_refusal("451", "malformed");
}

TEST_F(RequestBody, ACodingThatIsCutIsRefused) {
  const std::string body = coded(wire::Coding::Gzip, kSecret);
  client(post(body.substr(0, body.size() - 9), "Content-Encoding: gzip\r\n"));
  expect_refusal("451", "malformed");
}

TEST_F(RequestBody, TwoTypesAreRefused) {
  client(post(kSecret, "Content-Type: image/png\r\n"));
  expect_refusal("451", "malformed");
}

TEST_F(RequestBody, ChunksThatAreNoneAreRefused) {
  for (const char* rest : {"zz\r\n", "2\r\nabX", "-1\r\n", "2 ;\r\nab\r\n0\r\n"}) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(
        "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        now);
    one.from_client(rest, now);
    EXPECT_EQ(log.upstream, "") << rest;
    EXPECT_THAT(log.client, StartsWith("HTTP/1.1 400 ")) << rest;
    const auto gaps = log.all<audit::Gap>();
    ASSERT_EQ(gaps.size(), 1U) << rest;
    EXPECT_EQ(gaps[0].reason, "malformed");
  }
}

TEST_F(RequestBody, EveryCodingIsMaskedInside) {
  const std::pair<wire::Coding, std::string_view> codings[] = {{wire::Coding::Gzip, "gzip"},
                                                               {wire::Coding::Deflate, "deflate"},
                                                               {wire::Coding::Brotli, "br"},
                                                               {wire::Coding::Zstd, "zstd"}};
  for (const auto& [coding, name] : codings) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(coded(coding, kSecret), "Content-Encoding: " + std::string(name) + "\r\n"),
                    now);
    const std::string body = log.upstream.substr(log.upstream.find("\r\n\r\n") + 4);
    EXPECT_THAT(decoded(coding, body), HasSubstr("\"content\":\"[MASKED:test-key:")) << name;
  }
}

TEST_F(RequestBody, AFormIsMaskedAndItsCredentialsAreNotRecorded) {
  const std::string form = "client_secret=KEY-87654321&text=KEY-12345678%21";
  client(
      "POST /token HTTP/1.1\r\nHost: api.anthropic.com\r\n"
      "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
      std::to_string(form.size()) + "\r\n\r\n" + form);
  EXPECT_THAT(sink.upstream,
              HasSubstr("\r\n\r\nclient_secret=KEY-87654321&text=%5BMASKED%3Atest-key"));
  EXPECT_THAT(sink.upstream, HasSubstr("%5D%21"));
  EXPECT_THAT(sink.upstream, Not(HasSubstr("KEY-12345678")));
  const std::string recorded = sink.recorded_request();
  EXPECT_THAT(recorded, HasSubstr("client_secret=************&text="));
  EXPECT_THAT(recorded, HasSubstr("=%5BMASKED"));
  EXPECT_THAT(recorded, Not(HasSubstr("KEY-")));
}

TEST_F(RequestBody, TheCredentialsOfALoginPassAndAreNotRecorded) {
  const std::string body =
      R"({"grant_type":"refresh_token","refresh_token":"KEY-876\u00354321","note":"KEY-12345678"})";
  client(
      "POST /v1/oauth/token HTTP/1.1\r\nHost: api.anthropic.com\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_THAT(sink.upstream, HasSubstr(R"("refresh_token":"KEY-876\u00354321","note":"[MASKED:)"));
  EXPECT_THAT(sink.recorded_request(),
              HasSubstr(R"("refresh_token":"*****************","note":"[MASKED:)"));
}

}  // namespace
}  // namespace veilwire::flow
