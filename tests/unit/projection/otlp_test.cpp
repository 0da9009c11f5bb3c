#include "userspace/projection/otlp.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/protobuf.h"

#include <gtest/gtest.h>

// That whole requests are what upstream's definitions say is shown by
// tests/projection/otlp_test.py.

namespace veilwire::projection {
namespace {

using namespace std::string_view_literals;

const Source kSource{.version = "0.1.0", .host_id = "3f6c1d0e", .host_name = "ws-17"};

Event event(std::size_t bytes) {
  Event event{.time_ns = 1,
              .severity = Severity::Info,
              .name = "e",
              .attributes = Value::map(),
              .body = {}};
  event.body = Value::content(std::string(bytes, 'x'));
  return event;
}

TEST(OtlpRequest, IsNeverLargerThanWasAsked) {
  for (const std::size_t most : {400U, 1000U, 5000U, 100'000U}) {
    OtlpRequest request(kSource, most);
    std::size_t sent = 0;
    for (std::size_t i = 0; i < 200; ++i) {
      const Event next = event(i * 3 % 90);
      OtlpRequest::Added added = request.add(next);
      if (added == OtlpRequest::Added::Full) {
        sent += request.events();
        EXPECT_LE(request.finish().size(), most);
        added = request.add(next);
      }
      EXPECT_EQ(added, OtlpRequest::Added::Yes);
    }
    sent += request.events();
    EXPECT_LE(request.finish().size(), most);
    EXPECT_EQ(sent, 200U);
    EXPECT_EQ(request.events(), 0U);
  }
}

TEST(OtlpRequest, SaysWhatFitsIntoNoRequest) {
  OtlpRequest request(kSource, 1000);
  EXPECT_EQ(request.add(event(1000)), OtlpRequest::Added::TooLarge);
  EXPECT_EQ(request.add(event(10)), OtlpRequest::Added::Yes);
  EXPECT_EQ(request.add(event(1000)), OtlpRequest::Added::TooLarge);
  EXPECT_EQ(request.events(), 1U);
  EXPECT_EQ(OtlpRequest(kSource, 10).add(event(0)), OtlpRequest::Added::TooLarge);
}

TEST(OtlpRequest, TheLargestExchangeFits) {
  std::string numbers = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":[0)";
  while (numbers.size() + 5 < kShownBody) numbers += ",0";
  audit::RequestHead head = sample_head("mcp", "/");
  head.mcp_method = "tools/call";
  std::vector<audit::Body> bodies = {head};
  numbers += "]}}";
  for (std::size_t at = 0; at < numbers.size(); at += 16'000) {
    bodies.push_back(
        audit::RequestBody{.offset = at, .content = numbers.substr(at, 16'000), .masks = {}});
  }
  const auto told = event_of(as_exchange(bodies), Level::Masked);
  EXPECT_EQ(OtlpRequest(kSource).add(*told), OtlpRequest::Added::Yes);
}

TEST(OtlpAnswer, OfASuccess) {
  EXPECT_EQ(parse_otlp_answer("")->rejected, 0U);
  EXPECT_EQ(parse_otlp_answer("\x0a\x00"sv)->rejected, 0U);
  const auto warned = parse_otlp_answer("\x0a\x06\x12\x04slow"sv);
  EXPECT_EQ(warned->rejected, 0U);
  EXPECT_EQ(warned->message, "slow");
}

TEST(OtlpAnswer, OfAPartialSuccess) {
  const auto answer = parse_otlp_answer("\x0a\x0a\x08\xac\x02\x12\x05too\xff!"sv);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rejected, 300U);
  EXPECT_EQ(answer->message, "too\xEF\xBF\xBD!");
  // Fields that a newer version may add.
  EXPECT_EQ(parse_otlp_answer("\x10\x01\x0a\x06\x08\x01\x1a\x02xx"sv)->rejected, 1U);
}

TEST(OtlpAnswer, GarbageIsNoSuccess) {
  for (const std::string_view bytes :
       {"OK"sv, "{}"sv, R"({"partialSuccess":{}})"sv, "<html>"sv, "\x0a"sv, "\x0a\x05\x08"sv,
        "\x0a\x02\x0a\x00"sv, "\x08\x01"sv, "\x0a\x02\x10\x01"sv, "\0"sv}) {
    const auto answer = parse_otlp_answer(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error(), OtlpError::NotProtobuf);
  }
  const auto negative = parse_otlp_answer("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv);
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error(), OtlpError::NegativeCount);
}

}  // namespace
}  // namespace veilwire::projection
