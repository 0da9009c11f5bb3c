#include "userspace/flow/given_credential.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/base/limits.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kGiven = R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
credential_required = true
credential_drops = ["cookie", "x-team"]
[[host.credential]]
group = "research"
use = "research"
[[host.credential]]
group = "staff"
use = "all-staff"
[uninspected]
over_limit = "pass"
upgrade = "pass"
)";
constexpr std::string_view kValue = "sk-ant-of-the-organisation";
constexpr std::string_view kOwn = "sk-ant-of-a-client";
constexpr std::size_t kMegabyte = std::size_t{1024} * 1024;

class Given : public RelayTest {
 protected:
  explicit Given(std::string_view policy = kGiven)
      : RelayTest("api.anthropic.com", policy::Service::Anthropic, policy) {
    relay.identity_known(of("staff"), now);
  }

  static identity::Person of(const std::string& group) {
    identity::Person p = person();
    p.groups = {group};
    return p;
  }
  void grant(std::string_view name, std::string_view value = kValue) {
    relay.credential_known(name, std::make_shared<const Secret>(std::string(value)), now);
  }
  static std::string own() { return "X-Api-Key: " + std::string(kOwn) + "\r\n"; }
  // As it goes upstream: what is given stands behind the last field.
  static std::string given(const std::string& request, std::string_view value = kValue) {
    std::string out = request;
    return out.insert(out.find("\r\n\r\n") + 2, "x-api-key: " + std::string(value) + "\r\n");
  }
  // Wherever else an exchange leaves something, there is no credential.
  void expect_unseen(std::string_view value = kValue) const {
    EXPECT_THAT(sink.client, Not(HasSubstr(value)));
    for (const audit::Body& body : sink.records)
      EXPECT_THAT(audit::canonical({{"", "", "", 1}, {}, body}, "w", 1), Not(HasSubstr(value)));
  }
};

TEST_F(Given, TheClientsOwnIsReplacedAndNeitherIsOnRecord) {
  client(
      post("{}", own() + "authorization: Bearer of-a-client\r\nCookie: a=b\r\nX-Team: blue-7\r\n"));
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.credentials_asked, ElementsAre("all-staff"));
  grant("all-staff");
  EXPECT_EQ(sink.upstream, given(post("{}")));
  upstream(answer("{}"));
  EXPECT_EQ(sink.client, answer("{}"));
  const auto heads = sink.all<audit::RequestHead>();
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads[0].credential, "all-staff");
  for (const auto& [name, value] : heads[0].fields)
    if (name == "X-Api-Key" || name == "X-Team") {
      EXPECT_THAT(value, StartsWith("digest:"));
    }
  for (const std::string_view secret :
       {kValue, kOwn, std::string_view("of-a-client"), std::string_view("blue-7")})
    expect_unseen(secret);
}

TEST_F(Given, EachRequestOfAConnectionIsAskedForAnew) {
  client(post("{}"));
  grant("all-staff");
  upstream(answer("{}"));
  sink.upstream.clear();
  relay.identity_known(of("research"), now);
  client(post("[]", own()));
  EXPECT_THAT(sink.credentials_asked, ElementsAre("all-staff", "research"));
  EXPECT_EQ(sink.upstream, "");
  grant("research", "sk-other");
  EXPECT_EQ(sink.upstream, given(post("[]"), "sk-other"));
  EXPECT_EQ(sink.all<audit::RequestHead>()[1].credential, "research");
}

TEST_F(Given, ASourceThatFailsRefusesAndLetsNothingPass) {
  client(post("{}", own()));
  relay.credential_refused("all-staff", "the vault does not answer", now);
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(sink.client, HasSubstr("x-should-retry: true"));
  EXPECT_THAT(sink.client, HasSubstr("all-staff cannot be had: the vault does not answer"));
  EXPECT_EQ(sink.outcome(), "credential unavailable");
  grant("all-staff");
  EXPECT_EQ(sink.upstream, "");
  expect_unseen(kOwn);
}

