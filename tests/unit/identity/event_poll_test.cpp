#include "userspace/identity/event_poll.h"

#include "tests/unit/identity/idp_responses.h"
#include "userspace/base/limits.h"
#include "userspace/identity/strict_json.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PollSettings settings(bool long_poll = true) {
  return {.endpoint = parse_url("https://notify.idp.example/Events", PlainHttp::Loopback).value(),
          .long_poll = long_poll};
}
IdpResponse sets(const std::string& members) { return answer(R"({"sets":{)" + members + "}}"); }
TokenFault bad_audience() { return {TokenError::WrongAudience, "aud"}; }

using Ids = std::vector<std::string>;  // or names, each inside of the one before

class EventPollTest : public ::testing::Test {
 protected:
  // What the next request says.
  JsonValue ask(seconds now) {
    const IdpRequest request = poll_.ask(Secret(std::string("Bearer h480djs93hd8")), at(now));
    EXPECT_EQ(request.authorization.reveal(), "Bearer h480djs93hd8");
    EXPECT_EQ(request.url.target, "/Events");
    EXPECT_EQ(request.body_type, IdpRequest::BodyType::Json);
    EXPECT_FALSE(poll_.due());
    return read_json_object(request.body.reveal(), 1 << 20).value();
  }
  // The ids that are to be looked at.
  std::vector<std::string> answered(const IdpResponse& response, seconds now) {
    const auto received = poll_.answered(response, at(now), 0);
    EXPECT_TRUE(received) << to_string(received.error());
    std::vector<std::string> ids;
    if (received)
      for (const ReceivedSet& set : *received) ids.push_back(set.id);
    return ids;
  }
  std::vector<std::string> acknowledged(const JsonValue& body) {
    std::vector<std::string> ids;
    if (const JsonValue* const ack = body.find("ack"))
      for (const JsonValue& id : ack->elements) ids.push_back(id.text);
    return ids;
  }

  EventPoll poll_{settings()};
};
TEST_F(EventPollTest, AsksForEventsAsTheRfcHasIt) {
  EXPECT_EQ(poll_.due(), at(seconds(0)));
  const JsonValue body = ask(seconds(1));
  EXPECT_EQ(body.boolean_at("returnImmediately"), false);
  EXPECT_EQ(body.integer_at("maxEvents"), static_cast<std::int64_t>(limits::kEventsOfPoll));
  EXPECT_EQ(body.members.size(), 2U);
}

// RFC 8936, 2.4.3 and 2.4.4, with the ids of its examples.
TEST_F(EventPollTest, AcknowledgesWhatHasTakenEffectAndSaysWhatIsWrong) {
  ask(seconds(1));
  EXPECT_EQ(answered(sets(R"("4d3559ec67504aaba65d40b0363faad8":"eyJ0.e30.x",
                             "3d0c3cf797584bd193bd0fb1bd4e7d30":"eyJ0.e30.y")"),
                     seconds(2)),
            (Ids{"4d3559ec67504aaba65d40b0363faad8", "3d0c3cf797584bd193bd0fb1bd4e7d30"}));
  poll_.refused("4d3559ec67504aaba65d40b0363faad8", bad_audience());
  poll_.accepted("3d0c3cf797584bd193bd0fb1bd4e7d30");
  const JsonValue body = ask(seconds(3));
  EXPECT_EQ(acknowledged(body), Ids{"3d0c3cf797584bd193bd0fb1bd4e7d30"});
  const JsonValue* const error = body.find(Ids{"setErrs", "4d3559ec67504aaba65d40b0363faad8"});
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(*error->text_at("err"), "invalid_audience");
  EXPECT_EQ(*error->text_at("description"), to_string(bad_audience()));
  EXPECT_EQ(answered(sets(""), seconds(40)), Ids());
  EXPECT_EQ(ask(seconds(41)).members.size(), 2U);  // once is enough
  EXPECT_EQ(poll_.counts().received, 2U);
  EXPECT_EQ(poll_.counts().refused, 1U);
}

TEST_F(EventPollTest, AcknowledgesNothingThatHasNotTakenEffect) {
  ask(seconds(1));
  EXPECT_EQ(answered(sets(R"("a":"x","b":"y")"), seconds(2)), (Ids{"a", "b"}));
  poll_.accepted("b");
  EXPECT_EQ(acknowledged(ask(seconds(3))), Ids{"b"});
  EXPECT_EQ(answered(sets(R"("a":"x")"), seconds(4)), Ids{"a"});
}

TEST_F(EventPollTest, SettlesAgainWhatComesAgain) {
  ask(seconds(1));
  answered(sets(R"("a":"x","b":"y")"), seconds(2));
  poll_.accepted("a");
  poll_.refused("b", bad_audience());
  ask(seconds(3));
  EXPECT_EQ(answered(sets(R"("a":"x","b":"y")"), seconds(4)), Ids());
  const JsonValue body = ask(seconds(20));
  EXPECT_EQ(acknowledged(body), Ids{"a"});
  EXPECT_NE(body.find(Ids{"setErrs", "b"}), nullptr);
  EXPECT_EQ(poll_.counts().again, 2U);
  EXPECT_EQ(poll_.counts().received, 2U);
}

TEST_F(EventPollTest, SendsAcknowledgementsAgainUntilTheyHaveArrived) {
  ask(seconds(1));
  answered(sets(R"("a":"x")"), seconds(2));
  poll_.accepted("a");
  EXPECT_EQ(acknowledged(ask(seconds(3))), Ids{"a"});
  EXPECT_FALSE(poll_.answered(error_page(502), at(seconds(4)), 0));
  EXPECT_EQ(acknowledged(ask(seconds(6))), Ids{"a"});
  poll_.unreachable(at(seconds(7)), 0);
  EXPECT_EQ(acknowledged(ask(seconds(9))), Ids{"a"});
  poll_.silent(at(seconds(60)), 0);
  EXPECT_EQ(acknowledged(ask(seconds(61))), Ids{"a"});
  EXPECT_EQ(answered(sets(""), seconds(62)), Ids());
  EXPECT_EQ(acknowledged(ask(seconds(63))), Ids());
}

