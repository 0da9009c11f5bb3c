#include "agent/saml/xml.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <cstddef>

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>

namespace veilwire::saml {
namespace {

using host::protocol::SamlError;

constexpr std::size_t kConfiguration = 1024 * 1024;

std::string_view view(const xmlChar* s) {
  return s == nullptr ? std::string_view() : reinterpret_cast<const char*>(s);
}

// The declaration may name UTF-8 and no other encoding; nothing else may begin with "<?".
bool is_plain_declaration(std::string_view bytes) {
  if (!bytes.starts_with("<?xml ")) return false;
  const std::string declaration = to_lower(bytes.substr(0, bytes.find("?>")));
  return declaration.find("encoding") == declaration.npos ||
         declaration.find("utf-8") != declaration.npos;
}

std::optional<SamlError> refuse_bytes(std::string_view bytes, XmlOrigin origin) {
  const bool foreign = origin == XmlOrigin::Foreign;
  if (bytes.size() > (foreign ? limits::kSamlResponse : kConfiguration)) return SamlError::TooLarge;
  if (bytes.find('\0') != bytes.npos ||
      xmlCheckUTF8(reinterpret_cast<const xmlChar*>(std::string(bytes).c_str())) != 1)
    return SamlError::NotXml;
  // "<" stands in well-formed XML for markup alone, so that these are found without a parser.
  if (bytes.find("<!DOCTYPE") != bytes.npos || bytes.find("<!ENTITY") != bytes.npos)
    return SamlError::ForbiddenXml;
  if (foreign) {
    const bool declared = is_plain_declaration(bytes);
    if (bytes.find("<!") != bytes.npos || bytes.find("<?", declared ? 2 : 0) != bytes.npos)
      return SamlError::ForbiddenXml;
    const auto tags = std::count(bytes.begin(), bytes.end(), '<');
    if (static_cast<std::size_t>(tags) > 2 * limits::kSamlElements) return SamlError::TooLarge;
  }
  return std::nullopt;
}

// The tree holds what the bytes were let through for.
std::optional<SamlError> refuse_tree(const xmlNode* root) {
  std::size_t depth = 1, count = 0;
  const xmlNode* node = root;
  while (node != nullptr) {
    if (node->type != XML_ELEMENT_NODE && node->type != XML_TEXT_NODE)
      return SamlError::ForbiddenXml;
    if (node->type == XML_ELEMENT_NODE && ++count > limits::kSamlElements)
      return SamlError::TooLarge;
    if (node->type == XML_ELEMENT_NODE && node->children != nullptr) {
      if (++depth > limits::kSamlDepth) return SamlError::TooLarge;
      node = node->children;
      continue;
    }
    while (node != root && node->next == nullptr) {
      node = node->parent;
      --depth;
    }
    node = node == root ? nullptr : node->next;
  }
  return std::nullopt;
}

}  // namespace

void Xml::Free::operator()(_xmlDoc* doc) const { xmlFreeDoc(doc); }

Result<Xml, SamlError> Xml::parse(std::string_view bytes, XmlOrigin origin) {
  if (const auto refused = refuse_bytes(bytes, origin)) return Unexpected{*refused};
  // The encoding is said here and not by the document; nothing is fetched, nothing is printed.
  Xml xml(xmlReadMemory(
      bytes.data(), static_cast<int>(bytes.size()), nullptr, "UTF-8",
      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC));
  if (!xml.doc_ || xml.root() == nullptr || xml.doc_->intSubset != nullptr)
    return Unexpected{SamlError::NotXml};
  if (origin == XmlOrigin::Foreign)
    if (const auto refused = refuse_tree(xml.root())) return Unexpected{*refused};
  return xml;
}

XmlNode* Xml::root() const { return xmlDocGetRootElement(doc_.get()); }

bool is(const XmlNode* node, std::string_view name_space, std::string_view name) {
  return node->type == XML_ELEMENT_NODE && view(node->name) == name && node->ns != nullptr &&
         view(node->ns->href) == name_space;
}

std::string_view local_name(const XmlNode* node) { return view(node->name); }

std::vector<XmlNode*> children(const XmlNode* node) {
  std::vector<XmlNode*> found;
  for (xmlNode* child = node->children; child != nullptr; child = child->next)
    if (child->type == XML_ELEMENT_NODE) found.push_back(child);
  return found;
}

std::vector<XmlNode*> children(const XmlNode* node, std::string_view name_space,
                               std::string_view name) {
  std::vector<XmlNode*> found = children(node);
  std::erase_if(found, [&](const XmlNode* child) { return !is(child, name_space, name); });
  return found;
}

std::vector<XmlNode*> elements(XmlNode* node) {
  std::vector<XmlNode*> found{node};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<XmlNode*> below = children(found[i]);
    found.insert(found.begin() + static_cast<std::ptrdiff_t>(i) + 1, below.begin(), below.end());
  }
  return found;
}

XmlNode* only_child(const XmlNode* node, std::string_view name_space, std::string_view name) {
  const std::vector<XmlNode*> found = children(node, name_space, name);
  return found.size() == 1 ? found.front() : nullptr;
}

std::optional<std::string> attribute(const XmlNode* node, std::string_view name) {
  for (const xmlAttr* a = node->properties; a != nullptr; a = a->next) {
    if (a->ns != nullptr || view(a->name) != name) continue;
    std::string value;
    for (const xmlNode* part = a->children; part != nullptr; part = part->next) {
      if (part->type != XML_TEXT_NODE) return std::nullopt;
      value += view(part->content);
    }
    return value;
  }
  return std::nullopt;
}

std::optional<std::string> text(const XmlNode* node) {
  std::string all;
  for (const xmlNode* child = node->children; child != nullptr; child = child->next) {
    if (child->type == XML_ELEMENT_NODE) return std::nullopt;
    if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
      all += view(child->content);
  }
  return all;
}

}  // namespace veilwire::saml
