#include "agent/saml/idp.h"

#include "agent/saml/xml.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/owned.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace veilwire::saml {
namespace {

constexpr std::string_view kRedirectBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
constexpr int kLeastBits = 2048;
constexpr std::size_t kMostCertificates = 8;  // each is tried; a change of keys takes two

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error("the IdP's metadata " + why);
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return text;
}

// Bits of an RSA key; 0: another kind, or no certificate.
int rsa_bits(const std::string& der) {
  const auto* p = reinterpret_cast<const unsigned char*>(der.data());
  const crypto::Owned<X509, X509_free> certificate(
      d2i_X509(nullptr, &p, static_cast<long>(der.size())));
  if (!certificate) return 0;
  const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(key) : 0;
}

void add_certificates(const XmlNode* descriptor, Idp& idp) {
  for (XmlNode* key : children(descriptor, kMetadataNamespace, "KeyDescriptor")) {
    if (attribute(key, "use").value_or("signing") != "signing") continue;
    for (const XmlNode* element : elements(key)) {
      if (!is(element, kSignatureNamespace, "X509Certificate")) continue;
      const auto der = crypto::base64_decode(without_blanks(text(element).value_or("")));
      if (!der) fail("holds a certificate that is not base64");
      const int bits = rsa_bits(*der);
      if (bits == 0) continue;
      if (bits < kLeastBits || bits > static_cast<int>(limits::kRsaModulusBits))
        fail("pins an RSA key of " + std::to_string(bits) +
             " bits: 2048 to 8192 are taken; let the IdP make another key");
      if (std::find(idp.certificates.begin(), idp.certificates.end(), *der) ==
          idp.certificates.end())
        idp.certificates.push_back(*der);
    }
  }
}

}  // namespace

Idp read_idp(std::string_view metadata) {
  const auto xml = Xml::parse(metadata, XmlOrigin::Configuration);
  if (!xml) fail("is not XML without a document type");
  const XmlNode* root = xml->root();
  if (!is(root, kMetadataNamespace, "EntityDescriptor"))
    fail("is not an EntityDescriptor: give the one of your IdP, out of a federation's as well");
  Idp idp;
  idp.entity_id = attribute(root, "entityID").value_or("");
  if (!identity::printable(idp.entity_id) || idp.entity_id.size() > limits::kTokenText)
    fail("has no usable entityID");
  const XmlNode* descriptor = only_child(root, kMetadataNamespace, "IDPSSODescriptor");
  if (descriptor == nullptr) fail("does not have one IDPSSODescriptor: it is not that of an IdP");
  for (const XmlNode* service : children(descriptor, kMetadataNamespace, "SingleSignOnService"))
    if (idp.sign_in.empty() && attribute(service, "Binding") == kRedirectBinding)
      idp.sign_in = attribute(service, "Location").value_or("");
  add_certificates(descriptor, idp);
  if (idp.certificates.empty()) fail("holds no certificate for signing with an RSA key");
  if (idp.certificates.size() > kMostCertificates) fail("holds too many certificates");
  return idp;
}

}  // namespace veilwire::saml