TEST_F(Given, WhoGetsNoneIsRefusedWhereOneIsRequired) {
  relay.identity_known(of("guests"), now);
  client(post("{}", own()));
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.credentials_asked, IsEmpty());
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(sink.outcome(), "no credential");
}

TEST_F(Given, AnAnswerToAnotherQuestionIsIgnored) {
  grant("all-staff");
  client(post("{}"));
  grant("research");
  relay.credential_refused("research", "gone", now);
  EXPECT_EQ(sink.upstream, "");
  EXPECT_EQ(sink.client, "");
  grant("all-staff");
  EXPECT_EQ(sink.upstream, given(post("{}")));
}

TEST_F(Given, WhoItIsMeanwhileDecides) {
  client(post("{}"));
  relay.identity_known(of("research"), now);
  grant("all-staff");
  EXPECT_EQ(sink.upstream, "");
  grant("research");
  EXPECT_EQ(sink.upstream, given(post("{}")));
  EXPECT_EQ(sink.all<audit::RequestHead>()[0].credential, "research");
}

TEST_F(Given, WhoIsDoubtedMeanwhileIsAskedAbout) {
  client(post("{}"));
  relay.identity_doubted();
  grant("all-staff");
  EXPECT_EQ(sink.upstream, "");
  EXPECT_EQ(sink.identity_asked, 1);
  relay.identity_refused("signed out", false, false, now);
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
}

TEST_F(Given, APolicyThatGivesNoneAnyMoreIsObeyed) {
  client(post("{}"));
  relay.adopt(make_ruleset());
  grant("all-staff");
  EXPECT_EQ(sink.upstream, post("{}"));
  EXPECT_EQ(sink.all<audit::RequestHead>()[0].credential, "");
}

TEST_F(Given, AClientThatLeavesIsNotWaitedFor) {
  client(post("{}"));
  relay.client_ended();
  grant("all-staff");
  EXPECT_EQ(sink.upstream, "");
  EXPECT_EQ(sink.outcome(), "client left");
}

TEST_F(Given, ConnectionCannotNameItAway) {
  client(post("{}", "Connection: x-api-key\r\n" + own()));
  grant("all-staff");
  EXPECT_EQ(sink.upstream, given(post("{}")));
}

TEST_F(Given, TrailersCarryNone) {
  const std::string head =
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  client(head + chunk("{}") + "0\r\n" + own() + "a: b\r\n\r\n");
  grant("all-staff");
  EXPECT_EQ(sink.upstream, given(head) + chunk("{}") + "0\r\na: b\r\n\r\n");
}

TEST_F(Given, ATunnelBeginsWithIt) {
  const std::string_view upgrade =
      "GET /ws HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n";
  client(std::string(upgrade) + own() + "\r\n");
  EXPECT_EQ(sink.upstream, "");
  grant("all-staff");
  EXPECT_EQ(sink.upstream, given(std::string(upgrade) + "\r\n"));
}

// What an upstream says that repeats the credential.
class Echo : public Given {
 protected:
  explicit Echo(std::string_view policy = kGiven) : Given(policy) {}
  void ask(std::string_view body = "{}", std::string_view value = kValue) {
    client(post(body));
    grant("all-staff", value);
  }
  static std::string stream() {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
           "chunked\r\n\r\n";
  }
};

constexpr std::string_view kMasked = "[MASKED:organisation-credential:";

TEST_F(Echo, InAnErrorIsMaskedAndOnRecordAsAMask) {
  ask();
  const std::string body =
      R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key: )" +
      std::string(kValue) + "\"}}";
  upstream(answer(body));
  EXPECT_THAT(sink.client, HasSubstr("invalid x-api-key: " + std::string(kMasked)));
  ASSERT_EQ(sink.all<audit::ResponseFragment>().size(), 1U);
  const auto masks = sink.all<audit::ResponseFragment>()[0].masks;
  ASSERT_EQ(masks.size(), 1U);
  EXPECT_EQ(masks[0].rule, "organisation-credential");
  EXPECT_EQ(sink.all<audit::ExchangeClose>()[0].masked, 1U);
  expect_unseen();
}

