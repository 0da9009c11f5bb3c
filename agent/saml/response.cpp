#include "agent/saml/response.h"

#include "agent/saml/assertion.h"
#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <libxml/tree.h>

namespace veilwire::saml {
namespace {

using host::protocol::SamlError;
using host::protocol::SamlRefused;

constexpr std::string_view kStatus = "urn:oasis:names:tc:SAML:2.0:status:";

Unexpected<SamlRefused> refuse(SamlError error, std::string said = {}) {
  return {SamlRefused{error, std::move(said)}};
}

// What an IdP may say of itself; anything else is left out, as anybody may have written it.
std::string shown(const std::optional<std::string>& text) {
  if (!text || !identity::printable(*text)) return {};
  return text->size() <= limits::kIdpText / 2 ? *text : std::string();
}

// "requester: authn_failed: text", as far as it goes.
std::string status_of(const XmlNode* status) {
  std::string said;
  const XmlNode* code = only_child(status, kProtocolNamespace, "StatusCode");
  for (; code != nullptr; code = only_child(code, kProtocolNamespace, "StatusCode")) {
    const std::string value = shown(attribute(code, "Value"));
    if (value.starts_with(kStatus)) said = value.substr(kStatus.size());  // the innermost says most
  }
  const XmlNode* message = only_child(status, kProtocolNamespace, "StatusMessage");
  const std::string words = message == nullptr ? std::string() : shown(text(message));
  if (!words.empty()) said += (said.empty() ? "" : ": ") + words;
  return said.size() <= limits::kIdpText ? said : std::string();
}

bool is_success(const XmlNode* status) {
  const XmlNode* code = only_child(status, kProtocolNamespace, "StatusCode");
  return code != nullptr && attribute(code, "Value") == std::string(kStatus) + "Success";
}

// Of whatever name space: what is one to another reader must not hide from this one.
std::optional<SamlRefused> refuse_places(const XmlNode* root, const std::vector<XmlNode*>& all) {
  std::set<std::string> ids;
  std::size_t assertions = 0;
  const XmlNode* assertion = nullptr;
  for (const XmlNode* element : all) {
    const std::string_view name = local_name(element);
    if (name.starts_with("Encrypted")) return SamlRefused{SamlError::Encrypted, std::string(name)};
    if (name == "Assertion") {
      ++assertions;
      assertion = element;
    }
    // xml:id, and Id of XML signatures, are identifiers as well.
    for (const xmlAttr* a = element->properties; a != nullptr; a = a->next) {
      const auto* attribute_name = reinterpret_cast<const char*>(a->name);
      if (!equal_ignoring_case(attribute_name, "id")) continue;
      xmlChar* value = xmlNodeListGetString(element->doc, a->children, 1);
      const bool fresh =
          value != nullptr && ids.insert(reinterpret_cast<const char*>(value)).second;
      xmlFree(value);
      if (!fresh) return SamlRefused{SamlError::WrappedContent, {}};
    }
  }
  if (assertions != 1) return SamlRefused{SamlError::NotOne, {}};
  if (!is(assertion, kAssertionNamespace, "Assertion") || assertion->parent != root)
    return SamlRefused{SamlError::WrappedContent, {}};
  for (const XmlNode* element : all)
    if (local_name(element) == "Signature" && element->parent != root &&
        element->parent != assertion)
      return SamlRefused{SamlError::WrappedContent, {}};
  return std::nullopt;
}

void keep_attributes(XmlNode* node, std::initializer_list<std::string_view> names) {
  for (xmlAttr *a = node->properties, *next = nullptr; a != nullptr; a = next) {
    next = a->next;
    const std::string_view name = reinterpret_cast<const char*>(a->name);
    if (a->ns != nullptr || std::find(names.begin(), names.end(), name) == names.end())
      xmlRemoveProp(a);
  }
}

void keep_children(XmlNode* node, std::initializer_list<const XmlNode*> kept) {
  for (xmlNode *child = node->children, *next = nullptr; child != nullptr; child = next) {
    next = child->next;
    if (std::find(kept.begin(), kept.end(), child) != kept.end()) continue;
    xmlUnlinkNode(child);
    xmlFreeNode(child);
  }
}

// A signature leaves itself uncovered, and so whatever stands in it beside SignedInfo.
void strip_signature(XmlNode* assertion) {
  XmlNode* signature = only_child(assertion, kSignatureNamespace, "Signature");
  if (signature == nullptr) return;
  XmlNode* info = only_child(signature, kSignatureNamespace, "SignedInfo");
  XmlNode* value = only_child(signature, kSignatureNamespace, "SignatureValue");
  keep_attributes(signature, {});
  keep_children(signature, {info, value});
  if (value != nullptr) keep_attributes(value, {});
}

std::string signed_part(XmlNode* root, XmlNode* assertion, const std::string& issued_at) {
  XmlNode* issuer = only_child(root, kAssertionNamespace, "Issuer");
  XmlNode* status = only_child(root, kProtocolNamespace, "Status");
  XmlNode* code = only_child(status, kProtocolNamespace, "StatusCode");
  keep_attributes(root, {"Version", "InResponseTo", "Destination"});
  keep_children(root, {issuer, status, assertion});
  if (issuer != nullptr) keep_attributes(issuer, {});
  keep_attributes(status, {});
  keep_children(status, {code});
  keep_attributes(code, {"Value"});
  keep_children(code, {});
  strip_signature(assertion);
  const auto set = [root](const char* name, const std::string& value) {
    xmlNewProp(root, reinterpret_cast<const xmlChar*>(name),
               reinterpret_cast<const xmlChar*>(value.c_str()));
  };
  set("ID", "_response-" + *attribute(assertion, "ID"));
  set("IssueInstant", issued_at);
  xmlChar* bytes = nullptr;
  int size = 0;
  xmlDocDumpMemoryEnc(root->doc, &bytes, &size, "UTF-8");
  std::string text;
  if (bytes != nullptr)
    text.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  xmlFree(bytes);
  return text;
}

}  // namespace

Result<Response, SamlRefused> read_response(std::string_view bytes, const Expected& expected,
                                            const Verify& verify) {
  const auto xml = Xml::parse(bytes, XmlOrigin::Foreign);
  if (!xml) return refuse(xml.error());
  XmlNode* root = xml->root();
  if (!is(root, kProtocolNamespace, "Response") || attribute(root, "Version") != "2.0" ||
      !in_order(root, {{kAssertionNamespace, "Issuer"},
                       {kSignatureNamespace, "Signature"},
                       {kProtocolNamespace, "Extensions"},
                       {kProtocolNamespace, "Status"},
                       {kAssertionNamespace, "Assertion", Times::Many},
                       {kAssertionNamespace, "EncryptedAssertion", Times::Many}}))
    return refuse(SamlError::NotAResponse);
  // First of all: any page can post a response here, and one to nothing that was asked is not even
  // a refusal.
  if (expected.in_response_to.empty() || attribute(root, "InResponseTo") != expected.in_response_to)
    return refuse(SamlError::WrongRequest);
  if (attribute(root, "Destination") != expected.recipient)
    return refuse(SamlError::WrongRecipient, "Destination");
  const XmlNode* issuer = only_child(root, kAssertionNamespace, "Issuer");
  if (issuer != nullptr && text(issuer) != expected.issuer)
    return refuse(SamlError::WrongIssuer, shown(text(issuer)));
  const XmlNode* status = only_child(root, kProtocolNamespace, "Status");
  if (status == nullptr) return refuse(SamlError::NotAResponse, "Status");
  if (!is_success(status)) return refuse(SamlError::RefusedByIdp, status_of(status));
  if (const auto refused = refuse_places(root, elements(root))) return Unexpected{*refused};

  // The response's own signature is not asked for, but one that does not hold is not looked over.
  // It covers that of the assertion, so it comes first: verifying changes the tree.
  XmlNode* assertion = only_child(root, kAssertionNamespace, "Assertion");
  for (XmlNode* element : {root, assertion}) {
    if (element == root && children(root, kSignatureNamespace, "Signature").empty()) continue;
    if (const auto verified = verify(element); !verified) return refuse(verified.error());
  }
  auto read = read_assertion(assertion, expected);
  if (!read) return Unexpected{read.error()};
  return Response{*std::move(read),
                  signed_part(root, assertion, *attribute(assertion, "IssueInstant"))};
}

}  // namespace veilwire::saml
