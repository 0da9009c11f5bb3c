#include "agent/saml/settings.h"

#include "userspace/identity/saml_assertion.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::saml {
namespace {

Settings read(const std::string& toml) {
  return read_settings(host::Config::parse("[saml]\n" + toml, "test").section("saml"));
}
std::string complaint(const std::string& toml) {
  try {
    read(toml);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

TEST(SamlSettings, NeedOurNameAndHaveDefaultsForTheRest) {
  const Settings s = read("entity_id = \"urn:example.com:veilwire\"");
  EXPECT_EQ(s.sp.entity_id, "urn:example.com:veilwire");
  EXPECT_EQ(s.sp.address, "http://127.0.0.1:8423/saml");
  EXPECT_EQ(s.sp.name_format, identity::kSamlPersistent);
  EXPECT_EQ(s.metadata, "/etc/veilwire/saml-idp.xml");
  EXPECT_EQ(s.daemon.user, "veilwire-saml");
  EXPECT_EQ(s.daemon.socket, "/run/veilwire-saml/saml.sock");
  EXPECT_EQ(s.identity_user, "veilwire-identity");
  EXPECT_NE(complaint(""), "");
}

TEST(SamlSettings, RefuseWhatCannotStandInARequest) {
  const std::string name = "entity_id = \"urn:x\"\n";
  EXPECT_NE(complaint("entity_id = \"urn:<x>\""), "");
  EXPECT_NE(complaint("entity_id = \"x\""), "");
  EXPECT_EQ(complaint(name + "callback = \"http://[::1]:1/x\""), "");
  for (const char* address : {"https://example.com/saml", "http://localhost:1/x",
                              "http://127.0.0.1/", "http://127.0.0.1:1/\\\"x"})
    EXPECT_NE(complaint(name + "callback = \"" + address + "\""), "") << address;
  EXPECT_NE(complaint(name + "name_id = \"email\""), "");
  EXPECT_NE(complaint(name + "unknown = 1"), "");
}

TEST(SamlSettings, MetadataThatOthersCanWriteIsRefused) {
  char folder[] = "/tmp/veilwire-saml-XXXXXX";
  const std::string path = std::string(::mkdtemp(folder)) + "/idp.xml";
  EXPECT_THROW(read_metadata(path), std::runtime_error);
  std::ofstream(path) << "<a/>";
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_EQ(read_metadata(path), "<a/>");
  std::filesystem::permissions(path, std::filesystem::perms(0666));
  EXPECT_THROW(read_metadata(path), std::runtime_error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace veilwire::saml
