#include "agent/setup/client_trust.h"

#include "tests/unit/setup/world.h"

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

TEST(ClientTrust, SomebodyElsesSettingIsFoundInEveryFileButOurs) {
  const World world;
  EXPECT_EQ(who_else_extends("/ca.pem", world.folder()), "");
  world.write("managed-settings.d/50-veilwire.json", managed_settings("/older.pem"));
  world.write("managed-settings.d/10-other.json", R"({"env": {"OTHER": "x"}})");
  world.write("managed-settings.d/20-broken.json", "{");
  world.write("managed-settings.d/30-same.json", managed_settings("/ca.pem"));
  world.write("managed-settings.d/40-backup.json~", managed_settings("/backup.pem"));
  EXPECT_EQ(who_else_extends("/ca.pem", world.folder()), "");
  world.write("managed-settings.json", managed_settings("/corp.pem"));
  const std::string line = who_else_extends("/ca.pem", world.folder());
  EXPECT_NE(line.find("managed-settings.json sets NODE_EXTRA_CA_CERTS to \"/corp.pem\""),
            std::string::npos)
      << line;
}

}  // namespace
}  // namespace veilwire::setup
