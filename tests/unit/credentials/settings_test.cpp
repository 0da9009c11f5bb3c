#include "agent/credentials/settings.h"

#include <gtest/gtest.h>

namespace veilwire::credentials {
namespace {

Settings settings(const std::string& sources) {
  return read_settings(
      host::Config::parse("[credentials]\n" + sources, "agent.toml").section("credentials"));
}
std::string refused(const std::string& source) {
  try {
    (void)settings("[[credentials.source]]\nname = \"key\"\n" + source);
  } catch (const host::ConfigError& e) {
    return e.what();
  }
  return "";
}
bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(CredentialsSettings, HasNoSourcesUnlessNamed) {
  const Settings s = settings("");
  EXPECT_TRUE(s.sources.empty());
  EXPECT_EQ(s.daemon.user, "veilwire-credentials");
  EXPECT_EQ(s.daemon.socket, "/run/veilwire-credentials/credentials.sock");
  EXPECT_FALSE(s.network || s.programs);
}

TEST(CredentialsSettings, ReadsEachKindAndWhatItNeeds) {
  ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
  const std::string local =
      "[[credentials.source]]\nname = \"one\"\nkind = \"file\"\npath = \"/etc/one\"\n"
      "[[credentials.source]]\nname = \"two\"\nkind = \"systemd\"\n";
  EXPECT_FALSE(settings(local).network || settings(local).programs);
  const std::string command =
      "[[credentials.source]]\nname = \"three\"\nkind = \"command\"\ncommand = [\"/bin/give\", "
      "\"x\"]\nrefresh_seconds = 60\nkeep_seconds = 0\ntimeout_seconds = 2\n";
  EXPECT_TRUE(settings(command).programs);
  EXPECT_EQ(settings(command).sources.at("three").refresh, std::chrono::seconds(60));
  const std::string vault =
      "[[credentials.source]]\nname = \"four\"\nkind = \"vault\"\naddress = "
      "\"https://vault.example:8200/\"\npath = \"llm/team\"\ntoken_file = \"/etc/token\"\n";
  EXPECT_TRUE(settings(vault).network);
  EXPECT_FALSE(settings(vault).programs);
  EXPECT_EQ(settings(local + command + vault).sources.size(), 4U);
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST(CredentialsSettings, RefusesWhatCannotBeMeant) {
  EXPECT_TRUE(says(refused(""), "kind is missing"));
  EXPECT_TRUE(says(refused("kind = \"env\""), "must be \"file\""));
  EXPECT_TRUE(says(refused("kind = \"file\"\npath = \"key\""), "absolute"));
  EXPECT_TRUE(says(refused("kind = \"file\"\npath = \"/key\"\nfield = \"x\""), "unknown key"));
  EXPECT_TRUE(says(refused("kind = \"systemd\""), "LoadCredential=key"));
  EXPECT_TRUE(says(refused("kind = \"systemd\"\ncredential = \"../x\""), "must be the name"));
  EXPECT_TRUE(says(refused("kind = \"command\""), "is missing"));
  EXPECT_TRUE(says(refused("kind = \"command\"\ncommand = [\"give\"]"), "absolute"));
  const std::string vault = "kind = \"vault\"\npath = \"a\"\n";
  EXPECT_TRUE(says(refused(vault + "address = \"http://vault.example\"\ntoken_file = \"/t\""),
                   "must be an https URL"));
  EXPECT_TRUE(says(refused(vault + "address = \"https://vault.example\""), "name either"));
  EXPECT_TRUE(says(refused("kind = \"vault\"\npath = \"../sys\"\naddress = \"https://v.example\""),
                   "must be a path"));
  EXPECT_TRUE(says(refused("kind = \"file\"\npath = \"/k\"\n[[credentials.source]]\nname = "
                           "\"key\"\nkind = \"file\"\npath = \"/k\""),
                   "named twice"));
}

}  // namespace
}  // namespace veilwire::credentials