TEST_F(Echo, WhereAnyFieldOrTrailerRepeatsItStandStars) {
  ask();
  const std::string secret(kValue), stars(kValue.size(), '*');
  upstream("HTTP/1.1 103 Early " + secret + "\r\nLink: " + secret + "\r\n\r\n");
  upstream("HTTP/1.1 200 Not " + secret + "\r\nSet-Cookie: key=" + secret +
           "; Secure\r\nx-debug: a " + secret + " b\r\netag: \"" + secret +
           "\"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
           chunk("{}") + "0\r\nx-end: " + secret + "\r\n\r\n");
  EXPECT_THAT(sink.client, HasSubstr("103 Early " + stars));
  EXPECT_THAT(sink.client, HasSubstr("Set-Cookie: key=" + stars + "; Secure\r\n"));
  EXPECT_THAT(sink.client, HasSubstr("x-debug: a " + stars + " b\r\n"));
  EXPECT_THAT(sink.client, HasSubstr("x-end: " + stars + "\r\n"));
  expect_unseen();
}

TEST_F(Echo, OfAStreamIsMaskedAcrossItsEvents) {
  for (std::size_t cut = 1; cut < kValue.size(); ++cut) {
    ask();
    sink.client.clear();
    upstream(stream() + chunk(kOpening) +
             chunk(delta("it is " + std::string(kValue.substr(0, cut)))));
    EXPECT_THAT(sink.client, HasSubstr("it is "));
    EXPECT_THAT(sink.client, Not(HasSubstr("it is s")));
    upstream(chunk(delta(std::string(kValue.substr(cut)) + ".")));
    EXPECT_THAT(sink.client, HasSubstr(kMasked));
    upstream(chunk("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") + "0\r\n\r\n");
    EXPECT_EQ(sink.outcome(), "complete");
    expect_unseen(kValue.substr(4));
  }
}

TEST_F(Echo, WhereNoTextIsLookedForStandStars) {
  ask();
  const std::string secret(kValue), stars(kValue.size(), '*');
  const std::string body = R"({"id":"msg_)" + secret + R"(","type":"message"})";
  upstream(answer(body));
  EXPECT_THAT(sink.client, HasSubstr(R"("id":"msg_)" + stars + "\""));
  EXPECT_THAT(sink.recorded_response(), HasSubstr(stars));
  expect_unseen();
}

TEST_F(Echo, InBytesThatAreNoTextStandStars) {
  for (std::size_t cut = 0; cut <= kValue.size(); ++cut) {
    ask();
    sink.client.clear();
    const std::string secret(kValue);
    const std::string body = std::string("\0\1sk-a", 6) + secret + "\2sk-ant";
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n";
    upstream(head + body.substr(0, 6 + cut));
    upstream(body.substr(6 + cut));
    EXPECT_EQ(sink.client,
              head + std::string("\0\1sk-a", 6) + std::string(secret.size(), '*') + "\2sk-ant");
    EXPECT_EQ(sink.outcome(), "complete");
  }
}

TEST_F(Echo, OfATokenBehindItsSchemeIsTheTokensAlone) {
  ask("{}", "Token 0123456789abcdef");
  upstream(answer(R"({"a":"scheme Token, value 0123456789abcdef"})"));
  EXPECT_THAT(sink.client, HasSubstr("scheme Token, value " + std::string(kMasked)));
}

TEST_F(Echo, OfWhatIsTooShortIsNotLookedFor) {
  ask("{}", "abc");
  upstream(answer(R"({"a":"abc abcd"})"));
  EXPECT_THAT(sink.client, EndsWith(R"({"a":"abc abcd"})"));
}

TEST_F(Echo, IsMaskedByAPolicyThatWasChangedMeanwhileToo) {
  ask();
  upstream(stream() + chunk(kOpening) + chunk(delta("it is sk-ant-of-")));
  relay.adopt(make_ruleset());
  relay.identity_known(of("guests"), now);
  upstream(chunk(delta("the-organisation!")));
  EXPECT_THAT(sink.client, HasSubstr(kMasked));
  expect_unseen(kValue.substr(4));
}

