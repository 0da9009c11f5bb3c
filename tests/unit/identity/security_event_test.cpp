#include "userspace/identity/security_event.h"

#include "tests/unit/identity/signed_tokens.h"
#include "userspace/base/limits.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

constexpr const char* kIdp = "https://idp.example.com/123456789/";
constexpr const char* kHeader = R"({"alg":"EdDSA","kid":"k","typ":"secevent+jwt"})";
constexpr std::string_view kCaep = "https://schemas.openid.net/secevent/caep/event-type/";
constexpr std::string_view kRisc = "https://schemas.openid.net/secevent/risc/event-type/";
constexpr std::string_view kStream = "https://schemas.openid.net/secevent/ssf/event-type/";

constexpr std::int64_t kTold = 1615305159, kHappened = 1615304991;
constexpr WallTime kNow{seconds(kTold + 5)};

EventExpectation expected() {
  return {.transmitter = kIdp, .audience = "https://sp.example.com/caep", .issuer = kIdp};
}

// As CAEP 1.0 writes its examples. subject: with its name, and a comma behind it.
std::string claims(std::string_view type, const std::string& event, const std::string& subject) {
  return R"({"iss":")" + std::string(kIdp) +
         R"(","jti":"24c63fb56e5a2d77a6b512616ca9fa24","iat":1615305159,)"
         R"("aud":"https://sp.example.com/caep","txn":"8675309",)" +
         subject + R"("events":{")" + std::string(type) + "\":" + event + "}}";
}
std::string sub_id(const std::string& subject) { return R"("sub_id":)" + subject + ","; }
std::string iss_sub(const std::string& sub, const std::string& iss = kIdp) {
  return R"({"format":"iss_sub","iss":")" + iss + R"(","sub":")" + sub + "\"}";
}

class SecurityEventTest : public ::testing::Test {
 protected:
  Result<SecurityEvents, TokenFault> read(const std::string& payload) const {
    return read_security_events(issuer_.sign(kHeader, payload), issuer_.keys(), expected(), kNow);
  }
  // What one event of one token says.
  SecurityEvent event(std::string_view type, const std::string& event, const std::string& subject) {
    const auto events = read(claims(type, event, subject));
    EXPECT_TRUE(events) << to_string(events.error());
    EXPECT_TRUE(!events || events->events.size() == 1);
    return events && !events->events.empty() ? events->events.front() : SecurityEvent();
  }
  std::string fault(std::string_view type, const std::string& event, const std::string& subject) {
    const auto events = read(claims(type, event, subject));
    return events ? "taken" : to_string(events.error());
  }
  SecurityEvent revoked(const std::string& subject, const std::string& event = "{}") {
    return this->event(std::string(kCaep) + "session-revoked", event, subject);
  }

  TestIssuer issuer_;
};

Revocation revocation(RevocationKind kind, const std::string& what, std::int64_t at = kTold) {
  return {.kind = kind, .issuer = kIdp, .what = what, .at = {seconds(at)}};
}
using Revocations = std::vector<Revocation>;

TEST_F(SecurityEventTest, RevokesTheSessionOfCaepsFirstExample) {
  const SecurityEvent read =
      revoked(sub_id(R"({"format":"opaque","id":"dMTlD|1600802906337.16|16008.16"})"),
              R"({"event_timestamp":1615304991})");
  EXPECT_EQ(read.kind, EventKind::SessionRevoked);
  EXPECT_EQ(read.meaning, EventMeaning::EndsSessions);
  // It may be a session or a person who is named so.
  const std::string id = "dMTlD|1600802906337.16|16008.16";
  EXPECT_EQ(read.revocations, (Revocations{revocation(RevocationKind::IdpSession, id, kHappened),
                                           revocation(RevocationKind::Subject, id, kHappened)}));
  EXPECT_TRUE(read.where_unnamed.empty());
}

TEST_F(SecurityEventTest, RevokesTheSessionOfCaepsComplexExamples) {
  const SecurityEvent session = revoked(
      sub_id(R"({"format":"complex","session":{"format":"opaque","id":"dMTlD"},"user":)" +
             iss_sub("99beb27c") + R"(,"tenant":{"format":"opaque","id":"123456789"}})"),
      R"({"initiating_entity":"policy","reason_admin":{"en":"Landspeed Policy Violation: C076E82F"},
          "reason_user":{"en":"Access attempt from multiple regions."},
          "event_timestamp":1615304991})");
  EXPECT_EQ(session.revocations,
            Revocations{revocation(RevocationKind::IdpSession, "dMTlD", kHappened)});
  EXPECT_EQ(session.where_unnamed,
            Revocations{revocation(RevocationKind::Subject, "99beb27c", kHappened)});
  // Which device it is we do not know, so that it may be this one.
  const SecurityEvent device =
      revoked(sub_id(R"({"format":"complex","user":)" + iss_sub("jane.smith@example.com") +
                     R"(,"device":)" + iss_sub("e9297990") + "}"),
              R"({"initiating_entity":"policy","event_timestamp":1615304991})");
  EXPECT_EQ(device.revocations,
            Revocations{revocation(RevocationKind::Subject, "jane.smith@example.com", kHappened)});
}

