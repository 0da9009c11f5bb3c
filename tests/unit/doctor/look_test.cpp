// What gathers without judging, over folders of a test's own.
#include "agent/doctor/look.h"

#include "agent/host/protocol/status.h"
#include "tests/unit/ctl/scratch_folder.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class LookTest : public ::testing::Test {
 protected:
  LookTest() {
    // Nothing of this machine.
    places_.node_modules.clear();
    places_.managed_settings = folder_ / "managed";
    places_.homes = {folder_ / "home"};
    places_.root = true;
  }
  ClientFacts clients() { return look_at_clients(places_, {}, {}, {}); }
  testing::ScratchFolder folder_;
  Places places_;
};

TEST_F(LookTest, ClientsAreFoundWhereInstallersPutThem) {
  folder_.write("home/.local/share/claude/versions/2.1.99", "");
  folder_.write("home/.local/share/claude/versions/2.1.101", "");
  folder_.write(
      "home/.nvm/versions/node/v20.1.0/lib/node_modules/@anthropic-ai/claude-code/"
      "package.json",
      R"({"version":"1.0.5"})");
  folder_.write("home/.nvm/versions/node/v20.1.0/lib/node_modules/@anthropic-ai/claude-code/cli.js",
                "");
  const ClientFacts facts = clients();
  ASSERT_EQ(facts.installs.size(), 2U);
  EXPECT_EQ(facts.installs[0].version, "2.1.101") << "the newest is what starts";
  EXPECT_FALSE(facts.installs[0].on_node);
  EXPECT_EQ(facts.installs[1].version, "1.0.5");
  EXPECT_TRUE(facts.installs[1].on_node);
}

TEST_F(LookTest, OfSettingsOnlyTheVariablesThatMatterAreTaken) {
  folder_.write("home/.claude/settings.json",
                R"({"env":{"ANTHROPIC_API_KEY":"hunter2","CLAUDE_CODE_CERT_STORE":"bundled"}})");
  folder_.write("managed/managed-settings.d/10-ca.json",
                R"({"env":{"NODE_EXTRA_CA_CERTS":"/etc/veilwire/ca.pem"}})");
  const ClientFacts facts = clients();
  ASSERT_EQ(facts.environments.size(), 2U);
  EXPECT_TRUE(facts.environments[0].for_all);
  EXPECT_THAT(facts.environments[1].variables,
              ElementsAre(Pair("CLAUDE_CODE_CERT_STORE", "bundled")));
}

TEST_F(LookTest, WhatAPersonPutsInPlaceOfAFileNeitherHoldsNorMisleadsIt) {
  folder_.write("secret", R"({"env":{"HTTPS_PROXY":"x"}})");
  folder_.write("home/.claude/other", "");
  std::filesystem::create_symlink(folder_ / "secret", folder_ / "home/.claude/settings.json");
  EXPECT_THAT(clients().environments, IsEmpty()) << "a link to a file of somebody else's";
  std::filesystem::remove(folder_ / "home/.claude/settings.json");
  ASSERT_EQ(::mkfifo((folder_ / "home/.claude/settings.json").c_str(), 0600), 0);
  EXPECT_THAT(clients().environments, IsEmpty()) << "a pipe that nobody writes to";
  std::filesystem::remove(folder_ / "home/.claude/settings.json");
  folder_.write("home/.claude/settings.json", std::string(2'000'000, ' '));
  EXPECT_THAT(clients().environments, IsEmpty()) << "more than anybody writes";
}

TEST_F(LookTest, FilesAreSeenWithModeAndOwner) {
  FileFacts wanted;
  wanted.path = folder_.write("key", "x");
  wanted.kind = FileFacts::Kind::Key;
  FileFacts gone;
  gone.path = folder_ / "none";
  places_.files = {wanted, gone};
  const auto files = look_at_files(places_, {folder_.write("pack.toml", "")});
  ASSERT_EQ(files.size(), 3U);
  EXPECT_TRUE(files[0].exists);
  EXPECT_EQ(files[0].mode, 0644U);
  EXPECT_EQ(files[0].uid, ::geteuid());
  EXPECT_FALSE(files[1].exists);
  EXPECT_EQ(files[1].problem, "");
  EXPECT_TRUE(files[2].exists);
}