TEST_F(Echo, IsNotLookedForInTheNextAnswerThatHasNone) {
  ask();
  upstream(answer("{}"));
  relay.adopt(make_ruleset());
  client(post("{}"));
  upstream(answer("{\"a\":\"" + std::string(kValue) + "\"}"));
  EXPECT_THAT(sink.client, HasSubstr(kValue));
}

// What masks stand for is kept for the next turn, which must not be the credential.
TEST_F(Echo, IsNotKeptWithWhatIsPutBack) {
  const auto memory = std::make_shared<ConversationMemory>(crypto::Digest{});
  HttpRelay remembering(
      {.host = "api.anthropic.com", .service = policy::Service::Anthropic, .conversations = memory},
      ruleset, sink);
  const auto kept = [&](std::string_view said) {
    remembering.identity_known(of("staff"), now);
    remembering.from_client(post(R"({"messages":[{"role":"user","content":"a"}]})"), now);
    remembering.credential_known("all-staff", std::make_shared<const Secret>(std::string(kValue)),
                                 now);
    const std::size_t before = memory->counts().bytes;
    remembering.from_upstream(
        answer(R"({"type":"message","role":"assistant","content":[{"type":"text","text":")" +
               std::string(said) + "\"}]}"),
        now);
    return memory->counts().bytes - before;
  };
  EXPECT_EQ(kept("it is " + std::string(kValue)), 0U);
  EXPECT_EQ(kept("x-api-key: " + std::string(kValue)), 0U);
  EXPECT_GT(kept("it is KEY-12345678"), 0U);
}

class EchoUnderPass : public Echo {
 protected:
  EchoUnderPass() : Echo(pass_all()) {}
  static std::string_view pass_all() {
    static const std::string policy =
        std::string(kGiven) + "[default]\nresponse = \"pass\"\nrequest = \"pass\"\n";
    return policy;
  }
};

TEST_F(EchoUnderPass, IsMaskedWhateverPolicySaysOfSecrets) {
  ask();
  upstream(answer("{\"a\":\"KEY-12345678 " + std::string(kValue) + "\"}"));
  EXPECT_THAT(sink.client, HasSubstr("KEY-12345678 " + std::string(kMasked)));
  expect_unseen();
}

TEST_F(Given, TraceIsRefused) {
  client("TRACE /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n" + own() + "\r\n");
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.credentials_asked, IsEmpty());
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 405 "));
}