TEST_F(SecurityEventTest, EndsSessionsByACredentialThatIsLostOrNew) {
  const std::string type = std::string(kCaep) + "credential-change";
  const auto meaning = [&](const std::string& change) {
    return event(type, R"({"credential_type":"fido2-roaming","change_type":")" + change + "\"}",
                 sub_id(iss_sub("jane")))
        .meaning;
  };
  EXPECT_EQ(meaning("create"), EventMeaning::EndsNothing);  // CAEP's example
  for (const char* change : {"revoke", "update", "delete", "something-new"})
    EXPECT_EQ(meaning(change), EventMeaning::EndsSessions) << change;
  EXPECT_EQ(fault(type, R"({"credential_type":"password"})", sub_id(iss_sub("jane"))),
            to_string(TokenFault{TokenError::ClaimMissing, "change_type"}));
}

TEST_F(SecurityEventTest, EndsSessionsByAnAssuranceThatIsNotKnownToHaveGrown) {
  const auto meaning = [&](const std::string& event) {
    return this
        ->event(std::string(kCaep) + "assurance-level-change", event, sub_id(iss_sub("jane")))
        .meaning;
  };
  EXPECT_EQ(meaning(R"({"namespace":"NIST-AAL","current_level":"nist-aal2",
    "previous_level":"nist-aal1","change_direction":"increase","initiating_entity":"user"})"),
            EventMeaning::EndsNothing);  // CAEP's first example
  EXPECT_EQ(meaning(R"({"namespace":"NIST-AAL","current_level":"nist-aal1",
    "change_direction":"decrease"})"),
            EventMeaning::EndsSessions);
  EXPECT_EQ(meaning(R"({"namespace":"Retinal Scan","current_level":"hi-res-scan"})"),
            EventMeaning::EndsSessions);  // its second
}

TEST_F(SecurityEventTest, OfRiscEndsWhatAnAccountHas) {
  for (const char* name :
       {"account-disabled", "account-purged", "sessions-revoked", "credential-compromise"}) {
    const SecurityEvent read = event(std::string(kRisc) + name, R"({"reason":"hijacking"})",
                                     sub_id(iss_sub("7375626A656374")));
    EXPECT_EQ(to_string(read.kind), name);
    EXPECT_EQ(read.revocations, Revocations{revocation(RevocationKind::Subject, "7375626A656374")});
  }
  // A plain id is the account's.
  EXPECT_EQ(event(std::string(kRisc) + "account-disabled", "{}",
                  sub_id(R"({"format":"opaque","id":"a"})"))
                .revocations,
            Revocations{revocation(RevocationKind::Subject, "a")});
}

TEST_F(SecurityEventTest, ReadsSubjectsOfOlderTransmitters) {
  const Revocations jane{revocation(RevocationKind::Subject, "jane")};
  // RISC Event Types 1.0 (2018), 2.
  EXPECT_EQ(revoked("", R"({"subject":{"subject_type":"iss-sub","iss":")" + std::string(kIdp) +
                            R"(","sub":"jane"}})")
                .revocations,
            jane);
  EXPECT_EQ(revoked("", R"({"subject":{"user":)" + iss_sub("jane") + "}}").revocations, jane);
  EXPECT_EQ(revoked(R"("sub":"jane",)").revocations, jane);  // RFC 8417, 2.2
  // The one of the token says more than the one of the event.
  EXPECT_EQ(revoked(sub_id(iss_sub("jane")), R"({"subject":)" + iss_sub("joe") + "}").revocations,
            jane);
}

TEST_F(SecurityEventTest, ReadsTheOtherNamesOfASubject) {
  EXPECT_EQ(revoked(sub_id(R"({"format":"aliases","identifiers":[
      {"format":"email","email":"jane@example.com"},)" +
                           iss_sub("jane") + "]}"))
                .revocations,
            Revocations{revocation(RevocationKind::Subject, "jane")});
  EXPECT_EQ(
      revoked(sub_id(R"({"format":"jwt_id","jti":"f61t","iss":")" + std::string(kIdp) + "\"}"))
          .revocations,
      Revocations{revocation(RevocationKind::Token, "f61t")});
}

