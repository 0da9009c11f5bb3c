#include "userspace/flow/request_head_edit.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/crypto/encoding.h"
#include "userspace/wire/http1_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kSecret = "KEY-12345678";

class RequestHeadEdit : public testing::Test {
 protected:
  std::shared_ptr<const Ruleset> ruleset = make_ruleset();
  std::shared_ptr<const masking::Engine> engine =
      ruleset->engine(policy::Direction::Request, "mcp.example.com", nullptr);
  const std::string mask = masking::mask_all(*engine, kSecret);
  Masks masks;

  std::string edited(std::string_view raw, policy::Service service = policy::Service::Generic,
                     BodyChange body = {}) {
    auto head = wire::parse_request_head(raw);
    EXPECT_TRUE(head);
    mask_request_head(*head, service, body, engine, masks);
    // Every span is right behind the edits: what is there now reads the same from its bytes.
    const auto again = wire::parse_request_head(head->raw);
    EXPECT_TRUE(again && again->fields == head->fields && again->target() == head->target());
    return head->raw;
  }
  std::string target(std::string_view text, policy::Service service = policy::Service::Generic) {
    const std::string raw =
        edited("GET " + std::string(text) + " HTTP/1.1\r\nHost: h\r\n\r\n", service);
    return raw.substr(4, raw.find(" HTTP/1.1") - 4);
  }
  std::string with_body(std::string_view field, std::string_view plain, std::string_view released) {
    constexpr std::string_view kStart = "POST /mcp HTTP/1.1\r\nHost: h\r\n";
    const std::string raw = edited(std::string(kStart) + std::string(field) + "\r\n\r\n",
                                   policy::Service::Mcp, {plain, released});
    return raw.substr(kStart.size(), raw.size() - kStart.size() - 4);
  }
  static std::string base64(std::string_view text) {
    return "=?base64?" + crypto::base64_encode(text) + "?=";
  }
};

TEST_F(RequestHeadEdit, KeepsEveryByteWhereNothingIsFound) {
  constexpr std::string_view kRaw =
      "POST /a%2fb/../c?x=%41&&y=a+b;z HTTP/1.1\r\nhOsT:h\r\nX-Odd:   spaced\t \r\n"
      "x: \xC3\xA9\r\n\r\n";
  EXPECT_EQ(edited(kRaw), kRaw);
  EXPECT_TRUE(masks.empty());
}

TEST_F(RequestHeadEdit, MasksAFieldAndKeepsTheRestOfItsLine) {
  EXPECT_EQ(edited("GET / HTTP/1.1\r\nHost: h\r\nx-NOTE:  a KEY-12345678 b \r\nX-B: c\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\nx-NOTE:  a " + mask + " b \r\nX-B: c\r\n\r\n");
  ASSERT_EQ(masks.size(), 1U);
  EXPECT_EQ(masks[0].rule, "test-key");
  EXPECT_EQ(masks[0].action, "mask");
}

TEST_F(RequestHeadEdit, LeavesWhatAClientShowsToItsOwnServer) {
  for (const char* name :
       {"Authorization", "X-API-Key", "Cookie", "Mcp-Session-Id", "Proxy-Authorization",
        "Private-Token", "DD-APPLICATION-KEY", "X-Auth", "X-Vendor-Session", "Last-Event-ID"}) {
    const std::string raw =
        "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(name) + ": KEY-12345678\r\n\r\n";
    EXPECT_EQ(edited(raw), raw);
  }
}

TEST_F(RequestHeadEdit, MasksParametersInTheirOwnEncoding) {
  const std::string coded = "%5BMASKED%3A" + mask.substr(8, mask.find(':', 8) - 8) + "%3A" +
                            mask.substr(mask.find(':', 8) + 1, 4);
  EXPECT_THAT(target("/q?a=%41&note=x%20KEY-12345678%21&b=%42"),
              AllOf(StartsWith("/q?a=%41&note=x%20" + coded), HasSubstr("%21&b=%42")));
  EXPECT_THAT(target("/q?KEY%2D1234%35678=1"), Not(HasSubstr("1234")));
  EXPECT_THAT(target("/q?note=a+KEY-12345678+b"), StartsWith("/q?note=a+%5BMASKED"));
  EXPECT_EQ(masks.size(), 3U);
}

TEST_F(RequestHeadEdit, LeavesParametersThatAreNamedLikeACredential) {
  for (const char* text : {"/q?api_key=KEY-12345678", "/q?a=1&access-token=KEY-12345678&b=2"})
    EXPECT_EQ(target(text), text);
}

TEST_F(RequestHeadEdit, MasksAPathUnlessItIsTheAddressOfAnMcpServer) {
  EXPECT_THAT(target("/v1/KEY-123456%378/x"),
              AllOf(StartsWith("/v1/%5BMASKED"), testing::EndsWith("/x")));
  EXPECT_EQ(target("/s/KEY-12345678/mcp", policy::Service::Mcp), "/s/KEY-12345678/mcp");
}

TEST_F(RequestHeadEdit, SaysThatARequestMustNotGoOut) {
  target("/q?word=BAD%2D1234");
  ASSERT_EQ(masks.size(), 1U);
  EXPECT_EQ(masks[0].action, "block");
}

TEST_F(RequestHeadEdit, AFieldThatRepeatsTheBodyFollowsIt) {
  const std::string plain =
      R"({"method":"resources/read","params":{"uri":"file:///KEY\u002d12345678","n":"x"}})";
  const std::string released =
      R"({"method":"resources/read","params":{"uri":"file:///[M\"1]","n":"x"}})";
  EXPECT_EQ(with_body("Mcp-Name: file:///KEY-12345678", plain, released),
            R"(Mcp-Name: file:///[M"1])");
  EXPECT_EQ(with_body("mcp-NAME:" + base64("file:///KEY-12345678"), plain, released),
            "mcp-NAME:" + base64(R"(file:///[M"1])"));
  EXPECT_EQ(with_body("Mcp-Method: resources/read", plain, released), "Mcp-Method: resources/read");
  EXPECT_TRUE(masks.empty());  // they are counted in the body
}