TEST_F(Given, IsDoubtedWhereItsHostRefusesIt) {
  for (const std::string_view status : {"401 Unauthorized", "403 Forbidden", "404 Not Found"}) {
    client(post("{}"));
    grant("all-staff");
    upstream("HTTP/1.1 " + std::string(status) +
             "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  }
  EXPECT_THAT(sink.credentials_doubted, ElementsAre("all-staff", "all-staff"));
  relay.adopt(make_ruleset());
  client(post("{}", own()));
  upstream("HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(sink.credentials_doubted.size(), 2U);
}

class LargeGiven : public Given {
 protected:
  // More than is held, with a megabyte still to come.
  void begin() {
    head_ = "POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: " +
            std::to_string(limits::kRequestBody + 2 * kMegabyte) + "\r\n\r\n";
    std::string with_own = head_;
    client(with_own.insert(with_own.size() - 2, own()));
    for (std::size_t sent = 0; sent <= limits::kRequestBody; sent += kMegabyte) client(megabyte_);
  }
  const std::string megabyte_ = std::string(kMegabyte, ' ');
  std::string head_;
};

TEST_F(LargeGiven, WhatPassesUnseenWaitsForItToo) {
  begin();
  EXPECT_THAT(sink.credentials_asked, ElementsAre("all-staff"));
  client(megabyte_);
  EXPECT_FALSE(sink.reading);
  EXPECT_EQ(sink.upstream, "");
  grant("all-staff");
  EXPECT_TRUE(sink.reading);
  EXPECT_TRUE(sink.upstream.starts_with(given(head_)));
  EXPECT_EQ(sink.upstream.size(), given(head_).size() + limits::kRequestBody + 2 * kMegabyte);
  upstream(answer("{}"));
  EXPECT_EQ(sink.client, answer("{}"));
  EXPECT_EQ(sink.all<audit::RequestHead>()[0].credential, "all-staff");
  expect_unseen();
}

TEST_F(LargeGiven, WhatPassesUnseenIsRefusedWithoutOne) {
  begin();
  relay.credential_refused("all-staff", "gone", now);
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 503 "));
}

// All that is left of a request comes in one piece, its end and its trailers included.
TEST_F(LargeGiven, AnEndThatComesWithTheLimitIsTheEndOfWhatPasses) {
  const std::string head =
      "POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nTransfer-Encoding: chunked\r\n\r\n";
  client(head);
  for (std::size_t sent = 0; sent < limits::kRequestBody; sent += kMegabyte)
    client(chunk(megabyte_));
  client(chunk("x") + chunk("y") + "0\r\n" + own() + "a: b\r\n\r\n");
  EXPECT_EQ(sink.upstream, "");
  grant("all-staff");
  EXPECT_TRUE(sink.upstream.starts_with(given(head)));
  EXPECT_TRUE(sink.upstream.ends_with("xy\r\n0\r\na: b\r\n\r\n"));
  EXPECT_THAT(sink.upstream.substr(sink.upstream.size() - 100), Not(HasSubstr(kOwn)));
  upstream(answer("{}"));
  EXPECT_EQ(sink.client, answer("{}"));
  EXPECT_EQ(sink.outcome(), "complete");
}

class OptionalBearer : public Given {
 protected:
  OptionalBearer()
      : Given(R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
credential_as = "bearer"
[[host.credential]]
group = "staff"
use = "token"
)") {}
};

TEST_F(OptionalBearer, ItIsABearer) {
  client(post("{}", own()));
  grant("token");
  EXPECT_THAT(sink.upstream,
              HasSubstr("\r\nauthorization: Bearer " + std::string(kValue) + "\r\n"));
  EXPECT_THAT(sink.upstream, Not(HasSubstr(kOwn)));
}

TEST_F(OptionalBearer, WhoGetsNoneKeepsTheirOwn) {
  relay.identity_known(of("guests"), now);
  client(post("{}", own()));
  EXPECT_EQ(sink.upstream, post("{}", own()));
  EXPECT_EQ(sink.all<audit::RequestHead>()[0].credential, "");
}

// Heads of random fields, spaces and cases: without the client's own they leave as they came.
TEST(GivenCredentialProperty, NothingElseOfAHeadChanges) {
  constexpr std::string_view kKept[] = {
      "Accept: */*",       "x-api-keys: 1", "X-b:  two ", "b:", "anthropic-version:2023-06-01",
      "x-authorization: z"};
  constexpr std::string_view kDropped[] = {"X-API-Key: k", "authorization:Bearer t",
                                           "Authorization: Basic dTpw", "x-api-key:", "Cookie: c"};
  GivenCredential credential;
  credential.value = std::make_shared<const Secret>(std::string(kValue));
  credential.host.credential_field = "x-api-key";
  credential.host.drops = {"cookie"};
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string came = "GET /a?b=c HTTP/1.1\r\nHost: a.example\r\n", leaves = came;
    for (auto n = random() % 9; n-- > 0;) {
      const bool kept = random() % 2 == 0;
      const std::string line = std::string(kept ? kKept[random() % std::size(kKept)]
                                                : kDropped[random() % std::size(kDropped)]) +
                               "\r\n";
      came += line;
      if (kept) leaves += line;
    }
    leaves += "x-api-key: " + std::string(kValue) + "\r\n\r\n";
    wire::RequestReader reader;
    std::vector<wire::HttpEvent> events;
    came += "\r\n";
    (void)reader.feed(came, events);
    ASSERT_FALSE(events.empty());
    auto* start = std::get_if<wire::RequestStart>(&events[0]);
    ASSERT_NE(start, nullptr) << came;
    ASSERT_TRUE(give(credential, start->head));
    EXPECT_EQ(start->head.raw, leaves);
  }
}

}  // namespace
}  // namespace veilwire::flow