TEST_F(SecurityEventTest, OfNobodyWhomWeKnowIsTakenAndEndsNothing) {
  for (const char* subject :
       {R"({"format":"email","email":"jane@example.com"})", R"({"format":"phone_number"})",
        R"({"format":"something-new","id":7})", R"({"uri":"x"})",
        R"({"format":"complex","device":{"format":"opaque","id":"d"}})",
        R"({"format":"aliases","identifiers":[]})"}) {
    const SecurityEvent read = revoked(sub_id(subject));
    EXPECT_EQ(read.meaning, EventMeaning::UnknownSubject) << subject;
    EXPECT_TRUE(read.revocations.empty());
  }
  EXPECT_EQ(revoked(sub_id(iss_sub("jane", "https://other.example"))).meaning,
            EventMeaning::OtherIssuer);
}

TEST_F(SecurityEventTest, OfAnUnknownTypeIsTakenWhateverItHolds) {
  for (const std::string& type :
       {std::string(kCaep) + "token-claims-change", std::string(kCaep) + "session-revoked-not",
        std::string(kRisc) + "session-revoked", std::string("urn:ietf:params:scim:event:create")}) {
    const SecurityEvent read = event(type, R"({"ref":7})", R"("sub_id":7,)");
    EXPECT_EQ(read.kind, EventKind::Other);
    EXPECT_EQ(read.meaning, EventMeaning::EndsNothing);
    EXPECT_EQ(read.type, type);
  }
  EXPECT_EQ(event(std::string(kStream) + "verification", R"({"state":"x"})", sub_id("{}")).kind,
            EventKind::StreamTest);
  EXPECT_EQ(
      event(std::string(kStream) + "stream-updated", R"({"status":"paused"})", sub_id("{}")).kind,
      EventKind::StreamUpdated);
}

TEST_F(SecurityEventTest, WithASubjectThatIsNoneIsRefused) {
  const std::string type = std::string(kCaep) + "session-revoked";
  const std::string malformed = to_string(TokenFault{TokenError::ClaimMalformed, "sub_id"});
  std::string many;
  for (std::size_t i = 0; i <= limits::kEventSubjects; ++i)
    many += (i == 0 ? "" : ",") + iss_sub("jane");
  for (const std::string& subject :
       {std::string("7"), std::string("\"jane\""), std::string(R"({"format":7})"),
        std::string(R"({"format":"iss_sub","sub":"jane"})"),
        std::string(R"({"format":"opaque","id":7})"), std::string(R"({"format":"opaque"})"),
        std::string(R"({"format":"opaque","id":""})"),
        std::string(R"({"format":"opaque","id":"a\u001b[2J"})"),
        R"({"format":"opaque","id":")" + std::string(limits::kTokenText + 1, 'a') + "\"}",
        std::string(R"({"format":"complex","user":"jane"})"),
        std::string(R"({"format":"aliases"})"),
        std::string(R"({"format":"aliases","identifiers":["jane"]})"),
        R"({"format":"aliases","identifiers":[)" + many + "]}"})
    EXPECT_EQ(fault(type, "{}", sub_id(subject)), malformed) << subject;
  EXPECT_EQ(fault(type, "{}", ""), to_string(TokenFault{TokenError::ClaimMissing, "sub_id"}));
}

TEST_F(SecurityEventTest, HappenedNoLaterThanItWasTold) {
  const auto at = [&](const std::string& stamp) {
    return revoked(sub_id(iss_sub("jane")), R"({"event_timestamp":)" + stamp + "}")
        .revocations.front()
        .at.since_epoch;
  };
  EXPECT_EQ(at("1615304991"), seconds(kHappened));
  EXPECT_EQ(at("1615304990.5"), seconds(kHappened));
  EXPECT_EQ(at("0"), seconds(0));
  for (const char* nonsense :
       {"1615305160", "1615304991000", "-1", "1e300", "\"1615304991\"", "null"})
    EXPECT_EQ(at(nonsense), seconds(kTold)) << nonsense;
}

TEST_F(SecurityEventTest, MayBeOneOfSeveral) {
  const auto events =
      read(R"({"iss":")" + std::string(kIdp) +
           R"(","jti":"j","iat":1615305159,)"
           R"("aud":["https://sp.example.com/caep"],"sub_id":)" +
           iss_sub("jane") +
           R"(,"events":{"https://schemas.openid.net/secevent/risc/event-type/account-purged":{},
               "urn:example:other":{}}})");
  ASSERT_TRUE(events) << to_string(events.error());
  EXPECT_EQ(events->id, "j");
  ASSERT_EQ(events->events.size(), 2U);
  EXPECT_EQ(events->events[0].kind, EventKind::AccountPurged);
  EXPECT_EQ(events->events[1].kind, EventKind::Other);
}