TEST_F(RequestHeadEdit, AParameterFollowsItsArgumentWhateverItsNameAndTypeAre) {
  const std::string plain =
      R"({"params":{"name":"t","arguments":{"pw":"hunter22","n":4111111111111111}}})";
  const std::string released = R"({"params":{"name":"t","arguments":{"pw":"[M:1]","n":"[M:2]"}}})";
  EXPECT_EQ(with_body("Mcp-Param-Token: hunter22", plain, released), "Mcp-Param-Token: [M:1]");
  EXPECT_EQ(with_body("Mcp-Param-N: 4111111111111111", plain, released), "Mcp-Param-N: [M:2]");
  // What would not survive as a value of a field is written in base64.
  const std::string odd = R"({"params":{"arguments":{"pw":"\u00e9[M:1]"}}})";
  EXPECT_EQ(
      with_body("Mcp-Param-Pw: hunter22", R"({"params":{"arguments":{"pw":"hunter22"}}})", odd),
      "Mcp-Param-Pw: " + base64("\xC3\xA9[M:1]"));
}

TEST_F(RequestHeadEdit, WhatTheBodyDoesNotMaskStaysInItsFieldToo) {
  // The name of a tool is what the server knows it by.
  const std::string body = R"({"method":"tools/call","params":{"name":"KEY-12345678"}})";
  EXPECT_EQ(with_body("Mcp-Name: KEY-12345678", body, body), "Mcp-Name: KEY-12345678");
}

TEST_F(RequestHeadEdit, AFieldThatClaimsToRepeatTheBodyIsTextLikeAnyOther) {
  const std::string body = R"({"params":{"name":"t"}})";
  EXPECT_EQ(with_body("Mcp-Name: KEY-12345678", body, body), "Mcp-Name: " + mask);
  EXPECT_EQ(with_body("Mcp-Param-A: " + base64(kSecret), {}, {}), "Mcp-Param-A: " + base64(mask));
  EXPECT_EQ(masks.size(), 2U);
}

class McpHeadTest : public RelayTest {
 protected:
  McpHeadTest() : RelayTest("mcp.example.com", policy::Service::Mcp) {}
  static std::string call(std::string_view fields, std::string_view body,
                          std::string_view target = "/mcp") {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: mcp.example.com\r\n" +
           std::string(fields) +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
  }
};

TEST_F(McpHeadTest, NeitherTheServerNorTheRecordReadsASecretInAHead) {
  client(call(
      "Mcp-Method: resources/read\r\nMcp-Name: f:///KEY-12345678\r\nMcp-Param-A: " +
          std::string("=?base64?S0VZLTEyMzQ1Njc4?=\r\n"),
      R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"f:///KEY-12345678"}})",
      "/mcp?q=KEY%2D12345678"));
  EXPECT_THAT(sink.upstream, AllOf(Not(HasSubstr("12345678")), Not(HasSubstr("S0VZLTEyMzQ1Njc4")),
                                   HasSubstr("Mcp-Method: resources/read\r\n"),
                                   HasSubstr("Mcp-Name: f:///[MASKED:test-key:"),
                                   HasSubstr("\"uri\":\"f:///[MASKED:test-key:")));
  const auto heads = sink.all<audit::RequestHead>();
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_THAT(heads[0].target, Not(HasSubstr("12345678")));
  for (const auto& [name, value] : heads[0].fields)
    EXPECT_THAT(value, AllOf(Not(HasSubstr("12345678")), Not(HasSubstr("S0VZLTEyMzQ1Njc4"))));
}

TEST_F(McpHeadTest, ABlockInTheHeadStopsTheRequest) {
  client(call("X-Note: BAD-1234\r\n", "{}"));
  EXPECT_EQ(sink.upstream, "");
  EXPECT_EQ(sink.all<audit::Blocked>().size(), 1U);
  EXPECT_EQ(sink.outcome(), "blocked");
}

TEST_F(McpHeadTest, TrailersAreReadLikeFields) {
  client(
      "POST /mcp HTTP/1.1\r\nHost: mcp.example.com\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-T: KEY-12345678\r\nX-U: 1\r\n\r\n");
  EXPECT_THAT(
      sink.upstream,
      testing::EndsWith("0\r\nX-T: " + masking::mask_all(*ruleset->record_engine(), kSecret) +
                        "\r\nX-U: 1\r\n\r\n"));
}

}  // namespace
}  // namespace veilwire::flow
