#include "agent/doctor/places.h"

#include "agent/host/config.h"
#include "tests/unit/ctl/scratch_folder.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using ::testing::ElementsAre;

const FileFacts* file(const Places& places, const std::string& path) {
  const auto found = std::find_if(places.files.begin(), places.files.end(),
                                  [&](const FileFacts& one) { return one.path == path; });
  return found == places.files.end() ? nullptr : &*found;
}

TEST(Places, WithoutAConfigurationDefaultsHold) {
  const Places places = find_places("/nonexistent/agent.toml", false, "/usr/sbin");
  EXPECT_EQ(places.config, "");
  EXPECT_EQ(places.certificate, "/etc/veilwire/ca.pem");
  EXPECT_EQ(places.cgroup, "/");
  EXPECT_EQ(places.provider, "local");
  EXPECT_EQ(places.metrics_listen, "127.0.0.1:9469");
  ASSERT_NE(file(places, "/var/lib/veilwire-signer/ca.key"), nullptr);
  EXPECT_EQ(file(places, "/var/lib/veilwire-signer/ca.key")->owner, "veilwire-signer");
  EXPECT_EQ(file(places, "/var/lib/veilwire-identity/sessions.key"), nullptr);
}

TEST(Places, TheShippedConfigurationGivesTheSame) {
  const Places shipped =
      find_places(VEILWIRE_SOURCE_DIR "/packaging/agent.toml", true, "/usr/sbin");
  const Places defaults = find_places("/nonexistent/agent.toml", false, "/usr/sbin");
  EXPECT_EQ(shipped.ledger, defaults.ledger);
  EXPECT_EQ(shipped.signer_socket, defaults.signer_socket);
  EXPECT_EQ(shipped.pin_directory, defaults.pin_directory);
  EXPECT_EQ(shipped.files.size(), defaults.files.size() + 1) << "the configuration itself";
}

TEST(Places, SecretsOfTablesAreAmongTheFiles) {
  const testing::ScratchFolder folder;
  const Places places = find_places(folder.write("agent.toml", R"(
[identity]
provider = "oidc"
issuer = "https://idp.example"
client_secret_file = "/secret/client"
[[identity.machine]]
client_key_file = "/secret/machine"
[credentials]
user = "keeper"
[[credentials.source]]
path = "/secret/source"
[[forwarder.sink]]
name = "all"
key_file = "/secret/sink"
)"),
                                    true, "/usr/sbin");
  EXPECT_EQ(places.issuer, "https://idp.example");
  EXPECT_THAT(places.sinks, ElementsAre("all"));
  for (const char* path : {"/secret/client", "/secret/machine", "/secret/source", "/secret/sink"}) {
    ASSERT_NE(file(places, path), nullptr) << path;
    EXPECT_EQ(file(places, path)->kind, FileFacts::Kind::Key);
  }
  EXPECT_EQ(file(places, "/secret/source")->owner, "keeper");
}

TEST(Places, AConfigurationThatIsNamedMustBeThere) {
  EXPECT_THROW(find_places("/nonexistent/agent.toml", true, "/usr/sbin"), host::ConfigError);
}

}  // namespace
}  // namespace veilwire::doctor
