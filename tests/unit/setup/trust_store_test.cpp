#include "agent/setup/trust_store.h"

#include "tests/unit/setup/world.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

std::string detected(const std::set<std::string>& files) {
  const TrustStore* store =
      detect_store([&](const std::string& path) { return files.contains(path); });
  return store == nullptr ? "none" : store->name;
}

TEST(TrustStore, IsSeenFromItsFiles) {
  EXPECT_EQ(detected({"/usr/sbin/update-ca-certificates", "/usr/share/ca-certificates"}), "debian");
  EXPECT_EQ(detected({"/etc/pki/ca-trust/source"}), "fedora");
  EXPECT_EQ(detected({"/usr/sbin/update-ca-certificates", "/etc/pki/trust/anchors"}), "none");
  EXPECT_EQ(detected({}), "none");
}

TEST(TrustStore, ACertificateIsFoundInABundleHoweverItsLinesAreBroken) {
  const auto pem = [](const std::string& body) {
    return "-----BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----\n";
  };
  const std::string bundle = "# first\n" + pem("AAAA") + "\n" + pem("BB\r\nBB\nCC");
  EXPECT_TRUE(bundle_holds(bundle, pem("BBBB\nCC")));
  EXPECT_TRUE(bundle_holds(bundle, pem("AAAA")));
  EXPECT_FALSE(bundle_holds(bundle, pem("BBBB")));
  EXPECT_FALSE(bundle_holds(bundle, ""));
  EXPECT_FALSE(bundle_holds("", pem("AAAA")));
}

TEST(TrustStore, SourcesCountByTheirContentsWithoutOurs) {
  const World world;
  TrustStore store;
  store.anchor = world.at("sources/veilwire.crt");
  store.sources = {world.at("sources"), world.at("none")};
  const std::string nothing = digest_of_sources(store);
  world.write("sources/veilwire.crt", "ours");
  EXPECT_EQ(digest_of_sources(store), nothing);
  world.write("sources/other.crt", "other");
  const std::string other = digest_of_sources(store);
  EXPECT_NE(other, nothing);
  world.write("sources/other.crt", "changed");
  EXPECT_NE(digest_of_sources(store), other);
}

}  // namespace
}  // namespace veilwire::setup
