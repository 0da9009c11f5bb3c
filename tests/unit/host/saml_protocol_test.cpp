#include "agent/host/protocol/saml.h"
#include "userspace/base/limits.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'000)};

identity::SamlAssertion assertion() {
  return {.issuer = "https://idp.example",
          .id = "_a1",
          .subject = "7f3c",
          .subject_format = identity::kSamlPersistent,
          .session_index = "s1",
          .authn_context = "urn:x",
          .issued_at = kNow,
          .signed_in_at = {kNow.since_epoch - seconds(60)},
          .usable_until = {kNow.since_epoch + seconds(300)},
          .session_ends_at = WallTime{kNow.since_epoch + seconds(3600)},
          .attributes = {{"groups", {"staff", "developers"}}, {"empty", {}}}};
}

std::vector<SamlQuestion> questions() {
  return {{1, SamlBegin{"state", true}},
          {2, SamlBegin{}},
          {3, SamlFinish{std::string(limits::kSamlResponse, 'A'), "_r1", kNow}}};
}
std::vector<SamlAnswer> answers() {
  identity::SamlAssertion bare = assertion();
  bare.session_ends_at.reset();
  bare.attributes.clear();
  return {{4, SamlBegun{"https://idp.example/?SAMLRequest=x", "_r1", "http://127.0.0.1:1/x"}},
          {5, assertion()},
          {6, bare},
          {7, SamlRefused{SamlError::RefusedByIdp, "no"}}};
}

TEST(SamlProtocol, QuestionsAndAnswersComeBackAsTheyWereSaid) {
  for (const SamlQuestion& question : questions())
    EXPECT_EQ(decode_saml_question(*encode(question)), question);
  for (const SamlAnswer& answer : answers()) EXPECT_EQ(decode_saml_answer(*encode(answer)), answer);
}

TEST(SamlProtocol, EveryCutAndEveryByteMoreIsRefused) {
  for (SamlQuestion question : questions()) {
    if (auto* finish = std::get_if<SamlFinish>(&question.what)) finish->response = "AAAA";
    const std::string whole = *encode(question);
    for (std::size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(decode_saml_question(whole.substr(0, n))) << n;
    EXPECT_FALSE(decode_saml_question(whole + '\0'));
    EXPECT_FALSE(decode_saml_answer(whole));
  }
  for (const SamlAnswer& answer : answers()) {
    const std::string whole = *encode(answer);
    for (std::size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(decode_saml_answer(whole.substr(0, n))) << n;
    EXPECT_FALSE(decode_saml_answer(whole + '\0'));
    EXPECT_FALSE(decode_saml_question(whole));
  }
}

TEST(SamlProtocol, AnotherVersionIsRefused) {
  std::string message = *encode(questions().front());
  ++message[4];
  EXPECT_FALSE(decode_saml_question(message));
}

TEST(SamlProtocol, WhatDoesNotFitIsNotSaid) {
  EXPECT_FALSE(encode(SamlQuestion{1, SamlBegin{std::string(81, 'x'), false}}));
  EXPECT_FALSE(
      encode(SamlQuestion{1, SamlFinish{std::string(limits::kSamlResponse + 1, 'A'), "", kNow}}));
  EXPECT_FALSE(encode(SamlQuestion{1, SamlFinish{"", "", WallTime{seconds(-1)}}}));
  identity::SamlAssertion a = assertion();
  a.attributes.assign(limits::kSamlAttributes + 1, {"a", {}});
  EXPECT_FALSE(encode(SamlAnswer{1, a}));
  a = assertion();
  a.attributes.assign(2,
                      {"a", std::vector<std::string>(limits::kSamlValues, std::string(99, 'v'))});
  EXPECT_FALSE(encode(SamlAnswer{1, a})) << "longer than a local message";
}

TEST(SamlProtocol, AnAssertionAboutNobodyIsRefused) {
  for (std::string identity::SamlAssertion::*member :
       {&identity::SamlAssertion::issuer, &identity::SamlAssertion::id,
        &identity::SamlAssertion::subject}) {
    identity::SamlAssertion a = assertion();
    (a.*member).clear();
    EXPECT_FALSE(decode_saml_answer(*encode(SamlAnswer{1, a})));
  }
}

TEST(SamlProtocol, EveryErrorHasItsWords) {
  for (int i = 0; i <= static_cast<int>(kLastSamlError); ++i)
    EXPECT_NE(to_string(static_cast<SamlError>(i)), "unknown") << i;
}

}  // namespace
}  // namespace veilwire::host::protocol
