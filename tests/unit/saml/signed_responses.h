// An IdP of our own making: a key of this run, metadata that pins it, and responses that it signs
// after whatever a test has done to them.
#pragma once

#include "agent/saml/response.h"
#include "agent/saml/signature.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/owned.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmltree.h>

namespace veilwire::saml::testing {

inline constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z
inline constexpr const char* kIdpName = "https://idp.example/saml";
inline constexpr const char* kOurName = "urn:example.com:veilwire";
inline constexpr const char* kCallback = "http://127.0.0.1:8423/saml";
inline constexpr const char* kRequest = "_request1";

inline Expected expected() { return {kIdpName, kOurName, kCallback, kRequest, kNow}; }

class TestIdp {
 public:
  explicit TestIdp(unsigned bits = 2048) : key_(EVP_RSA_gen(bits)) {
    start_libraries();
    const crypto::Owned<X509, X509_free> certificate(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), -3600);  // expired, and good still
    X509_set_pubkey(certificate.get(), key_.get());
    X509_sign(certificate.get(), key_.get(), EVP_sha256());
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    der_.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }

  const std::string& certificate() const { return der_; }
  std::string metadata(std::string_view extra = {}) const {
    return "<!-- of a test --><EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" "
           "entityID=\"" +
           std::string(kIdpName) +
           "\"><IDPSSODescriptor "
           "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">" +
           std::string(extra) +
           "<KeyDescriptor use=\"signing\"><KeyInfo "
           "xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>\n" +
           crypto::base64_encode(der_) +
           "\n</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService "
           "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" "
           "Location=\"https://idp.example/login\"/></IDPSSODescriptor></EntityDescriptor>";
  }

