// XML that somebody else wrote, as a tree of elements and texts and nothing else. What parsers
// disagree over, or do more for than read, is refused before libxml2 sees it: document types and
// entities (expansion, files, addresses), comments and CDATA sections (a text in several nodes, of
// which a reader takes the first: `alice<!---->.evil`), processing instructions, encodings other
// than UTF-8. Tested by tests/unit/saml/xml_test.cpp and tests/fuzz/saml_response.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "userspace/base/result.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct _xmlDoc;
struct _xmlNode;

namespace veilwire::saml {

using XmlNode = _xmlNode;

inline constexpr std::string_view kAssertionNamespace = "urn:oasis:names:tc:SAML:2.0:assertion";
inline constexpr std::string_view kProtocolNamespace = "urn:oasis:names:tc:SAML:2.0:protocol";
inline constexpr std::string_view kMetadataNamespace = "urn:oasis:names:tc:SAML:2.0:metadata";
inline constexpr std::string_view kSignatureNamespace = "http://www.w3.org/2000/09/xmldsig#";

enum class XmlOrigin {
  Foreign,        // bounded by limits::kSaml*
  Configuration,  // a file of ours: larger, and with comments
};

class Xml {
 public:
  static Result<Xml, host::protocol::SamlError> parse(std::string_view bytes, XmlOrigin origin);

  XmlNode* root() const;

 private:
  struct Free {
    void operator()(_xmlDoc* doc) const;
  };
  explicit Xml(_xmlDoc* doc) : doc_(doc) {}
  std::unique_ptr<_xmlDoc, Free> doc_;
};

bool is(const XmlNode* node, std::string_view name_space, std::string_view name);
std::string_view local_name(const XmlNode* node);
// Elements only.
std::vector<XmlNode*> children(const XmlNode* node);
std::vector<XmlNode*> children(const XmlNode* node, std::string_view name_space,
                               std::string_view name);
// The element itself and all below it, in the order of the document.
std::vector<XmlNode*> elements(XmlNode* node);
// nullptr: none, or several.
XmlNode* only_child(const XmlNode* node, std::string_view name_space, std::string_view name);
// Of no namespace.
std::optional<std::string> attribute(const XmlNode* node, std::string_view name);
// All of its text. nullopt: there are elements in it.
std::optional<std::string> text(const XmlNode* node);

}  // namespace veilwire::saml
