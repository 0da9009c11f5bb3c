#include "agent/saml/idp.h"

#include "tests/unit/saml/signed_responses.h"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::saml::testing {
namespace {

std::string complaint(const std::string& metadata) {
  try {
    read_idp(metadata);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}
bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

TEST(SamlIdp, IsPinnedByTheKeysOfItsMetadata) {
  const Idp read = read_idp(idp().metadata());
  EXPECT_EQ(read.entity_id, kIdpName);
  EXPECT_EQ(read.sign_in, "https://idp.example/login");
  EXPECT_EQ(read.certificates, std::vector<std::string>{idp().certificate()});
}

TEST(SamlIdp, SignInIsWhereARedirectMayGo) {
  EXPECT_EQ(read_idp(replaced(idp().metadata(), "bindings:HTTP-Redirect", "bindings:SOAP")).sign_in,
            "");
}

TEST(SamlIdp, KeysForEncryptionDoNotSign) {
  const std::string text = replaced(idp().metadata(), "use=\"signing\"", "use=\"encryption\"");
  EXPECT_TRUE(mentions(complaint(text), "no certificate for signing")) << complaint(text);
  EXPECT_EQ(read_idp(replaced(idp().metadata(), "use=\"signing\"", "")).certificates.size(), 1U);
}

TEST(SamlIdp, AWeakKeyIsRefused) {
  const TestIdp weak(1024);
  EXPECT_TRUE(mentions(complaint(weak.metadata()), "1024 bits")) << complaint(weak.metadata());
}

TEST(SamlIdp, SaysWhatIsWrongWithTheFile) {
  const std::string good = idp().metadata();
  EXPECT_TRUE(mentions(complaint("<a/>"), "not an EntityDescriptor"));
  EXPECT_TRUE(mentions(complaint("x"), "not XML"));
  EXPECT_TRUE(mentions(complaint("<!DOCTYPE a>" + good), "not XML"));
  EXPECT_TRUE(
      mentions(complaint(replaced(good, "entityID=\"https://idp.example/saml\"", "")), "entityID"));
  std::string sp = replaced(good, "IDPSSODescriptor", "SPSSODescriptor");
  sp = replaced(sp, "/IDPSSODescriptor", "/SPSSODescriptor");
  EXPECT_TRUE(mentions(complaint(sp), "IDPSSODescriptor"));
  EXPECT_TRUE(
      mentions(complaint(replaced(good, "<X509Certificate>", "<X509Certificate>!")), "not base64"));
}

}  // namespace
}  // namespace veilwire::saml::testing
