#include "agent/ctl/status.h"
#include "agent/host/config.h"
#include "agent/host/local_socket.h"
#include "agent/host/protocol/status.h"
#include "tests/unit/ctl/scratch_folder.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::ctl {
namespace {

class GatherStatus : public ::testing::Test {
 protected:
  // A program that stands for veilwire-redirector.
  void redirector(const std::string& script) {
    places_.redirector_program =
        folder_.write("veilwire-redirector", "#!/bin/sh\n" + script + "\n");
    ASSERT_EQ(::chmod(places_.redirector_program.c_str(), 0700), 0);
  }
  testing::ScratchFolder folder_;
  StatusPlaces places_;
};

TEST_F(GatherStatus, AsksEachProgramAndTheKernel) {
  redirector(R"(echo '{"loaded":true,"effective":true,"proxy_alive":true,"arguments":"'"$*"'",)"
             R"("labels":[{"tgid":'$PPID'}]}')");
  places_.programs = {{"identity", folder_ / "identity-status.sock", ""}};
  places_.config = folder_ / "agent.toml";
  places_.policy_file = folder_.write("policy.toml", "abc");
  host::protocol::StatusSocket socket(folder_ / "identity-status.sock", 0600);
  std::thread server([&] {
    ASSERT_TRUE(host::wait_readable(socket.descriptor(), 20'000));
    socket.answer([] { return std::string(R"({"healthy":true})"); });
  });
  const StatusReport report = gather_status(places_);
  server.join();
  ASSERT_EQ(report.programs.size(), 1U);
  EXPECT_EQ(report.programs[0].state, ProgramReport::State::Up);
  EXPECT_NE(report.kernel.find("status --json --config " + places_.config), std::string::npos)
      << report.kernel;
  // The one watched process is this test itself.
  EXPECT_NE(
      report.kernel.find("\"exe\":\"" + std::filesystem::read_symlink("/proc/self/exe").string()),
      std::string::npos)
      << report.kernel;
  EXPECT_NE(report.kernel.find("\"person\":\""), std::string::npos) << report.kernel;
  EXPECT_EQ(report.policy_file_digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(assess(report), Health::Good);
}

TEST_F(GatherStatus, NamesTheRulePacksThatAreNotTheOnesInForce) {
  redirector("echo '{}'");
  const std::string same = folder_.write("same.toml", "abc");
  const std::string edited = folder_.write("edited.toml", "abcd");
  const std::string digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  places_.policy_file = folder_.write("policy.toml", "abcd");
  places_.programs = {{"proxy", folder_ / "status.sock", ""}};
  host::protocol::StatusSocket socket(folder_ / "status.sock", 0600);
  std::thread server([&] {
    ASSERT_TRUE(host::wait_readable(socket.descriptor(), 20'000));
    std::string files;
    for (const std::string& file : {places_.policy_file, same, edited, folder_ / "none.toml"})
      files += (files.empty() ? "\"" : ",\"") + file + "\":\"" + digest + "\"";
    socket.answer([&] { return R"({"healthy":true,"policy":{"files":{)" + files + "}}}"; });
  });
  const StatusReport report = gather_status(places_);
  server.join();
  EXPECT_EQ(report.edited_packs, (std::vector<std::string>{edited, folder_ / "none.toml"}));
}

TEST_F(GatherStatus, AProgramWithoutAStatusSocketIsUpWhenItListensAndIsNotDisturbed) {
  redirector("echo '{}'");
  places_.programs = {{"signer", folder_ / "none.sock", folder_ / "signer.sock"}};
  EXPECT_EQ(gather_status(places_).programs[0].state, ProgramReport::State::Down);
  const host::UniqueFd listener = host::listen_local(folder_ / "signer.sock", 0600);
  EXPECT_EQ(gather_status(places_).programs[0].state, ProgramReport::State::Up);
  EXPECT_FALSE(host::accept_local(listener.get()));
}

TEST_F(GatherStatus, AProgramThatHangsIsSilent) {
  redirector("echo '{}'");
  places_.timeout_ms = 10;
  places_.programs = {{"proxy", folder_ / "status.sock", ""}};
  const host::protocol::StatusSocket hangs(folder_ / "status.sock", 0600);
  EXPECT_EQ(gather_status(places_).programs[0].state, ProgramReport::State::Silent);
}

TEST_F(GatherStatus, SaysWhyTheKernelsStateIsNotKnown) {
  places_.redirector_program = folder_ / "absent";
  EXPECT_NE(gather_status(places_).kernel_note.find("absent"), std::string::npos);
  redirector("exit 3");
  EXPECT_NE(gather_status(places_).kernel_note.find("exit code 3"), std::string::npos);
  places_.timeout_ms = 50;
  redirector("exec sleep 60");
  EXPECT_NE(gather_status(places_).kernel_note.find("does not answer"), std::string::npos);
}

TEST_F(GatherStatus, TheExitCodeIsForScripts) {
  redirector("exit 1");
  std::ostringstream out;
  places_.programs = {{"proxy", folder_ / "status.sock", ""}};
  EXPECT_EQ(run_status(places_, true, out), 3);
  redirector("echo '{\"loaded\":true,\"effective\":true,\"proxy_alive\":true}'");
  EXPECT_EQ(run_status(places_, false, out), 1);
  places_.programs = {{"signer", "", folder_ / "signer.sock"}};
  const host::UniqueFd listener = host::listen_local(folder_ / "signer.sock", 0600);
  EXPECT_EQ(run_status(places_, false, out), 0);
}

TEST_F(GatherStatus, PlacesComeFromTheConfigurationAndItsDefaults) {
  const std::string config = folder_.write(
      "agent.toml",
      "[identity]\nstatus_socket = \"/run/x.sock\"\n[proxy]\npolicy = \"/etc/p.toml\"\n");
  ASSERT_EQ(::chmod(config.c_str(), 0600), 0);
  const StatusPlaces places = status_places(config, true, "/usr/sbin");
  EXPECT_EQ(places.policy_file, "/etc/p.toml");
  EXPECT_EQ(places.redirector_program, "/usr/sbin/veilwire-redirector");
  for (const auto& program : places.programs) {
    if (program.name == "proxy") continue;
    EXPECT_EQ(program.status_socket,
              program.name == "identity"
                  ? "/run/x.sock"
                  : "/run/veilwire-" + program.name + "/" + program.name + "-status.sock");
    if (program.name == "signer") {
      EXPECT_EQ(program.socket, "/run/veilwire-signer/signer.sock");
    }
  }
  EXPECT_THROW(static_cast<void>(status_places(folder_ / "absent.toml", true, "")),
               host::ConfigError);
  EXPECT_TRUE(status_places(folder_ / "absent.toml", false, "").config.empty());
}

TEST_F(GatherStatus, AsksForSamlWherePeopleSignInWithIt) {
  const auto names = [this](const std::string& provider) {
    const std::string config =
        folder_.write("agent.toml", "[identity]\nprovider = \"" + provider +
                                        "\"\n[saml]\nentity_id = \"urn:x\"\n");
    EXPECT_EQ(::chmod(config.c_str(), 0600), 0);
    std::string all;
    for (const auto& program : status_places(config, true, "/usr/sbin").programs)
      all += program.name + " " + program.status_socket + "\n";
    return all;
  };
  EXPECT_NE(names("saml").find("saml /run/veilwire-saml/saml-status.sock\n"), std::string::npos);
  EXPECT_EQ(names("oidc").find("saml"), std::string::npos);
}

TEST_F(GatherStatus, AsksForTheCredentialsWhereThereAreAny) {
  const auto asks = [this](const std::string& lines) {
    const std::string config = folder_.write("credentials.toml", "[credentials]\n" + lines);
    EXPECT_EQ(::chmod(config.c_str(), 0600), 0);
    const auto programs = status_places(config, true, "").programs;
    return std::any_of(programs.begin(), programs.end(),
                       [](const auto& program) { return program.name == "credentials"; });
  };
  EXPECT_FALSE(asks(""));
  EXPECT_TRUE(asks("[[credentials.source]]\nname = \"a\"\n"));
}

}  // namespace
}  // namespace veilwire::ctl
