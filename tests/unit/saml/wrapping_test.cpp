// XML signature wrapping: eight ways to keep what was signed in a response and have something else
// read, as "On Breaking SAML: Be Whoever You Want to Be" (2012) and SAML Raider number them. The
// signature verifies in each; none may be taken.
#include "agent/saml/response.h"
#include "tests/unit/saml/signed_responses.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::saml::testing {
namespace {

using host::protocol::SamlError;

const std::string& good() {
  static const std::string text = idp().sign(response(assertion("alice")));
  return text;
}
std::string between(const std::string& text, std::string_view from, std::string_view to) {
  const std::size_t begin = text.find(from);
  return text.substr(begin, text.find(to, begin) + to.size() - begin);
}
std::string signed_assertion() { return between(good(), "<saml:Assertion", "</saml:Assertion>"); }
std::string its_signature() { return between(good(), "<ds:Signature", "</ds:Signature>"); }
std::string unsigned_original() { return replaced(signed_assertion(), its_signature(), ""); }

// What the attacker wants to be read: mallory as root, with or without a signature of alice's.
std::string forged(std::string_view id, const std::string& with = {}) {
  std::string text = replaced(assertion("root", "_a1"), signature("_a1"), with);
  return replaced(text, "ID=\"_a1\"", "ID=\"" + std::string(id) + "\"");
}
std::string into_signature(const std::string& inside) {
  return replaced(its_signature(), "</ds:Signature>",
                  "<ds:Object>" + inside + "</ds:Object></ds:Signature>");
}
std::string whole_response_in(const std::string& place) {
  // The signed message as a whole, moved to where it is not read.
  return between(place, "<samlp:Response", "</samlp:Response>");
}

// By its shape, whether or not the signature would verify.
bool is_refused(const std::string& xml) {
  const auto got = read_response(xml, expected(), [](XmlNode* element) {
    return signature_of(element) ? Result<void, SamlError>() : Unexpected{SamlError::Unsigned};
  });
  if (got) ADD_FAILURE() << "taken as " << got->assertion.subject << ": " << xml;
  return !got && (got.error().error == SamlError::NotOne ||
                  got.error().error == SamlError::WrappedContent ||
                  got.error().error == SamlError::NotAResponse);
}

TEST(SignatureWrapping, TheOriginalIsTaken) { EXPECT_EQ(error_of(good()), "taken as alice"); }

std::string whole_signed() {
  return idp().sign(replaced(response(assertion("alice")), "<samlp:Status>",
                             signature("_r1") + "<samlp:Status>"));
}
std::string response_signature() {
  return between(whole_signed(), "<ds:Signature", "</ds:Signature>");
}
std::string evil_response(const std::string& with_signature, const std::string& assertion_text) {
  return replaced(replaced(response(assertion_text), "ID=\"_r1\"", "ID=\"_evil\""),
                  "<samlp:Status>", with_signature + "<samlp:Status>");
}

TEST(SignatureWrapping, Xsw1TheSignedResponseInsideOfTheSignatureOfAnother) {
  const std::string original =
      replaced(whole_response_in(whole_signed()), response_signature(), "");
  EXPECT_TRUE(
      is_refused(evil_response(replaced(response_signature(), "</ds:Signature>",
                                        "<ds:Object>" + original + "</ds:Object></ds:Signature>"),
                               forged("_evil2"))));
  EXPECT_TRUE(is_refused(
      evil_response(replaced(response_signature(), "</ds:Signature>", original + "</ds:Signature>"),
                    forged("_evil2"))));
}

TEST(SignatureWrapping, Xsw2TheSignedResponseBeforeADetachedSignature) {
  const std::string original =
      replaced(whole_response_in(whole_signed()), response_signature(), "");
  EXPECT_TRUE(is_refused(evil_response(original + response_signature(), forged("_evil2"))));
}

TEST(SignatureWrapping, Xsw3AForgedAssertionBeforeTheSignedOne) {
  EXPECT_TRUE(is_refused(response(forged("_evil") + signed_assertion())));
}

TEST(SignatureWrapping, Xsw4TheSignedAssertionInsideOfAForgedOne) {
  EXPECT_TRUE(is_refused(response(
      replaced(forged("_evil"), "</saml:Assertion>", signed_assertion() + "</saml:Assertion>"))));
}

TEST(SignatureWrapping, Xsw5TheSignatureInAForgedAssertionTheOriginalBehindIt) {
  EXPECT_TRUE(is_refused(response(forged("_evil", its_signature()) + unsigned_original())));
}

TEST(SignatureWrapping, Xsw6TheOriginalInsideOfTheSignatureInsideOfAForgedOne) {
  EXPECT_TRUE(
      is_refused(response(forged("_evil", replaced(its_signature(), "</ds:Signature>",
                                                   unsigned_original() + "</ds:Signature>")))));
}

TEST(SignatureWrapping, Xsw7AForgedAssertionInsideOfExtensions) {
  EXPECT_TRUE(is_refused(
      replaced(response(signed_assertion()), "<samlp:Status>",
               "<samlp:Extensions>" + forged("_a1") + "</samlp:Extensions><samlp:Status>")));
}

TEST(SignatureWrapping, Xsw8TheOriginalInsideOfAnObjectOfTheSignatureOfAForgedOne) {
  EXPECT_TRUE(is_refused(response(forged("_evil", into_signature(unsigned_original())))));
  EXPECT_TRUE(is_refused(response(forged("_a1", into_signature(unsigned_original())))));
}

TEST(SignatureWrapping, AnIdentifierTwiceIsRefusedWhateverItIsCalled) {
  for (const char* attribute : {"ID", "Id", "id", "xml:id"})
    EXPECT_EQ(error_of(replaced(good(), "<samlp:Status>",
                                "<samlp:Extensions><x xmlns=\"urn:x\" " + std::string(attribute) +
                                    "=\"_a1\"/></samlp:Extensions><samlp:Status>")),
              words(SamlError::WrappedContent))
        << attribute;
}

TEST(SignatureWrapping, AnAssertionOfAnotherNameSpaceCountsAsOne) {
  EXPECT_EQ(error_of(replaced(good(), "<samlp:Status>",
                              "<samlp:Extensions><Assertion xmlns=\"urn:x\"/></samlp:Extensions>"
                              "<samlp:Status>")),
            words(SamlError::NotOne));
}

// Signatures that the IdP could make, and whose shape lets them cover less than the assertion.
TEST(SignatureWrapping, ASignatureCoversTheWholeAssertionByItsId) {
  const std::string transform =
      "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
  const auto signed_with = [](std::string_view what, std::string_view by) {
    return idp().sign(response(replaced(assertion(), what, by)));
  };
  EXPECT_EQ(error_of(signed_with("URI=\"#_a1\"", "URI=\"\"")), words(SamlError::WrappedContent));
  EXPECT_EQ(error_of(signed_with(
                transform,
                transform + "<ds:Transform "
                            "Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath "
                            ">not(ancestor-or-self::saml:Subject)</ds:XPath></ds:Transform>")),
            words(SamlError::WrappedContent));
  EXPECT_EQ(error_of(signed_with(transform, "")), words(SamlError::WrappedContent));
  EXPECT_EQ(error_of(signed_with("<ds:CanonicalizationMethod "
                                 "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
                                 "<ds:CanonicalizationMethod "
                                 "Algorithm=\"http://www.w3.org/2001/10/"
                                 "xml-exc-c14n#WithComments\"/>")),
            words(SamlError::WrappedContent));
  const std::string reference = between(signature("_a1"), "<ds:Reference", "</ds:Reference>");
  EXPECT_EQ(error_of(signed_with(reference, reference + reference)),
            words(SamlError::WrappedContent));
  EXPECT_EQ(error_of(replaced(good(), "<ds:SignatureValue>", "<ds:Object/><ds:SignatureValue>")),
            words(SamlError::WrappedContent));
}

TEST(SignatureWrapping, AnIdCannotBeAnExpression) {
  const std::string xml = replaced(response(assertion()), "ID=\"_a1\"", "ID=\"x') or id('_r1\"");
  EXPECT_EQ(error_of(replaced(xml, "#_a1", "#x') or id('_r1")), words(SamlError::WrappedContent));
}

}  // namespace
}  // namespace veilwire::saml::testing
