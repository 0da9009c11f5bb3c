#include "agent/saml/xml.h"

#include "userspace/base/limits.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::saml {
namespace {

using host::protocol::SamlError;

std::string error_of(const std::string& xml, XmlOrigin origin = XmlOrigin::Foreign) {
  const auto got = Xml::parse(xml, origin);
  return got ? "" : std::string(to_string(got.error()));
}
std::string words(SamlError error) { return std::string(to_string(error)); }

std::string nested(std::size_t depth) {
  std::string open, close;
  for (std::size_t i = 0; i < depth; ++i) open += "<a>", close += "</a>";
  return open + close;
}

TEST(SamlXml, IsATreeOfElementsAndTexts) {
  const auto xml = Xml::parse(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns=\"urn:a\" b=\"&lt;1\" "
      "xmlns:n=\"urn:n\" "
      "n:c=\"2\"><d>x&amp;y</d><n:d/> <e><f/>z</e></a>",
      XmlOrigin::Foreign);
  ASSERT_TRUE(xml);
  const XmlNode* root = xml->root();
  EXPECT_TRUE(is(root, "urn:a", "a"));
  EXPECT_EQ(attribute(root, "b"), "<1");
  EXPECT_FALSE(attribute(root, "c")) << "of a name space";
  EXPECT_EQ(children(root).size(), 3U);
  EXPECT_EQ(elements(xml->root()).size(), 5U);
  EXPECT_EQ(text(only_child(root, "urn:a", "d")), "x&y");
  EXPECT_EQ(text(only_child(root, "urn:n", "d")), "");
  EXPECT_FALSE(text(only_child(root, "urn:a", "e"))) << "there is XML in it";
  EXPECT_EQ(only_child(root, "urn:a", "absent"), nullptr);
}

TEST(SamlXml, DocumentTypesAndEntitiesAreRefusedEverywhere) {
  for (const XmlOrigin origin : {XmlOrigin::Foreign, XmlOrigin::Configuration}) {
    EXPECT_EQ(error_of("<!DOCTYPE a><a/>", origin), words(SamlError::ForbiddenXml));
    EXPECT_EQ(
        error_of("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>", origin),
        words(SamlError::ForbiddenXml));
    EXPECT_EQ(error_of("<a>&b;</a>", origin), words(SamlError::NotXml));
  }
}

TEST(SamlXml, CommentsAndInstructionsAreForConfigurationAlone) {
  for (const char* xml : {"<a><!-- --></a>", "<!-- --><a/>", "<a/><!-- -->", "<a><?b?></a>",
                          "<?b?><a/>", "<?xml-stylesheet href=\"x\"?><a/>"}) {
    EXPECT_EQ(error_of(xml), words(SamlError::ForbiddenXml)) << xml;
    EXPECT_EQ(error_of(xml, XmlOrigin::Configuration), "") << xml;
  }
  EXPECT_EQ(error_of("<a><![CDATA[b]]></a>"), words(SamlError::ForbiddenXml));
}

TEST(SamlXml, IsUtf8AndNothingElse) {
  EXPECT_EQ(error_of("<?xml version=\"1.0\" encoding=\"utf-8\"?><a>\xc3\xa9</a>"), "");
  EXPECT_EQ(error_of("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>"),
            words(SamlError::ForbiddenXml));
  EXPECT_EQ(error_of("<a>\xe9</a>"), words(SamlError::NotXml));
  EXPECT_EQ(error_of(std::string("<\0a\0/\0>\0", 8)), words(SamlError::NotXml)) << "UTF-16";
  EXPECT_EQ(error_of("\xff\xfe<a/>"), words(SamlError::NotXml));
}

TEST(SamlXml, IsBounded) {
  EXPECT_EQ(error_of(nested(limits::kSamlDepth)), "");
  EXPECT_EQ(error_of(nested(limits::kSamlDepth + 1)), words(SamlError::TooLarge));
  std::string many;
  for (std::size_t i = 0; i < limits::kSamlElements; ++i) many += "<b/>";
  EXPECT_EQ(error_of("<a>" + many + "</a>"), words(SamlError::TooLarge));
  EXPECT_EQ(error_of("<a>" + std::string(limits::kSamlResponse, 'x') + "</a>"),
            words(SamlError::TooLarge));
}

TEST(SamlXml, WhatIsNotWellFormedIsNotXml) {
  for (const char* xml :
       {"", " ", "a", "<a>", "<a></b>", "<a/><b/>", "<a b=1/>", "<a b='1' b='2'/>"})
    EXPECT_EQ(error_of(xml), words(SamlError::NotXml)) << xml;
}

}  // namespace
}  // namespace veilwire::saml
