#include "agent/saml/service.h"

#include "tests/unit/saml/signed_responses.h"
#include "userspace/crypto/encoding.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::saml::testing {
namespace {

using namespace host::protocol;

Service service(const std::string& metadata = idp().metadata()) {
  return {{.entity_id = kOurName, .address = kCallback, .name_format = identity::kSamlPersistent},
          metadata,
          crypto::system_random()};
}
SamlQuestion finish(const std::string& response) {
  return {1, SamlFinish{response, kRequest, kNow}};
}
std::string encoded() { return crypto::base64_encode(idp().sign(response(assertion()))); }
std::string error_in(const SamlAnswer& answer) {
  const auto* refused = std::get_if<SamlRefused>(&answer.what);
  return refused == nullptr ? "" : words(refused->error);
}

TEST(SamlService, SendsABrowserToTheIdpThatIsConfigured) {
  Service s = service();
  const SamlAnswer answer = s.answer({7, SamlBegin{"state", false}});
  EXPECT_EQ(answer.id, 7U);
  const auto* begun = std::get_if<SamlBegun>(&answer.what);
  ASSERT_NE(begun, nullptr) << error_in(answer);
  EXPECT_TRUE(begun->url.starts_with("https://idp.example/login?SAMLRequest=")) << begun->url;
  EXPECT_NE(begun->url.find("&RelayState=state"), begun->url.npos) << begun->url;
  EXPECT_EQ(begun->url.find("Signature="), begun->url.npos);
  EXPECT_EQ(begun->callback, kCallback);
  EXPECT_TRUE(begun->request_id.starts_with("_"));
  EXPECT_EQ(begun->request_id.size(), 41U);
  const auto again = s.answer({8, SamlBegin{}});
  EXPECT_NE(std::get<SamlBegun>(again.what).request_id, begun->request_id);
  EXPECT_EQ(s.counters().begun, 2U);
}

TEST(SamlService, GivesOutWhatAResponseSaysOnce) {
  Service s = service();
  const SamlAnswer answer = s.answer(finish(encoded()));
  const auto* got = std::get_if<identity::SamlAssertion>(&answer.what);
  ASSERT_NE(got, nullptr) << error_in(answer);
  EXPECT_EQ(got->subject, "alice");
  EXPECT_EQ(error_in(s.answer(finish(encoded()))), words(SamlError::Replayed));
  EXPECT_EQ(s.counters().finished, 1U);
  EXPECT_EQ(s.counters().refused, 1U);
}

TEST(SamlService, TakesBase64InLinesAndNoOtherText) {
  std::string lines = encoded();
  for (std::size_t at = 76; at < lines.size(); at += 78) lines.insert(at, "\r\n");
  Service s = service();
  EXPECT_EQ(error_in(s.answer(finish(lines))), "");
  EXPECT_EQ(error_in(s.answer(finish("%%%"))), words(SamlError::NotBase64));
  EXPECT_EQ(error_in(s.answer(finish(""))), words(SamlError::NotXml));
}

TEST(SamlService, ARefusedResponseUsesNothingUp) {
  Service s = service();
  SamlQuestion early = finish(encoded());
  std::get<SamlFinish>(early.what).now.since_epoch -= std::chrono::hours(1);
  EXPECT_EQ(error_in(s.answer(early)), words(SamlError::NotYet));
  EXPECT_EQ(error_in(s.answer(finish(encoded()))), "");
}

TEST(SamlService, AnIdpWithoutARedirectEndpointIsSaidSo) {
  Service s = service(replaced(idp().metadata(), "bindings:HTTP-Redirect", "bindings:HTTP-POST"));
  EXPECT_EQ(error_in(s.answer({1, SamlBegin{}})), words(SamlError::Unusable));
}

TEST(SamlService, TakesAResponseThatIsSignedTwice) {
  Service s = service();
  const std::string both = idp().sign(
      replaced(response(assertion()), "<samlp:Status>", signature("_r1") + "<samlp:Status>"));
  EXPECT_EQ(error_in(s.answer(finish(crypto::base64_encode(both)))), "");
}

TEST(SamlService, LassoTakesWhatWeTakeAndNoOtherKeys) {
  const std::string good = idp().sign(response(assertion()));
  const SpSettings settings{kOurName, kCallback, identity::kSamlPersistent};
  const LassoSp sp(settings, idp().metadata(), kIdpName);
  EXPECT_TRUE(sp.takes(good, "_a1"));
  EXPECT_FALSE(sp.takes(good, "_a2"));
  EXPECT_FALSE(sp.takes(replaced(good, "alice", "root"), "_a1"));
  const TestIdp other;
  EXPECT_FALSE(sp.takes(other.sign(response(assertion())), "_a1"));
}

}  // namespace
}  // namespace veilwire::saml::testing