TEST_F(LookTest, AProgramIsComparedWithWhatIsInstalledAndALeftSocketIsFound) {
  const host::protocol::StatusSocket listening(folder_ / "a.sock", 0600);
  { const host::protocol::StatusSocket left(folder_ / "b.sock", 0600); }
  places_.status.programs = {
      {"a", folder_ / "a.sock", ""}, {"b", folder_ / "b.sock", ""}, {"c", folder_ / "c.sock", ""}};
  places_.program_folder = folder_ / "sbin";
  std::filesystem::create_directory(folder_ / "sbin");
  std::filesystem::create_symlink("/proc/self/exe", folder_ / "sbin/veilwire-a");
  ProgramsFacts facts = look_at_programs(places_, {});
  ASSERT_EQ(facts.processes.size(), 1U);
  EXPECT_EQ(facts.processes[0].pid, ::getpid());
  EXPECT_TRUE(facts.processes[0].is_installed);
  EXPECT_THAT(facts.stale_sockets, ElementsAre(folder_ / "b.sock"));

  std::filesystem::remove(folder_ / "sbin/veilwire-a");
  folder_.write("sbin/veilwire-a", "a newer one");
  facts = look_at_programs(places_, {});
  EXPECT_FALSE(facts.processes.at(0).is_installed);
}

TEST_F(LookTest, UnitsComeFromSystemctlWithWhatWasShipped) {
  places_.units = folder_ / "run";
  std::filesystem::create_directory(places_.units);
  places_.unit_folders = {VEILWIRE_SOURCE_DIR "/packaging/systemd"};
  places_.status.programs = {{"proxy", "", ""}, {"identity", "", ""}, {"saml", "", ""}};
  places_.program_folder = folder_ / "usr/sbin";
  const std::string shipped =
      *read_bounded(VEILWIRE_SOURCE_DIR "/packaging/systemd/veilwire-identity-oidc.conf");
  folder_.write("usr/share/veilwire/veilwire-identity-oidc.conf", shipped);
  const std::string ours = folder_.write("etc/oidc.conf", shipped);
  const std::string theirs = folder_.write("etc/debug.conf", "[Service]\nProtectHome=no\n");
  places_.systemctl = folder_.write(
      "systemctl", "#!/bin/sh\necho 'LoadState=loaded\nProtectHome=no\nDropInPaths=" + theirs +
                       "\n\nLoadState=loaded\nDropInPaths=" + ours +
                       "\nPrivateNetwork=no\n\nLoadState=not-found'\n");
  ::chmod(places_.systemctl.c_str(), 0700);
  const UnitsFacts facts = look_at_units(places_);
  EXPECT_EQ(facts.problem, "");
  ASSERT_EQ(facts.units.size(), 2U) << "one is not installed";
  EXPECT_EQ(facts.units[0].effective.at("DropInPaths"), theirs);
  EXPECT_THAT(facts.units[0].shipped, HasSubstr("ProtectSystem=strict"));
  EXPECT_EQ(facts.units[1].effective.at("DropInPaths"), "") << "we ship that one";
  EXPECT_EQ(read_unit(facts.units[1].shipped).at("PrivateNetwork"), "no");

  places_.systemctl = folder_.write("failing", "#!/bin/sh\nexit 1\n");
  ::chmod(places_.systemctl.c_str(), 0700);
  EXPECT_NE(look_at_units(places_).problem, "");
}

TEST_F(LookTest, WithSamlItsOwnProgramReadsTheMetadata) {
  places_.provider = "saml";
  places_.program_folder = folder_ / "sbin";
  EXPECT_THAT(look_at_identity(places_, {}).metadata_problem, HasSubstr("cannot be run"));
  const auto program = [&](const std::string& text) {
    ::chmod(folder_.write("sbin/veilwire-saml", "#!/bin/sh\n" + text).c_str(), 0700);
    return look_at_identity(places_, {});
  };
  IdentityFacts facts = program("echo 'veilwire-saml: it is not XML' >&2; exit 1\n");
  EXPECT_EQ(facts.metadata_problem, "veilwire-saml: it is not XML");
  EXPECT_FALSE(facts.answer.has_value());
  facts = program("printf 'identity provider  x\nsign-in            http://127.0.0.1:1/login\n'\n");
  EXPECT_EQ(facts.metadata_problem, "");
  EXPECT_EQ(facts.issuer, "http://127.0.0.1:1/login");
  EXPECT_NE(facts.answer->problem, "");
  EXPECT_THAT(program("echo 'sign-in            '\n").metadata_problem, HasSubstr("HTTP-Redirect"));
}

TEST_F(LookTest, MetricsThatNobodyServesAreNone) {
  places_.metrics_listen = "127.0.0.1:1";
  EXPECT_FALSE(look_at_metrics(places_).listens);
  places_.metrics_listen = "everywhere";
  EXPECT_FALSE(look_at_metrics(places_).listens);
}

TEST_F(LookTest, AnIdentityProviderThatIsNotThereIsAProblemAndNotAHang) {
  places_.provider = "oidc";
  places_.issuer = "http://127.0.0.1:1";
  places_.roots = folder_ / "none";
  const IdentityFacts facts = look_at_identity(places_, {});
  ASSERT_TRUE(facts.answer.has_value());
  EXPECT_NE(facts.answer->problem, "");
  places_.issuer = "ftp://idp.example";
  EXPECT_NE(look_at_identity(places_, {}).answer->problem, "");
}

}  // namespace
}  // namespace veilwire::doctor