  // Fills in every <Signature> whose value is empty, the innermost first.
  std::string sign(const std::string& xml) const {
    const crypto::Owned<xmlDoc, xmlFreeDoc> doc(
        xmlReadMemory(xml.data(), static_cast<int>(xml.size()), nullptr, nullptr, 0));
    if (!doc) throw std::runtime_error("the test's own XML is broken: " + xml);
    sign_below(xmlDocGetRootElement(doc.get()));
    xmlChar* out = nullptr;
    int size = 0;
    xmlDocDumpMemory(doc.get(), &out, &size);
    std::string text(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
    xmlFree(out);
    return text;
  }

 private:
  void sign_below(xmlNode* node) const {
    xmlNode* signature = nullptr;
    for (xmlNode* child = node->children; child != nullptr; child = child->next) {
      if (child->type != XML_ELEMENT_NODE) continue;
      if (xmlSecCheckNodeName(child, xmlSecNodeSignature, xmlSecDSigNs) != 0)
        signature = child;
      else
        sign_below(child);
    }
    const xmlNode* value = signature == nullptr
                               ? nullptr
                               : xmlSecFindChild(signature, xmlSecNodeSignatureValue, xmlSecDSigNs);
    if (value == nullptr || value->children != nullptr) return;
    xmlAttr* id = xmlHasProp(node, reinterpret_cast<const xmlChar*>("ID"));
    if (id != nullptr && id->atype != XML_ATTRIBUTE_ID)
      xmlAddID(nullptr, node->doc, id->children->content, id);
    const crypto::Owned<xmlSecDSigCtx, xmlSecDSigCtxDestroy> context(xmlSecDSigCtxCreate(nullptr));
    const crypto::Owned<BIO, BIO_free_all> pem(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(pem.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(pem.get(), &text);
    context->signKey = xmlSecCryptoAppKeyLoadMemory(
        reinterpret_cast<const xmlSecByte*>(text), static_cast<xmlSecSize>(size),
        xmlSecKeyDataFormatPem, nullptr, nullptr, nullptr);
    if (xmlSecDSigCtxSign(context.get(), signature) != 0)
      throw std::runtime_error("the test's own signature cannot be made");
  }

  crypto::Owned<EVP_PKEY, EVP_PKEY_free> key_;
  std::string der_;
};

// One key for all tests of a binary: making one takes a while.
inline const TestIdp& idp() {
  static const TestIdp one;
  return one;
}

inline std::string signature(
    std::string_view id,
    std::string_view algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    std::string_view digest = "http://www.w3.org/2001/04/xmlenc#sha256") {
  return "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>"
         "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"
         "<ds:SignatureMethod Algorithm=\"" +
         std::string(algorithm) + "\"/><ds:Reference URI=\"#" + std::string(id) +
         "\"><ds:Transforms><ds:Transform "
         "Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/><ds:Transform "
         "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>"
         "<ds:DigestMethod Algorithm=\"" +
         std::string(digest) +
         "\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>"
         "</ds:Signature>";
}

inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  if (at == text.npos) throw std::runtime_error("not there: " + std::string(what));
  return text.replace(at, what.size(), by);
}

inline std::string assertion(std::string_view subject = "alice", std::string_view id = "_a1") {
  return "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" Version=\"2.0\" "
         "ID=\"" +
         std::string(id) + "\" IssueInstant=\"2027-01-15T08:00:00.123Z\"><saml:Issuer>" + kIdpName +
         "</saml:Issuer>" + signature(id) +
         "<saml:Subject><saml:NameID "
         "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">" +
         std::string(subject) +
         "</saml:NameID><saml:SubjectConfirmation "
         "Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData "
         "InResponseTo=\"" +
         kRequest + "\" Recipient=\"" + kCallback +
         "\" NotOnOrAfter=\"2027-01-15T08:05:00Z\"/></saml:SubjectConfirmation></saml:Subject>"
         "<saml:Conditions NotBefore=\"2027-01-15T08:00:00Z\" "
         "NotOnOrAfter=\"2027-01-15T08:10:00Z\"><saml:AudienceRestriction><saml:Audience>" +
         kOurName +
         "</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement "
         "AuthnInstant=\"2027-01-15T07:59:30Z\" SessionIndex=\"s1\"><saml:AuthnContext>"
         "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
         "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
         "<saml:AttributeStatement><saml:Attribute Name=\"groups\"><saml:AttributeValue>staff"
         "</saml:AttributeValue><saml:AttributeValue>developers</saml:AttributeValue>"
         "</saml:Attribute></saml:AttributeStatement></saml:Assertion>";
}

inline std::string response(std::string_view inside) {
  return "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" "
         "xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" Version=\"2.0\" ID=\"_r1\" "
         "IssueInstant=\"2027-01-15T08:00:00Z\" InResponseTo=\"" +
         std::string(kRequest) + "\" Destination=\"" + kCallback + "\"><saml:Issuer>" + kIdpName +
         "</saml:Issuer><samlp:Status><samlp:StatusCode "
         "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>" +
         std::string(inside) + "</samlp:Response>";
}

inline Result<Response, host::protocol::SamlRefused> read_whole(const std::string& xml,
                                                                const Expected& wanted = expected(),
                                                                const TestIdp& by = idp()) {
  const PinnedKeys keys({by.certificate()});
  return read_response(xml, wanted, [&keys](XmlNode* element) { return keys.verify(element); });
}
inline Result<identity::SamlAssertion, host::protocol::SamlRefused> read(
    const std::string& xml, const Expected& wanted = expected()) {
  const auto whole = read_whole(xml, wanted);
  if (!whole) return Unexpected{whole.error()};
  return whole->assertion;
}

inline std::string error_of(const std::string& xml, const Expected& wanted = expected()) {
  const auto got = read(xml, wanted);
  return got ? "taken as " + got->subject
             : std::string(host::protocol::to_string(got.error().error));
}
inline std::string words(host::protocol::SamlError error) {
  return std::string(host::protocol::to_string(error));
}

}  // namespace veilwire::saml::testing
