#include "agent/saml/response.h"

#include "tests/unit/saml/signed_responses.h"
#include "userspace/base/limits.h"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::saml::testing {
namespace {

using host::protocol::SamlError;

// What the IdP has signed after this was changed in its assertion, or in the response around it.
std::string changed(std::string_view what, std::string_view by) {
  return idp().sign(replaced(response(assertion()), what, by));
}

TEST(SamlResponse, SaysWhoHasSignedIn) {
  const auto got = read(idp().sign(response(assertion())));
  ASSERT_TRUE(got) << to_string(got.error().error) << got.error().said;
  EXPECT_EQ(got->issuer, kIdpName);
  EXPECT_EQ(got->id, "_a1");
  EXPECT_EQ(got->subject, "alice");
  EXPECT_EQ(got->subject_format, identity::kSamlPersistent);
  EXPECT_EQ(got->session_index, "s1");
  EXPECT_EQ(got->authn_context, "urn:oasis:names:tc:SAML:2.0:ac:classes:X509");
  EXPECT_EQ(got->issued_at, kNow);
  EXPECT_EQ(got->signed_in_at, (WallTime{kNow.since_epoch - std::chrono::seconds(30)}));
  EXPECT_EQ(got->usable_until, (WallTime{kNow.since_epoch + std::chrono::minutes(5)}));
  EXPECT_FALSE(got->session_ends_at);
  EXPECT_EQ(got->attributes,
            (std::vector<identity::SamlAttribute>{{"groups", {"staff", "developers"}}}));
}

TEST(SamlResponse, MayBeSignedAsAWholeBesides) {
  const std::string both =
      replaced(response(assertion()), "<samlp:Status>", signature("_r1") + "<samlp:Status>");
  const std::string good = idp().sign(both);
  EXPECT_EQ(error_of(good), "taken as alice");
  EXPECT_EQ(error_of(replaced(good, "Version=\"2.0\"", "Version=\"2.0\" Consent=\"urn:x\"")),
            words(SamlError::BadSignature));
}

TEST(SamlResponse, SignedAloneAsAWholeIsRefused) {
  const std::string bare = replaced(assertion(), signature("_a1"), "");
  EXPECT_EQ(error_of(idp().sign(response(bare))), words(SamlError::Unsigned));
  EXPECT_EQ(error_of(idp().sign(
                replaced(response(bare), "<samlp:Status>", signature("_r1") + "<samlp:Status>"))),
            words(SamlError::Unsigned));
}

TEST(SamlResponse, EveryChangeAfterSigningIsSeen) {
  const std::string good = idp().sign(response(assertion()));
  for (const char* what : {"alice", "staff", "08:05:00Z", "X509<", "s1\"", "_request1\" Recipient"})
    EXPECT_EQ(error_of(replaced(good, what, std::string("0") + what)),
              words(SamlError::BadSignature))
        << what;
}

TEST(SamlResponse, OfAnotherKeyIsRefused) {
  const TestIdp other;
  EXPECT_EQ(error_of(other.sign(response(assertion()))), words(SamlError::BadSignature));
}

TEST(SamlResponse, WhichKeyItNamesMeansNothing) {
  const TestIdp other;
  const std::string key_info = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>" +
                               crypto::base64_encode(other.certificate()) +
                               "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>";
  const std::string xml = replaced(response(assertion()), "</ds:Signature>", key_info);
  EXPECT_EQ(error_of(other.sign(xml)), words(SamlError::BadSignature));
  EXPECT_EQ(error_of(idp().sign(xml)), "taken as alice");
}

TEST(SamlResponse, OneOfSeveralPinnedKeysIsEnough) {
  const TestIdp other;
  const PinnedKeys keys({other.certificate(), idp().certificate()});
  EXPECT_TRUE(read_response(idp().sign(response(assertion())), expected(),
                            [&keys](XmlNode* element) { return keys.verify(element); }));
}

TEST(SamlResponse, WeakAlgorithmsAreRefusedThoughTheKeyIsRight) {
  const std::string sha1 = signature("_a1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1");
  const std::string sha1_digest =
      signature("_a1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "http://www.w3.org/2000/09/xmldsig#sha1");
  for (const std::string& weak : {sha1, sha1_digest})
    EXPECT_EQ(error_of(idp().sign(response(replaced(assertion(), signature("_a1"), weak)))),
              words(SamlError::WeakSignature));
  for (const auto& [algorithm, digest] :
       {std::pair{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
                  "http://www.w3.org/2001/04/xmldsig-more#sha384"},
        std::pair{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
                  "http://www.w3.org/2001/04/xmlenc#sha512"}})
    EXPECT_EQ(error_of(idp().sign(response(
                  replaced(assertion(), signature("_a1"), signature("_a1", algorithm, digest))))),
              "taken as alice");
  EXPECT_EQ(error_of(replaced(idp().sign(response(assertion())), "xmldsig-more#rsa-sha256",
                              "xmldsig-more#hmac-sha256")),
            words(SamlError::WeakSignature));
}

TEST(SamlResponse, IsOnlyForThisServiceThisAddressThisRequest) {
  const std::vector<std::tuple<const char*, const char*, SamlError>> cases{
      {"urn:example.com:veilwire</saml:Audience>", "urn:other</saml:Audience>",
       SamlError::WrongAudience},
      {"urn:example.com:veilwire</saml:Audience>", "urn:example.com:veilwire/</saml:Audience>",
       SamlError::WrongAudience},
      {"<saml:AudienceRestriction><saml:Audience>urn:example.com:veilwire</saml:Audience>"
       "</saml:AudienceRestriction>",
       "", SamlError::WrongAudience},
      {"</saml:AudienceRestriction>",
       "</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>urn:other"
       "</saml:Audience></saml:AudienceRestriction>",
       SamlError::WrongAudience},
      {"</saml:AudienceRestriction>", "</saml:AudienceRestriction><saml:Condition/>",
       SamlError::NotAResponse},
      {"Destination=\"http://127.0.0.1:8423/saml\"", "Destination=\"http://127.0.0.1:8424/saml\"",
       SamlError::WrongRecipient},
      {" Destination=\"http://127.0.0.1:8423/saml\"", "", SamlError::WrongRecipient},
      {"Recipient=\"http://127.0.0.1:8423/saml\"", "Recipient=\"https://other.example/\"",
       SamlError::WrongRecipient},
      {" Recipient=\"http://127.0.0.1:8423/saml\"", "", SamlError::WrongRecipient},
      {"InResponseTo=\"_request1\" Destination", "InResponseTo=\"_request2\" Destination",
       SamlError::WrongRequest},
      {"InResponseTo=\"_request1\" Destination", "Destination", SamlError::WrongRequest},
      {"InResponseTo=\"_request1\" Recipient", "InResponseTo=\"_request2\" Recipient",
       SamlError::WrongRequest},
      {"InResponseTo=\"_request1\" Recipient", "Recipient", SamlError::WrongRequest},
      {"<saml:Issuer>https://idp.example/saml", "<saml:Issuer>https://idp.example/saml/",
       SamlError::WrongIssuer},
      {"cm:bearer", "cm:holder-of-key", SamlError::NotAResponse},
  };
  for (const auto& [what, by, error] : cases)
    EXPECT_EQ(error_of(changed(what, by)), words(error)) << by;
  std::string other_issuer = assertion();
  other_issuer = replaced(other_issuer, "https://idp.example/saml", "https://idp.example/other");
  EXPECT_EQ(error_of(idp().sign(response(other_issuer))), words(SamlError::WrongIssuer));
  Expected nothing_asked = expected();
  nothing_asked.in_response_to.clear();
  EXPECT_EQ(
      error_of(changed("InResponseTo=\"_request1\" Destination", "InResponseTo=\"\" Destination"),
               nothing_asked),
      words(SamlError::WrongRequest));
}

TEST(SamlResponse, NamesSomebodyOfThisIdpToThisService) {
  EXPECT_EQ(error_of(changed("<saml:NameID ",
                             "<saml:NameID NameQualifier=\"https://idp.example/saml\" "
                             "SPNameQualifier=\"urn:example.com:veilwire\" ")),
            "taken as alice");
  EXPECT_EQ(
      error_of(changed("<saml:NameID ", "<saml:NameID NameQualifier=\"https://other.example\" ")),
      words(SamlError::WrongIssuer));
  EXPECT_EQ(error_of(changed("<saml:NameID ", "<saml:NameID SPNameQualifier=\"urn:other\" ")),
            words(SamlError::WrongAudience));
}

TEST(SamlResponse, CountsWithinItsTimesAndAMinuteOfGrace) {
  const std::string good = idp().sign(response(assertion()));
  const auto at = [&good](int seconds) {
    Expected then = expected();
    then.now.since_epoch += std::chrono::seconds(seconds);
    return error_of(good, then);
  };
  EXPECT_EQ(at(-60), "taken as alice");
  EXPECT_EQ(at(-61), words(SamlError::NotYet));
  EXPECT_EQ(at(300 + 59), "taken as alice");
  EXPECT_EQ(at(300 + 60), words(SamlError::Expired));
  const std::string no_end = " NotOnOrAfter=\"2027-01-15T08:05:00Z\"";
  EXPECT_EQ(error_of(changed(no_end, "")), words(SamlError::NotAResponse));
  EXPECT_EQ(error_of(changed("NotOnOrAfter=\"2027-01-15T08:10:00Z\"",
                             "NotOnOrAfter=\"2027-01-15T07:59:00Z\"")),
            words(SamlError::Expired));
  EXPECT_EQ(
      error_of(changed("NotBefore=\"2027-01-15T08:00:00Z\"", "NotBefore=\"2027-01-15T08:01:01Z\"")),
      words(SamlError::NotYet));
}

TEST(SamlResponse, AnAssertionThatIsGoodForYearsCountsForADay) {
  const std::string xml =
      changed("NotOnOrAfter=\"2027-01-15T08:05:00Z\"", "NotOnOrAfter=\"2037-01-15T08:05:00Z\"");
  Expected later = expected();
  later.now.since_epoch += std::chrono::hours(25);
  EXPECT_EQ(error_of(xml, later), words(SamlError::Expired));
}

TEST(SamlResponse, ARefusalIsToldWithTheIdpsReason) {
  const std::string refusal = replaced(
      response(""), "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>",
      "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\">"
      "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/>"
      "</samlp:StatusCode><samlp:StatusMessage>account is locked</samlp:StatusMessage>");
  const auto got = read(refusal);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().error, SamlError::RefusedByIdp);
  EXPECT_EQ(got.error().said, "AuthnFailed: account is locked");
  Expected other = expected();
  other.in_response_to = "_request2";
  EXPECT_EQ(error_of(refusal, other), words(SamlError::WrongRequest)) << "anybody may post one";
}

TEST(SamlResponse, NothingUnsignedGoesOnToLasso) {
  const std::string unsigned_xml = "<x xmlns=\"urn:x\" xmlns:t=\"urn:t\" t:type=\"y\">evil</x>";
  std::string xml = idp().sign(
      response(replaced(assertion(), "</ds:Signature>",
                        "<ds:KeyInfo>" + unsigned_xml + "</ds:KeyInfo></ds:Signature>")));
  xml = replaced(
      xml, "<samlp:Status>",
      "\n<samlp:Extensions>" + unsigned_xml + "</samlp:Extensions><samlp:Status evil=\"1\">");
  xml = replaced(xml, "</samlp:Status>",
                 "<samlp:StatusMessage>evil</samlp:StatusMessage><samlp:StatusDetail>" +
                     unsigned_xml + "</samlp:StatusDetail></samlp:Status>");
  xml = replaced(xml, "<ds:Signature ", "<ds:Signature evil=\"1\" ");
  xml = replaced(xml, "<ds:SignatureValue>", "<ds:SignatureValue Id=\"evil2\">");
  xml = replaced(xml, "ID=\"_r1\"", "ID=\"evil\" Consent=\"evil\"");
  xml = replaced(xml, "<saml:Issuer>", "<saml:Issuer SPProvidedID=\"evil\">");
  const auto got = read_whole(xml);
  ASSERT_TRUE(got) << to_string(got.error().error) << got.error().said;
  EXPECT_EQ(got->xml.find("evil"), got->xml.npos) << got->xml;
  EXPECT_EQ(got->xml.find("urn:x"), got->xml.npos) << got->xml;
  EXPECT_EQ(error_of(got->xml), "taken as alice") << "what is left still verifies";
}

TEST(SamlResponse, EncryptedPartsAreRefusedByName) {
  EXPECT_EQ(error_of(response("<saml:EncryptedAssertion/>")), words(SamlError::Encrypted));
  EXPECT_EQ(error_of(changed("<saml:AttributeStatement>",
                             "<saml:AttributeStatement><saml:EncryptedAttribute/>")),
            words(SamlError::Encrypted));
}

TEST(SamlResponse, HoldsExactlyOneAssertion) {
  EXPECT_EQ(error_of(response("")), words(SamlError::NotOne));
  EXPECT_EQ(error_of(idp().sign(response(assertion() + assertion("bob", "_a2")))),
            words(SamlError::NotOne));
}

TEST(SamlResponse, ACommentInANameDoesNotCutIt) {
  EXPECT_EQ(error_of(idp().sign(response(assertion("alice<!-- -->.evil")))),
            words(SamlError::ForbiddenXml));
  std::string good = idp().sign(response(assertion("alice.evil")));
  EXPECT_EQ(error_of(replaced(good, "alice.evil", "alice<!-- -->.evil")),
            words(SamlError::ForbiddenXml));
  EXPECT_EQ(error_of(replaced(good, "alice.evil", "alice<?x?>.evil")),
            words(SamlError::ForbiddenXml));
  EXPECT_EQ(error_of(replaced(good, "alice.evil", "alice<![CDATA[.evil]]>")),
            words(SamlError::ForbiddenXml));
}

TEST(SamlResponse, TextsThatCannotStandInARecordAreRefused) {
  EXPECT_EQ(error_of(idp().sign(response(assertion("a&#10;b")))), words(SamlError::Unprintable));
  EXPECT_EQ(error_of(idp().sign(response(assertion(std::string(1025, 'a'))))),
            words(SamlError::TooLarge));
  EXPECT_EQ(error_of(idp().sign(response(assertion("")))), words(SamlError::NotAResponse));
  EXPECT_EQ(error_of(idp().sign(response(assertion("&lt;b&gt;&amp;")))), "taken as <b>&");
  const auto got = read(changed("staff", "a&#127;"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().said, "groups") << "the attribute to look for";
}

TEST(SamlResponse, AttributesOfOneNameAreOneAndEmptyOnesAreLeftOut) {
  const auto got = read(
      changed("</saml:AttributeStatement>",
              "<saml:Attribute Name=\"groups\"><saml:AttributeValue>admins</saml:AttributeValue>"
              "<saml:AttributeValue/><saml:AttributeValue><saml:NameID>x</saml:NameID>"
              "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->attributes,
            (std::vector<identity::SamlAttribute>{{"groups", {"staff", "developers", "admins"}}}));
}

TEST(SamlResponse, TooManyAttributesOrValuesAreRefused) {
  std::string many, values;
  for (std::size_t i = 0; i <= limits::kSamlAttributes; ++i)
    many += "<saml:Attribute Name=\"n" + std::to_string(i) + "\"/>";
  EXPECT_EQ(error_of(changed("</saml:AttributeStatement>", many + "</saml:AttributeStatement>")),
            words(SamlError::TooLarge));
  for (std::size_t i = 0; i <= limits::kSamlValues; ++i)
    values += "<saml:AttributeValue>v</saml:AttributeValue>";
  EXPECT_EQ(error_of(changed("<saml:Attribute Name=\"groups\">",
                             "<saml:Attribute Name=\"groups\">" + values)),
            words(SamlError::TooLarge));
}

TEST(SamlResponse, OtherMessagesAndOtherOrdersAreRefused) {
  EXPECT_EQ(error_of("<a/>"), words(SamlError::NotAResponse));
  EXPECT_EQ(error_of(idp().sign(assertion())), words(SamlError::NotAResponse));
  EXPECT_EQ(error_of(changed("<samlp:Status>", "<samlp:Other/><samlp:Status>")),
            words(SamlError::NotAResponse));
  EXPECT_EQ(error_of(changed("<saml:Subject>", "<saml:Other/><saml:Subject>")),
            words(SamlError::NotAResponse));
  EXPECT_EQ(error_of(""), words(SamlError::NotXml));
}

TEST(SamlTime, IsInUtcAndNothingElse) {
  EXPECT_EQ(read_time("2027-01-15T08:00:00Z"), kNow);
  EXPECT_EQ(read_time("2027-01-15T08:00:00.999999999Z"), kNow);
  for (const char* bad : {"", "2027-01-15T08:00:00", "2027-01-15T08:00:00+00:00",
                          "2027-01-15 08:00:00Z", "2027-02-29T08:00:00Z", "2027-13-01T08:00:00Z",
                          "2027-01-15T24:00:00Z", "2027-01-15T08:00:60Z", "2027-01-15T08:00:00.Z",
                          "2027-01-15T08:00:00.1x", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z",
                          "-027-01-15T08:00:00Z", "2027-01-15T08:00:00.1234567890Z"})
    EXPECT_FALSE(read_time(bad)) << bad;
}

}  // namespace
}  // namespace veilwire::saml::testing
