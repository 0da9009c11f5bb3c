#include "userspace/identity/claims.h"

#include <map>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kNow{1'800'000'000};

// Claims by name, each as JSON; an empty one leaves the claim out.
using Changes = std::map<std::string, std::string>;

std::string payload(Changes claims, const Changes& changes) {
  for (const auto& [name, json] : changes) claims[name] = json;
  std::string out = "{";
  for (const auto& [name, json] : claims)
    if (!json.empty()) out += (out.size() > 1 ? ",\"" : "\"") + name + "\":" + json;
  return out + "}";
}

const Changes kIdToken = {
    {"iss", R"("https://idp.example")"},
    {"sub", R"("ann")"},
    {"aud", R"("veilwire")"},
    {"exp", "1800000600"},
    {"iat", "1799999990"},
    {"nonce", R"("n")"},
    {"azp", R"("veilwire")"},
    {"groups", R"(["dev"])"},
};
const Changes kAccessToken = {{"iss", R"("https://idp.example")"},
                              {"sub", R"("robot")"},
                              {"aud", R"(["veilwire"])"},
                              {"exp", "1800000600"},
                              {"iat", "1799999990"},
                              {"jti", R"("1")"},
                              {"client_id", R"("robot-client")"},
                              {"scope", R"("read write")"}};
const Changes kLogoutToken = {
    {"iss", R"("https://idp.example")"},
    {"sub", R"("ann")"},
    {"aud", R"("veilwire")"},
    {"exp", "1800000120"},
    {"iat", "1799999990"},
    {"jti", R"("2")"},
    {"sid", R"("s-1")"},
    {"events", R"({"http://schemas.openid.net/event/backchannel-logout":{}})"}};
const Changes kSecurityEvent = {
    {"iss", R"("https://idp.example")"},
    {"aud", R"("veilwire")"},
    {"iat", "1799900000"},
    {"jti", R"("3")"},
    {"sub_id", R"({"format":"iss_sub","iss":"https://idp.example","sub":"ann"})"},
    {"events",
     R"({"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":1799900000}})"}};

TokenExpectation expect(TokenKind kind = TokenKind::Id) {
  return {.kind = kind, .issuer = "https://idp.example", .audience = "veilwire"};
}

const Changes& of_kind(TokenKind kind) {
  switch (kind) {
    case TokenKind::Id:
      return kIdToken;
    case TokenKind::Access:
      return kAccessToken;
    case TokenKind::Logout:
      return kLogoutToken;
    case TokenKind::SecurityEvent:
      break;
  }
  return kSecurityEvent;
}

Result<VerifiedToken, TokenFault> check(const TokenExpectation& expected, const Changes& changes,
                                        nanoseconds now = kNow) {
  return check_claims(payload(of_kind(expected.kind), changes), expected, WallTime{now});
}

std::string verdict(const TokenExpectation& expected, const Changes& changes,
                    nanoseconds now = kNow) {
  const auto token = check(expected, changes, now);
  return token ? "taken" : to_string(token.error());
}
std::string said(TokenError error, std::string_view about) {
  return to_string(TokenFault{error, about});
}

TEST(Claims, OfAnIdTokenSayWhoSignedInAndWhen) {
  TokenExpectation expected = expect();
  expected.groups = {"groups"};
  const auto token = check(expected, {{"auth_time", "1799999900"},
                                      {"acr", R"("urn:mfa")"},
                                      {"amr", R"(["pwd","otp"])"},
                                      {"sid", R"("s-1")"},
                                      {"jti", R"("7")"},
                                      {"name", R"("Ann \u00c9")"},
                                      {"preferred_username", R"("ann.e")"},
                                      {"email", R"("ann@example.com")"},
                                      {"email_verified", "true"}});
  ASSERT_TRUE(token) << to_string(token.error());
  EXPECT_EQ(token->issuer, "https://idp.example");
  EXPECT_EQ(token->subject, "ann");
  EXPECT_EQ(token->audience, std::vector<std::string>{"veilwire"});
  EXPECT_EQ(token->authorized_party, "veilwire");
  EXPECT_EQ(token->id, "7");
  EXPECT_EQ(token->session, "s-1");
  EXPECT_EQ(token->issued_at.since_epoch, seconds(1'799'999'990));
  EXPECT_EQ(token->expires_at->since_epoch, seconds(1'800'000'600));
  EXPECT_EQ(token->signed_in_at->since_epoch, seconds(1'799'999'900));
  EXPECT_EQ(token->acr, "urn:mfa");
  EXPECT_EQ(token->amr, (std::vector<std::string>{"pwd", "otp"}));
  EXPECT_EQ(token->groups, std::vector<std::string>{"dev"});
  EXPECT_EQ(token->name, "Ann \xc3\x89");
  EXPECT_EQ(token->preferred_username, "ann.e");
  EXPECT_EQ(token->email, "ann@example.com");
  EXPECT_TRUE(token->email_verified);
  EXPECT_TRUE(token->events.empty());
}

TEST(Claims, OfOtherKindsSayWhatTheyAreFor) {
  const auto access = check(expect(TokenKind::Access), {});
  ASSERT_TRUE(access) << to_string(access.error());
  EXPECT_EQ(access->authorized_party, "robot-client");
  EXPECT_EQ(*access->claims.text_at("scope"), "read write");

  const auto logout = check(expect(TokenKind::Logout), {});
  ASSERT_TRUE(logout) << to_string(logout.error());
  EXPECT_EQ(logout->session, "s-1");
  EXPECT_EQ(logout->events.size(), 1U);

  const auto event = check(expect(TokenKind::SecurityEvent), {});
  ASSERT_TRUE(event) << to_string(event.error());
  EXPECT_EQ(event->subject, "");
  EXPECT_FALSE(event->expires_at);
  EXPECT_EQ(event->events,
            std::vector<std::string>{
                "https://schemas.openid.net/secevent/caep/event-type/session-revoked"});
  EXPECT_EQ(event->claims.find(std::vector<std::string>{"sub_id", "sub"})->text, "ann");
}

TEST(Claims, EachKindHasThoseThatItMustHave) {
  const std::pair<TokenKind, std::vector<std::string>> all[] = {
      {TokenKind::Id, {"iss", "sub", "aud", "exp", "iat"}},
      {TokenKind::Access, {"iss", "sub", "aud", "exp", "iat", "jti", "client_id"}},
      {TokenKind::Logout, {"iss", "aud", "exp", "iat", "jti", "events"}},
      {TokenKind::SecurityEvent, {"iss", "aud", "iat", "jti", "events"}}};
  for (const auto& [kind, names] : all) {
    EXPECT_EQ(verdict(expect(kind), {}), "taken");
    for (const std::string& name : names) {
      EXPECT_EQ(verdict(expect(kind), {{name, ""}}), said(TokenError::ClaimMissing, name));
      EXPECT_NE(verdict(expect(kind), {{name, "null"}}), "taken") << name;
    }
  }
}

TEST(Claims, TheIssuerIsComparedByteByByte) {
  for (const char* issuer : {R"("https://idp.example/")", R"("HTTPS://idp.example")",
                             R"("https://idp.example ")", R"("https://idp.exampl")",
                             R"("https://idp.example.evil.example")", R"("http://idp.example")"})
    EXPECT_EQ(verdict(expect(), {{"iss", issuer}}), said(TokenError::WrongIssuer, "iss"));
  for (const char* issuer : {"7", "[\"https://idp.example\"]", R"("https://idp.example\u0000")"})
    EXPECT_EQ(verdict(expect(), {{"iss", issuer}}), said(TokenError::ClaimMalformed, "iss"));
  EXPECT_EQ(verdict(expect(), {{"iss", R"("https:\/\/idp.example")"}}), "taken");
}

TEST(Claims, AnExpectationWithoutIssuerOrAudienceTakesNothing) {
  TokenExpectation expected = expect();
  expected.issuer.clear();
  EXPECT_NE(verdict(expected, {{"iss", "\"\""}}), "taken");
  expected = expect();
  expected.audience.clear();
  EXPECT_NE(verdict(expected, {{"aud", "\"\""}, {"azp", ""}}), "taken");
  EXPECT_NE(verdict(expected, {{"aud", "[]"}, {"azp", ""}}), "taken");
}

TEST(Claims, OneOfTheAudienceIsUs) {
  EXPECT_EQ(verdict(expect(), {{"aud", R"(["other","veilwire"])"}}), "taken");
  for (const char* audience : {R"("other")", R"(["other"])", "[]", R"("Veilwire")",
                               R"("veilwire ")", R"("other veilwire")"})
    EXPECT_EQ(verdict(expect(), {{"aud", audience}}), said(TokenError::WrongAudience, "aud"))
        << audience;
  for (const char* audience : {R"({"veilwire":"veilwire"})", "7", "true", R"([["veilwire"]])",
                               R"(["veilwire",7])", R"(["veilwire",""])"})
    EXPECT_EQ(verdict(expect(), {{"aud", audience}}), said(TokenError::ClaimMalformed, "aud"))
        << audience;
}

TEST(Claims, AnIdTokenForSeveralOrForAnotherClientIsRefused) {
  EXPECT_EQ(verdict(expect(), {{"azp", ""}}), "taken");
  EXPECT_EQ(verdict(expect(), {{"azp", ""}, {"aud", R"(["other","veilwire"])"}}),
            said(TokenError::ClaimMissing, "azp"));
  EXPECT_EQ(verdict(expect(), {{"azp", R"("other")"}}), said(TokenError::WrongParty, "azp"));
  EXPECT_EQ(verdict(expect(), {{"azp", R"(["veilwire"])"}}),
            said(TokenError::ClaimMalformed, "azp"));
  TokenExpectation expected = expect();
  expected.authorized_party = "portal";
  EXPECT_EQ(verdict(expected, {{"azp", R"("portal")"}}), "taken");
  EXPECT_EQ(verdict(expected, {}), said(TokenError::WrongParty, "azp"));
}

TEST(Claims, TheNonceIsTheOneOfOurRequest) {
  TokenExpectation expected = expect();
  expected.nonce = "n";
  EXPECT_EQ(verdict(expected, {}), "taken");
  EXPECT_EQ(verdict(expected, {{"nonce", ""}}), said(TokenError::ClaimMissing, "nonce"));
  EXPECT_EQ(verdict(expected, {{"nonce", "7"}}), said(TokenError::ClaimMissing, "nonce"));
  EXPECT_EQ(verdict(expected, {{"nonce", R"("N")"}}), said(TokenError::WrongNonce, "nonce"));
}

TEST(Claims, TimesCountToTheNanosecondAtTheEdgesOfTheSkew) {
  constexpr nanoseconds kTick{1};
  const Changes times = {{"exp", "1800000000"}, {"nbf", "1799999000"}, {"iat", "1799999000"}};
  EXPECT_EQ(verdict(expect(), times, kNow + seconds(60) - kTick), "taken");
  EXPECT_EQ(verdict(expect(), times, kNow + seconds(60)), said(TokenError::Expired, "exp"));
  const seconds begin(1'799'999'000);
  EXPECT_EQ(verdict(expect(), times, begin - seconds(60)), "taken");
  EXPECT_EQ(verdict(expect(), times, begin - seconds(60) - kTick),
            said(TokenError::NotYetValid, "nbf"));
  const Changes issued = {{"iat", "1799999000"}};
  EXPECT_EQ(verdict(expect(), issued, begin - seconds(60)), "taken");
  EXPECT_EQ(verdict(expect(), issued, begin - seconds(60) - kTick),
            said(TokenError::IssuedInFuture, "iat"));

  TokenExpectation strict = expect();
  strict.skew = seconds(0);
  EXPECT_EQ(verdict(strict, times, kNow - kTick), "taken");
  EXPECT_EQ(verdict(strict, times, kNow), said(TokenError::Expired, "exp"));
  EXPECT_EQ(verdict(strict, times, begin), "taken");
  EXPECT_EQ(verdict(strict, times, begin - kTick), said(TokenError::NotYetValid, "nbf"));
}

TEST(Claims, AFractionOfASecondIsRoundedAgainstTheToken) {
  TokenExpectation strict = expect();
  strict.skew = seconds(0);
  constexpr nanoseconds kTick{1};
  EXPECT_EQ(verdict(strict, {{"exp", "1800000000.9"}}, kNow - kTick), "taken");
  EXPECT_EQ(verdict(strict, {{"exp", "1800000000.9"}}, kNow), said(TokenError::Expired, "exp"));
  EXPECT_EQ(verdict(strict, {{"nbf", "1799999999.1"}}, kNow), "taken");
  EXPECT_EQ(verdict(strict, {{"nbf", "1799999999.1"}}, kNow - kTick),
            said(TokenError::NotYetValid, "nbf"));
  EXPECT_EQ(verdict(strict, {{"exp", "1.8000006e9"}}), "taken");
}

TEST(Claims, TimesThatAreNoneAreRefused) {
  for (const std::string name : {"exp", "nbf", "iat", "auth_time"})
    for (const char* time :
         {"-1", "-0.5", "9000000001", "9223372036854775807", "9223372036854775808",
          "18446744073709551616", "1e300", "-1e300", "1800000600000", R"("1800000600")", "true",
          "null", "[1800000600]", "{}"})
      EXPECT_EQ(verdict(expect(), {{name, time}}), said(TokenError::ClaimMalformed, name)) << time;
  EXPECT_EQ(verdict(expect(), {{"exp", "1e400"}}), said(TokenError::NotJson, "claims"));
  EXPECT_EQ(verdict(expect(), {{"exp", "9000000000"}}), "taken");
  EXPECT_EQ(verdict(expect(), {{"exp", "0"}}), said(TokenError::Expired, "exp"));
  EXPECT_EQ(verdict(expect(), {{"exp", "-0.0"}}), said(TokenError::Expired, "exp"));
}

TEST(Claims, AgesHaveTheBoundsOfTheCaller) {
  TokenExpectation expected = expect();
  expected.max_age = seconds(300);
  EXPECT_EQ(verdict(expected, {{"iat", "1799999640"}}), "taken");
  EXPECT_EQ(verdict(expected, {{"iat", "1799999639"}}), said(TokenError::TooOld, "iat"));
  expected = expect();
  expected.max_auth = seconds(0);
  EXPECT_EQ(verdict(expected, {}), said(TokenError::ClaimMissing, "auth_time"));
  EXPECT_EQ(verdict(expected, {{"auth_time", "1799999940"}}), "taken");
  EXPECT_EQ(verdict(expected, {{"auth_time", "1799999939"}}),
            said(TokenError::SignedInTooLongAgo, "auth_time"));
}

TEST(Claims, ALogoutTokenWithoutAnExpiryNeedsABoundOnItsAge) {
  TokenExpectation expected = expect(TokenKind::Logout);
  EXPECT_EQ(verdict(expected, {{"exp", ""}}), said(TokenError::ClaimMissing, "exp"));
  expected.max_age = seconds(120);
  EXPECT_EQ(verdict(expected, {{"exp", ""}}), "taken");
  EXPECT_EQ(verdict(expected, {{"exp", ""}, {"iat", "1799999000"}}),
            said(TokenError::TooOld, "iat"));
  EXPECT_EQ(verdict(expected, {{"exp", "1799999000"}}), said(TokenError::Expired, "exp"));
}

TEST(Claims, ALogoutTokenIsNoIdToken) {
  const TokenExpectation expected = expect(TokenKind::Logout);
  EXPECT_EQ(verdict(expected, {{"nonce", R"("n")"}}), said(TokenError::ClaimNotAllowed, "nonce"));
  EXPECT_EQ(verdict(expected, {{"sub", ""}}), "taken");
  EXPECT_EQ(verdict(expected, {{"sid", ""}}), "taken");
  EXPECT_EQ(verdict(expected, {{"sub", ""}, {"sid", ""}}), said(TokenError::ClaimMissing, "sub"));
  EXPECT_EQ(verdict(expected, {{"events", R"({"https://other.example/event":{}})"}}),
            said(TokenError::WrongEvent, "events"));
  for (const char* events :
       {"{}", "[]", R"(["http://schemas.openid.net/event/backchannel-logout"])", "null",
        R"({"http://schemas.openid.net/event/backchannel-logout":true})", R"({"":{}})"})
    EXPECT_EQ(verdict(expected, {{"events", events}}), said(TokenError::ClaimMalformed, "events"))
        << events;
}

TEST(Claims, WhatHasAnEventIsNoProofOfASignIn) {
  const Changes event = {{"events", kLogoutToken.at("events")}};
  EXPECT_EQ(verdict(expect(TokenKind::Id), event), said(TokenError::ClaimNotAllowed, "events"));
  EXPECT_EQ(verdict(expect(TokenKind::Access), event), said(TokenError::ClaimNotAllowed, "events"));
}

TEST(Claims, TextsThatDoNotFitARecordAreRefused) {
  const std::string most(limits::kTokenText, 'x');
  EXPECT_EQ(verdict(expect(), {{"sub", '"' + most + '"'}}), "taken");
  for (const std::string& text : {'"' + most + "x\"", std::string(R"("a\nb")"),
                                  std::string(R"("a\u0000")"), std::string(R"("\u001b[2J")"),
                                  std::string(R"("\u007f")"), std::string("7"), std::string("{}")})
    for (const std::string name :
         {"sub", "jti", "sid", "acr", "amr", "name", "preferred_username", "email", "azp"})
      EXPECT_EQ(verdict(expect(), {{name, text}}), said(TokenError::ClaimMalformed, name)) << text;
  EXPECT_EQ(verdict(expect(), {{"sub", "\"\""}}), said(TokenError::ClaimMalformed, "sub"));
  for (const std::string name : {"jti", "sid", "acr", "name", "preferred_username", "email"})
    for (const char* empty : {"null", "\"\""})
      EXPECT_EQ(verdict(expect(), {{name, empty}}), "taken") << name;
}

TEST(Claims, AnAddressIsVerifiedByABooleanOnly) {
  const auto verified = [](const char* address, const char* value) {
    return check(expect(), {{"email", address}, {"email_verified", value}})->email_verified;
  };
  EXPECT_TRUE(verified(R"("ann@example.com")", "true"));
  for (const char* value : {"", "false", "null", R"("true")", R"("false")", "1", "[true]"})
    EXPECT_FALSE(verified(R"("ann@example.com")", value)) << value;
  EXPECT_FALSE(verified("", "true"));
}

TEST(Claims, GroupsAreReadWhereTheyAreSaidToBe) {
  const auto groups = [](std::vector<std::string> path, const Changes& changes) {
    TokenExpectation expected = expect();
    expected.groups = std::move(path);
    return check(expected, changes)->groups;
  };
  using Groups = std::vector<std::string>;
  EXPECT_EQ(groups({}, {}), Groups());
  EXPECT_EQ(groups({"groups"}, {{"groups", R"(["b","a","b"])"}}), (Groups{"a", "b"}));
  EXPECT_EQ(groups({"groups"}, {{"groups", R"("one")"}}), Groups{"one"});
  for (const char* none : {"", "null", "[]"})
    EXPECT_EQ(groups({"groups"}, {{"groups", none}}), Groups()) << none;
  EXPECT_EQ(groups({"realm_access", "roles"}, {{"realm_access", R"({"roles":["r"]})"}}),
            Groups{"r"});
  EXPECT_EQ(groups({"https://example.com/groups"}, {{"https://example.com/groups", R"(["u"])"}}),
            Groups{"u"});
}

TEST(Claims, NoGroupGoesMissingUnnoticed) {
  TokenExpectation expected = expect();
  expected.groups = {"groups"};
  for (const char* bad : {R"(["a",7])", R"(["a",null])", R"(["a",""])", R"(["a\nb"])", "7", "true",
                          R"({"a":true})", R"([["a"]])", "\"\""})
    EXPECT_EQ(verdict(expected, {{"groups", bad}}), said(TokenError::ClaimMalformed, "groups"))
        << bad;
  TokenExpectation nested = expect();
  nested.groups = {"realm_access", "roles"};
  EXPECT_EQ(verdict(nested, {{"realm_access", "null"}}), "taken");
  EXPECT_EQ(verdict(nested, {{"realm_access", "{}"}}), "taken");
  for (const char* bad : {R"("roles")", R"(["roles"])", "true", R"({"roles":{"r":true}})"})
    EXPECT_EQ(verdict(nested, {{"realm_access", bad}}), said(TokenError::ClaimMalformed, "groups"))
        << bad;
  const auto many = [](std::size_t count) {
    std::string json = R"(["0")";
    for (std::size_t i = 1; i < count; ++i) json += ",\"" + std::to_string(i) + '"';
    return json + ']';
  };
  EXPECT_EQ(check(expected, {{"groups", many(limits::kTokenGroups)}})->groups.size(),
            limits::kTokenGroups);
  EXPECT_EQ(verdict(expected, {{"groups", many(limits::kTokenGroups + 1)}}),
            said(TokenError::TooManyGroups, "groups"));
  EXPECT_EQ(verdict(expected, {{"groups", ""}, {"_claim_names", R"({"groups":"src1"})"}}),
            said(TokenError::GroupsElsewhere, "groups"));
  EXPECT_EQ(verdict(expected, {{"groups", ""}, {"_claim_names", R"({"other":"src1"})"}}), "taken");
}

TEST(Claims, OfABuildAreThereForRules) {
  const auto token = check(expect(), {{"nonce", ""},
                                      {"azp", ""},
                                      {"project_path", R"("group/project")"},
                                      {"ref_protected", R"("true")"},
                                      {"runner_id", "1"},
                                      {"environment_protected", "false"}});
  ASSERT_TRUE(token) << to_string(token.error());
  EXPECT_EQ(*token->claims.text_at("project_path"), "group/project");
  EXPECT_EQ(*token->claims.text_at("ref_protected"), "true");
  EXPECT_EQ(token->claims.integer_at("runner_id"), 1);
  EXPECT_EQ(token->claims.boolean_at("environment_protected"), false);
  EXPECT_EQ(token->claims.text_at("pipeline_slug"), nullptr);
}

TEST(Claims, AreOneObjectWithoutDuplicates) {
  const auto refusal = [](std::string_view json) {
    return to_string(check_claims(json, expect(), WallTime{kNow}).error());
  };
  EXPECT_EQ(refusal(R"({"sub":"ann","sub":"bob"})"), said(TokenError::DuplicateMember, "claims"));
  EXPECT_EQ(refusal(R"({"realm_access":{"roles":[],"roles":[]}})"),
            said(TokenError::DuplicateMember, "claims"));
  EXPECT_EQ(refusal("{\"a\":" + std::string(64, '[')), said(TokenError::TooComplex, "claims"));
  EXPECT_EQ(refusal("I am ann"), said(TokenError::NotJson, "claims"));
  EXPECT_EQ(refusal("{}"), said(TokenError::ClaimMissing, "iss"));
}

}  // namespace
}  // namespace veilwire::identity
