#include "userspace/identity/device_flow.h"

#include "tests/unit/identity/oidc_fixtures.h"
#include "userspace/base/limits.h"

#include <utility>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;
using State = DeviceFlow::State;

const Url kIssuer = parse_issuer("https://idp.example").value();

class DeviceRequest : public Conversation {};

TEST_F(DeviceRequest, IsTheRfcsExample) {
  // 3.1.
  client_ = OidcClient::without_secret("1406020730");
  const auto sent = device_authorization_request(context(), "example_scope");
  EXPECT_EQ(sent->url.target, "/device");
  EXPECT_EQ(sent->body.reveal(), "scope=example_scope&client_id=1406020730");
}

// 3.2, where a member is replaced by another text, or left out.
std::string start_answer(const std::string& name = {}, const std::string& value = {}) {
  const std::pair<std::string, std::string> members[] = {
      {"device_code", R"("GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS")"},
      {"user_code", R"("WDJB-MJHT")"},
      {"verification_uri", R"("https://example.com/device")"},
      {"verification_uri_complete", R"("https://example.com/device?user_code=WDJB-MJHT")"},
      {"expires_in", "1800"},
      {"interval", "5"}};
  std::string out;
  for (const auto& [member, own] : members) {
    const std::string& text = member == name ? value : own;
    if (!text.empty()) out += (out.empty() ? "{\"" : ",\"") + member + "\":" + text;
  }
  return out + "}";
}
Result<DeviceStart, IdpFault> read(const std::string& json) {
  return read_device_start(answer(json), kIssuer, at(seconds(1000)));
}
std::string verdict_of(const std::string& name, const std::string& value) {
  const auto start = read(start_answer(name, value));
  return start ? "taken" : to_string(start.error());
}
std::string said(IdpError error, std::string_view about) {
  return to_string(IdpFault{.error = error, .about = about});
}

TEST(DeviceStart, OfTheRfcIsRead) {
  const auto start = read(start_answer());
  ASSERT_TRUE(start);
  EXPECT_EQ(start->device_code.reveal(), "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS");
  EXPECT_EQ(start->user_code, "WDJB-MJHT");
  EXPECT_EQ(start->verification_uri, "https://example.com/device");
  EXPECT_EQ(start->verification_uri_complete, "https://example.com/device?user_code=WDJB-MJHT");
  EXPECT_EQ(start->interval, seconds(5));
  EXPECT_EQ(start->until, at(seconds(2800)));
}

TEST(DeviceStart, MayLackWhatIsOptional) {
  EXPECT_EQ(read(start_answer("interval"))->interval, seconds(5));
  EXPECT_EQ(read(start_answer("verification_uri_complete"))->verification_uri_complete, "");
  for (const char* name : {"device_code", "user_code", "verification_uri", "expires_in"})
    EXPECT_EQ(verdict_of(name, ""), said(IdpError::MemberMissing, name));
}

TEST(DeviceStart, ShowsAPersonNothingThatATerminalObeys) {
  for (const char* code : {R"("")", R"("A\u001b[2JB")", R"("A\nB")", R"("A B")", R"("\u202eAB")",
                           R"("\u0410BC")", "7", "null", R"("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDE")"})
    EXPECT_EQ(verdict_of("user_code", code), said(IdpError::MemberMalformed, "user_code")) << code;
  for (const char* name : {"verification_uri", "verification_uri_complete"})
    for (const char* url :
         {R"("http://example.com/device")", R"("http://127.0.0.1/device")", R"("javascript:x")",
          R"("example.com/device")", R"("https://example.com/\u001b[2J")", R"("https://a@b/")",
          R"("https://ex\u0430mple.com/")", "7", "null"})
      EXPECT_EQ(verdict_of(name, url), said(IdpError::InsecureEndpoint, name)) << url;
  EXPECT_EQ(verdict_of("device_code", R"("a\r\nb")"),
            said(IdpError::MemberMalformed, "device_code"));
}

TEST(DeviceStart, HasTimesWithinBounds) {
  for (const char* number : {"0", "-1", "1e3", "5.5", "9223372036854775808", "\"5\"", "null"}) {
    EXPECT_EQ(verdict_of("expires_in", number), said(IdpError::MemberMalformed, "expires_in"));
    EXPECT_EQ(verdict_of("interval", number), said(IdpError::MemberMalformed, "interval"));
  }
  EXPECT_EQ(verdict_of("interval", "121"), said(IdpError::MemberMalformed, "interval"));
  EXPECT_EQ(read(start_answer("expires_in", "9223372036854775807"))->until,
            at(seconds(1000) + limits::kDeviceFlowTime));
}

TEST(DeviceStart, MayBeRefused) {
  const auto refused =
      read_device_start(answer(R"({"error":"unauthorized_client"})", 400), kIssuer, at(seconds(0)));
  EXPECT_EQ(verdict(refused.error()), IdpVerdict::Misconfigured);
  EXPECT_FALSE(read_device_start(error_page(200), kIssuer, at(seconds(0))));
}

// A flow of 300 seconds that was started at 0.
class Flow : public ::testing::Test {
 protected:
  static DeviceStart start() {
    return *read_device_start(answer(start_answer("expires_in", "300")), kIssuer, at(seconds(0)));
  }
  // Polls when it is due and gives the answer a second later.
  std::optional<Tokens> poll(const IdpResponse& response) {
    const Monotonic due = flow_.due().value();
    flow_.asked(due);
    EXPECT_FALSE(flow_.due());
    now_ = due + seconds(1);
    return flow_.answered(response, now_, 0);
  }
  static IdpResponse error(const std::string& code, int status = 400) {
    return answer("{\"error\":\"" + code + "\"}", status);
  }
  std::chrono::nanoseconds wait() const { return flow_.due().value() - now_; }

  DeviceFlow flow_{start(), at(seconds(0))};
  Monotonic now_ = at(seconds(0));
};

TEST_F(Flow, PollsAtItsIntervalUntilThePersonHasSignedIn) {
  EXPECT_EQ(flow_.due(), at(seconds(5)));
  EXPECT_FALSE(poll(error("authorization_pending")));
  EXPECT_EQ(wait(), seconds(5));
  EXPECT_EQ(flow_.state(now_), State::Waiting);
  const auto tokens = poll(
      answer(R"({"access_token":"a","token_type":"Bearer","expires_in":60,"id_token":"e.y.s"})"));
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->id_token.reveal(), "e.y.s");
  EXPECT_EQ(tokens->since, at(seconds(11)));
  EXPECT_EQ(flow_.state(now_), State::Done);
  EXPECT_FALSE(flow_.due());
  EXPECT_FALSE(flow_.fault());
}

TEST_F(Flow, SlowsDownForGoodByFiveSecondsEachTime) {
  EXPECT_FALSE(poll(error("slow_down")));
  EXPECT_EQ(wait(), seconds(10));
  EXPECT_FALSE(poll(error("authorization_pending", 428)));
  EXPECT_EQ(wait(), seconds(10));
  EXPECT_FALSE(poll(error("slow_down", 403)));
  EXPECT_EQ(wait(), seconds(15));
}

TEST_F(Flow, EndsWhenThePersonSaysNo) {
  EXPECT_FALSE(poll(error("access_denied")));
  EXPECT_EQ(flow_.state(now_), State::Denied);
  EXPECT_FALSE(flow_.due());
}

TEST_F(Flow, EndsWhenTheIdpSaysThatItHasExpired) {
  EXPECT_FALSE(poll(error("expired_token")));
  EXPECT_EQ(flow_.state(now_), State::Expired);
  EXPECT_FALSE(flow_.due());
}

TEST_F(Flow, EndsWhenItsTimeIsOver) {
  while (flow_.due()) EXPECT_FALSE(poll(error("authorization_pending")));
  EXPECT_GE(now_, at(seconds(295)));
  EXPECT_EQ(flow_.state(at(seconds(299))), State::Waiting);
  EXPECT_EQ(flow_.state(at(seconds(300))), State::Expired);
}

TEST_F(Flow, EndsForEveryErrorThatTheRfcDoesNotName) {
  for (const char* code : {"invalid_grant", "invalid_client", "unauthorized_client", "something"}) {
    flow_ = DeviceFlow(start(), at(seconds(0)));
    EXPECT_FALSE(poll(error(code)));
    EXPECT_EQ(flow_.state(now_), State::Failed) << code;
    EXPECT_FALSE(flow_.due());
    EXPECT_TRUE(flow_.fault());
  }
}

TEST_F(Flow, EndsWithTokensThatCannotBeUsed) {
  const Monotonic due = flow_.due().value();
  flow_.asked(due);
  const auto bearer =
      answer(R"({"access_token":"a","token_type":"Bearer","expires_in":60,"id_token":"e.y.s"})");
  EXPECT_FALSE(flow_.answered(bearer, due, 0, TokenType::Dpop));
  EXPECT_EQ(flow_.state(due), State::Failed);
  EXPECT_EQ(flow_.fault()->error, IdpError::UnknownTokenType);
}

TEST_F(Flow, PollsLessOftenWhileTheIdpFails) {
  std::chrono::nanoseconds last{0};
  for (const IdpResponse& response :
       {error_page(502), error_page(200), error("server_error"), error("too_many", 429)}) {
    EXPECT_FALSE(poll(response));
    EXPECT_EQ(flow_.state(now_), State::Waiting);
    EXPECT_GT(wait(), last);
    EXPECT_GE(wait(), seconds(5));
    last = wait();
  }
  flow_.asked(*flow_.due());
  flow_.unreachable(now_, 0);
  EXPECT_GT(wait(), last);
  EXPECT_EQ(flow_.fault()->error, IdpError::Unreachable);
  // It has come back.
  EXPECT_FALSE(poll(error("authorization_pending")));
  EXPECT_EQ(wait(), seconds(5));
}

TEST_F(Flow, WaitsAsLongAsTheIdpAsksItTo) {
  IdpResponse busy = error("slow_down", 429);
  busy.retry_after = "60";
  EXPECT_FALSE(poll(busy));
  EXPECT_EQ(wait(), seconds(60));
}

}  // namespace
}  // namespace veilwire::identity
