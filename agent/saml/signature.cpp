#include "agent/saml/signature.h"

#include "userspace/base/ascii.h"
#include "userspace/crypto/owned.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <lasso/lasso.h>
#include <libxml/tree.h>
#include <libxml/valid.h>
#include <libxml/xmlerror.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

namespace veilwire::saml {
namespace {

using host::protocol::SamlError;
using Key = crypto::Owned<xmlSecKey, xmlSecKeyDestroy>;
using Context = crypto::Owned<xmlSecDSigCtx, xmlSecDSigCtxDestroy>;

constexpr std::string_view kExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
constexpr std::string_view kEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
constexpr std::array<std::string_view, 3> kSignatures{
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"};
constexpr std::array<std::string_view, 3> kDigests{"http://www.w3.org/2001/04/xmlenc#sha256",
                                                   "http://www.w3.org/2001/04/xmldsig-more#sha384",
                                                   "http://www.w3.org/2001/04/xmlenc#sha512"};

template <class Set>
bool among(const Set& set, const std::optional<std::string>& one) {
  return one && std::find(set.begin(), set.end(), *one) != set.end();
}

// An ID becomes part of an XPointer in xmlsec: nothing in it may end the text there.
bool is_plain_id(const std::optional<std::string>& id) {
  return id && !id->empty() && id->size() <= host::protocol::kSamlId &&
         std::all_of(id->begin(), id->end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

// The children of a node, which are of this namespace and have these names.
bool has_exactly(const XmlNode* node, std::initializer_list<std::string_view> names) {
  const std::vector<XmlNode*> found = children(node);
  return std::equal(found.begin(), found.end(), names.begin(), names.end(),
                    [](const XmlNode* child, std::string_view name) {
                      return is(child, kSignatureNamespace, name);
                    });
}

std::optional<SamlError> refuse_reference(const XmlNode* reference, const std::string& id) {
  if (attribute(reference, "URI") != "#" + id) return SamlError::WrappedContent;
  if (!has_exactly(reference, {"Transforms", "DigestMethod", "DigestValue"}))
    return SamlError::WrappedContent;
  const std::vector<XmlNode*> parts = children(reference);
  if (!has_exactly(parts[0], {"Transform", "Transform"})) return SamlError::WrappedContent;
  const std::vector<XmlNode*> transforms = children(parts[0]);
  if (attribute(transforms[0], "Algorithm") != kEnveloped || !children(transforms[0]).empty() ||
      attribute(transforms[1], "Algorithm") != kExclusive)
    return SamlError::WrappedContent;
  if (!among(kDigests, attribute(parts[1], "Algorithm"))) return SamlError::WeakSignature;
  return std::nullopt;
}

bool verifies(XmlNode* signature, const xmlSecKey* key) {
  const Context context(xmlSecDSigCtxCreate(nullptr));
  if (!context) return false;
  // The shape has been checked; that xmlsec itself does no more is a second bolt.
  context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
  xmlSecDSigCtxEnableReferenceTransform(context.get(), xmlSecTransformEnvelopedId);
  xmlSecDSigCtxEnableReferenceTransform(context.get(), xmlSecTransformExclC14NId);
  xmlSecDSigCtxEnableReferenceTransform(context.get(), xmlSecTransformSha256Id);
  xmlSecDSigCtxEnableReferenceTransform(context.get(), xmlSecTransformSha384Id);
  xmlSecDSigCtxEnableReferenceTransform(context.get(), xmlSecTransformSha512Id);
  xmlSecDSigCtxEnableSignatureTransform(context.get(), xmlSecTransformExclC14NId);
  xmlSecDSigCtxEnableSignatureTransform(context.get(), xmlSecTransformRsaSha256Id);
  xmlSecDSigCtxEnableSignatureTransform(context.get(), xmlSecTransformRsaSha384Id);
  xmlSecDSigCtxEnableSignatureTransform(context.get(), xmlSecTransformRsaSha512Id);
  context->signKey = xmlSecKeyDuplicate(const_cast<xmlSecKey*>(key));
  return context->signKey != nullptr && xmlSecDSigCtxVerify(context.get(), signature) == 0 &&
         context->status == xmlSecDSigStatusSucceeded &&
         xmlSecPtrListGetSize(&context->signedInfoReferences) == 1;
}

void say_nothing(void*, const char*, ...) {}

}  // namespace

Result<XmlNode*, SamlError> signature_of(const XmlNode* element) {
  const std::vector<XmlNode*> found = children(element, kSignatureNamespace, "Signature");
  if (found.empty()) return Unexpected{SamlError::Unsigned};
  XmlNode* signature = found.front();
  const auto id = attribute(element, "ID");
  if (found.size() != 1 || !is_plain_id(id)) return Unexpected{SamlError::WrappedContent};
  if (!has_exactly(signature, {"SignedInfo", "SignatureValue"}) &&
      !has_exactly(signature, {"SignedInfo", "SignatureValue", "KeyInfo"}))
    return Unexpected{SamlError::WrappedContent};
  const XmlNode* info = children(signature).front();
  if (!has_exactly(info, {"CanonicalizationMethod", "SignatureMethod", "Reference"}))
    return Unexpected{SamlError::WrappedContent};
  const std::vector<XmlNode*> parts = children(info);
  if (attribute(parts[0], "Algorithm") != kExclusive) return Unexpected{SamlError::WrappedContent};
  if (!among(kSignatures, attribute(parts[1], "Algorithm")) || !children(parts[1]).empty())
    return Unexpected{SamlError::WeakSignature};
  if (const auto refused = refuse_reference(parts[2], *id)) return Unexpected{*refused};
  return signature;
}

struct PinnedKeys::Keys {
  std::vector<Key> all;
};

PinnedKeys::PinnedKeys(const std::vector<std::string>& certificates)
    : keys_(std::make_unique<Keys>()) {
  for (const std::string& der : certificates) {
    Key key(xmlSecCryptoAppKeyLoadMemory(reinterpret_cast<const xmlSecByte*>(der.data()),
                                         static_cast<xmlSecSize>(der.size()),
                                         xmlSecKeyDataFormatCertDer, nullptr, nullptr, nullptr));
    if (!key) throw std::runtime_error("a certificate of the IdP's metadata cannot be used");
    keys_->all.push_back(std::move(key));
  }
}
PinnedKeys::~PinnedKeys() = default;
PinnedKeys::PinnedKeys(PinnedKeys&&) noexcept = default;
PinnedKeys& PinnedKeys::operator=(PinnedKeys&&) noexcept = default;

Result<void, SamlError> PinnedKeys::verify(XmlNode* element) const {
  const auto signature = signature_of(element);
  if (!signature) return Unexpected{signature.error()};
  if (XmlNode* info = only_child(*signature, kSignatureNamespace, "KeyInfo")) {
    xmlUnlinkNode(info);
    xmlFreeNode(info);
  }
  xmlAttr* id = xmlHasProp(element, reinterpret_cast<const xmlChar*>("ID"));
  const std::string name = *attribute(element, "ID");
  const auto* raw = reinterpret_cast<const xmlChar*>(name.c_str());
  // The ID is not known as one without a document type. Whoever has it already is another element.
  if (xmlGetID(element->doc, raw) == nullptr) xmlAddID(nullptr, element->doc, raw, id);
  if (xmlGetID(element->doc, raw) != id) return Unexpected{SamlError::WrappedContent};
  const auto& all = keys_->all;
  const bool good = std::any_of(all.begin(), all.end(),
                                [&](const Key& key) { return verifies(*signature, key.get()); });
  if (!good) return Unexpected{SamlError::BadSignature};
  return {};
}

void start_libraries() {
  static const bool started = [] {
    g_log_set_default_handler([](const char*, GLogLevelFlags, const char*, void*) {}, nullptr);
    if (lasso_init() != 0) return false;
    xmlSecErrorsSetCallback(
        [](const char*, int, const char*, const char*, const char*, int, const char*) {});
    xmlSetGenericErrorFunc(nullptr, say_nothing);
    return true;
  }();
  if (!started) throw std::runtime_error("lasso cannot be started");
}

}  // namespace veilwire::saml