TEST_F(SecurityEventTest, IsBelievedOfNobodyElse) {
  const std::string payload =
      claims(std::string(kCaep) + "session-revoked", "{}", sub_id(iss_sub("jane")));
  const auto verdict = [&](const std::string& token, const EventExpectation& wanted) {
    const auto events = read_security_events(token, issuer_.keys(), wanted, kNow);
    return events ? "taken" : std::string(set_error_code(events.error().error));
  };
  const std::string good = issuer_.sign(kHeader, payload);
  EXPECT_EQ(verdict(good, expected()), "taken");
  EXPECT_EQ(verdict(TestIssuer().sign(kHeader, payload), expected()), "invalid_key");
  EXPECT_EQ(verdict(issuer_.sign(R"({"alg":"EdDSA","kid":"k2","typ":"secevent+jwt"})", payload),
                    expected()),
            "invalid_key");
  EXPECT_EQ(verdict(issuer_.sign(R"({"alg":"none","typ":"secevent+jwt"})", payload), expected()),
            "invalid_key");
  for (const char* header :
       {R"({"alg":"EdDSA","kid":"k"})", R"({"alg":"EdDSA","kid":"k","typ":"JWT"})",
        R"({"alg":"EdDSA","kid":"k","typ":"logout+jwt"})"})
    EXPECT_EQ(verdict(issuer_.sign(header, payload), expected()), "invalid_request") << header;
  EventExpectation other = expected();
  other.transmitter = "https://other.example";
  EXPECT_EQ(verdict(good, other), "invalid_issuer");
  other = expected();
  other.audience = "https://other.example";
  EXPECT_EQ(verdict(good, other), "invalid_audience");
  EXPECT_EQ(verdict("{}", expected()), "invalid_request");
}

class CarriedOut : public SecurityEventTest {
 protected:
  static constexpr Now kAt{{seconds(1'000)}, kNow};

  Binding sign_in(std::uint32_t uid, const std::string& subject, const std::string& session,
                  std::int64_t issued_at = kHappened - 60) {
    const Binding binding{BindingKind::Login, uid, uid, 5, 0};
    EXPECT_TRUE(table_.add({.binding = binding,
                            .person = {.issuer = kIdp,
                                       .subject = subject,
                                       .name = subject,
                                       .groups = {},
                                       .person_class = PersonClass::Human,
                                       .method = "pkce",
                                       .valid_until = {}},
                            .idp_session = session,
                            .token = "t-" + std::to_string(uid),
                            .issued_at = {seconds(issued_at)},
                            .expires_at = {seconds(kTold + 3'600)}},
                           kAt));
    return binding;
  }
  std::vector<Binding> carried_out(const SecurityEvent& event) {
    return carry_out(event, table_, kAt);
  }
  SessionTable table_;
};
using Bindings = std::vector<Binding>;

TEST_F(CarriedOut, EndsTheSessionThatIsNamedAndWhatMayBeIt) {
  const Binding meant = sign_in(1, "jane", "s1");
  sign_in(2, "jane", "s2");
  const Binding unnamed = sign_in(3, "jane", "");
  sign_in(4, "joe", "");
  const SecurityEvent event =
      revoked(sub_id(R"({"format":"complex","session":{"format":"opaque","id":"s1"},"user":)" +
                     iss_sub("jane") + "}"));
  EXPECT_EQ(carried_out(event), (Bindings{meant, unnamed}));
  EXPECT_EQ(table_.sessions().at(meant).end, SessionEnd::RevokedByIdp);
  EXPECT_EQ(table_.sessions().at(unnamed).end, SessionEnd::RevokedByIdp);
  EXPECT_EQ(carried_out(event), Bindings());  // twice does no more than once
}

TEST_F(CarriedOut, SparesWhoSignedInAfterIt) {
  const Binding before = sign_in(1, "jane", "s1");
  sign_in(2, "jane", "s2", kHappened + 1);
  EXPECT_EQ(carried_out(revoked(sub_id(iss_sub("jane")), R"({"event_timestamp":1615304991})")),
            Bindings{before});
}

TEST_F(CarriedOut, EndsATokenThatComesLate) {
  EXPECT_EQ(
      carried_out(event(std::string(kRisc) + "account-disabled", "{}", sub_id(iss_sub("jane")))),
      Bindings());
  const auto late = table_.add({.binding = {BindingKind::Login, 1, 1, 5, 0},
                                .person = {.issuer = kIdp,
                                           .subject = "jane",
                                           .name = "jane",
                                           .groups = {},
                                           .person_class = PersonClass::Human,
                                           .method = "pkce",
                                           .valid_until = {}},
                                .issued_at = {seconds(kTold - 1)},
                                .expires_at = {seconds(kTold + 3'600)}},
                               kAt);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), SessionError::Revoked);
}

}  // namespace
}  // namespace veilwire::identity