TEST_F(EventPollTest, AsksAtOnceBehindWhatIsNewAndOtherwiseAtItsPace) {
  ask(seconds(10));
  answered(sets(""), seconds(10));  // it was not held
  EXPECT_EQ(poll_.due(), at(seconds(25)));
  ask(seconds(25));
  answered(sets(""), seconds(55));  // it was
  EXPECT_EQ(poll_.due(), at(seconds(55)));
  ask(seconds(55));
  answered(answer(R"({"sets":{"a":"x"},"moreAvailable":true})"), seconds(55));
  EXPECT_EQ(poll_.due(), at(seconds(55) + limits::kEventPollPause));
  ask(seconds(56));
  // One that comes and comes, and one that says that there is always more.
  answered(answer(R"({"sets":{"a":"x"},"moreAvailable":true})"), seconds(56));
  poll_.accepted("a");
  ask(seconds(57));
  answered(answer(R"({"sets":{"a":"x"},"moreAvailable":true})"), seconds(57));
  EXPECT_EQ(poll_.due(), at(seconds(72)));
}

TEST_F(EventPollTest, WithoutHeldAnswersAsksAtItsPace) {
  poll_ = EventPoll(settings(false));
  EXPECT_EQ(ask(seconds(10)).boolean_at("returnImmediately"), true);
  EXPECT_EQ(poll_.patience(), limits::kEventPollTime);
  answered(sets(""), seconds(11));
  EXPECT_EQ(poll_.due(), at(seconds(25)));
  ask(seconds(25));
  poll_.silent(at(seconds(40)), 0);  // where none was to be held, that is a failure
  EXPECT_EQ(poll_.failures(), 1U);
}

TEST_F(EventPollTest, OfAnIdpThatFailsWaitsLongerEachTime) {
  ask(seconds(0));
  EXPECT_EQ(poll_.answered(error_page(503), at(seconds(1)), 0).error().error,
            IdpError::UnexpectedStatus);
  EXPECT_EQ(poll_.due(), at(milliseconds(1500)));  // half of the least
  for (int i = 0; i < 12; ++i) {
    ask(seconds(100));
    poll_.unreachable(at(seconds(100)), 0);
  }
  EXPECT_EQ(poll_.due(), at(seconds(100) + limits::kIdpRetryMost / 2));
  ask(seconds(200));
  IdpResponse busy = error_page(429);
  busy.retry_after = "120";
  EXPECT_FALSE(poll_.answered(busy, at(seconds(200)), 0));
  EXPECT_GE(*poll_.due(), at(seconds(320)));
  ask(seconds(400));
  answered(sets(""), seconds(401));
  EXPECT_EQ(poll_.failures(), 0U);
}

TEST_F(EventPollTest, TakesNoAnswerThatIsNone) {
  for (const char* body :
       {"{}", R"({"sets":[]})", R"({"sets":"a"})", R"({"sets":{"a":"x","a":"y"}})"}) {
    ask(seconds(1));
    EXPECT_FALSE(poll_.answered(answer(body), at(seconds(2)), 0)) << body;
  }
  ask(seconds(1));
  const auto refused =
      poll_.answered(answer(R"({"error":"invalid_token"})", 401), at(seconds(2)), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(verdict(refused.error()), IdpVerdict::Misconfigured);
}

TEST_F(EventPollTest, RefusesWhatIsNoTokenAndPassesOverWhatHasNoName) {
  ask(seconds(1));
  EXPECT_EQ(answered(sets(R"("a":{"x":1},"":"x","b\u0000":"x",")" +
                          std::string(limits::kTokenText + 1, 'c') + R"(":"x")"),
                     seconds(2)),
            Ids());
  EXPECT_EQ(poll_.counts().passed_over, 3U);
  const JsonValue body = ask(seconds(3));
  const JsonValue* const error = body.find(Ids{"setErrs", "a"});
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(*error->text_at("err"), "invalid_request");
}

TEST_F(EventPollTest, LetsATokenWaitForItsKeyForAWhile) {
  for (int second = 0; second < limits::kEventKeyTime.count(); second += 15) {
    ask(seconds(second));
    EXPECT_EQ(answered(sets(R"("a":"x")"), seconds(second)), Ids{"a"});
    EXPECT_TRUE(poll_.may_wait("a", at(seconds(second))));
    EXPECT_GE(*poll_.due(), at(seconds(second + (second == 0 ? 1 : 15))));
  }
  EXPECT_FALSE(poll_.may_wait("a", at(limits::kEventKeyTime)));
  EXPECT_EQ(poll_.counts().received, 1U);
}

TEST_F(EventPollTest, IsBoundedInWhatItTakesAndRemembers) {
  std::string many;
  for (std::size_t i = 0; i < 2 * limits::kEventsOfPoll; ++i)
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"x\"";
  ask(seconds(1));
  EXPECT_EQ(answered(sets(many), seconds(2)).size(), limits::kEventsOfPoll);
  for (std::size_t i = 0; i < limits::kEventIds + 1; ++i) poll_.accepted("id" + std::to_string(i));
  ask(seconds(3));
  EXPECT_EQ(answered(sets(R"("id0":"x","id1":"x")"), seconds(4)), Ids{"id0"});
}

}  // namespace
}  // namespace veilwire::identity
