// The real program: a process that is confined as it says, gives credentials to the proxy alone,
// takes a rotated file, and names no value anywhere else.
#include "agent/host/local_socket.h"
#include "agent/host/protocol/credentials.h"
#include "agent/host/protocol/status.h"
#include "tests/unit/credentials/folder.h"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::credentials {
namespace {

using namespace std::chrono_literals;
namespace protocol = host::protocol;

constexpr const char* kProgram = VEILWIRE_BINARY_DIR "/bin/veilwire-credentials";
constexpr int kPatience = 20'000;  // ms, for a machine under load
constexpr uid_t kUser = 65534;

class CredentialsProgram : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: the program drops its privileges: needs root";
    ASSERT_EQ(::chown(folder.path.c_str(), kUser, kUser), 0);
  }
  void TearDown() override {
    if (pid <= 0) return;
    ::kill(pid, SIGTERM);
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0) << folder.read("log");
  }

  std::string secret(const std::string& name, const std::string& bytes) const {
    const std::string path = folder.write(name, bytes, 0400);
    EXPECT_EQ(::chown(path.c_str(), kUser, kUser), 0);
    return path;
  }
  void start(const std::string& sources) {
    folder.write("agent.toml",
                 "[credentials]\nuser = \"65534:65534\"\nproxy_user = \"0:0\"\nsocket = \"" +
                     socket + "\"\nstatus_socket = \"" + socket + "-status\"\n" + sources,
                 0644);
    pid = ::fork();
    if (pid == 0) {
      const int log = ::open((folder.path + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      ::execl(kProgram, kProgram, "--config", (folder.path + "/agent.toml").c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 1000 && folder.read("log").find("answering") == std::string::npos; ++i)
      std::this_thread::sleep_for(20ms);
  }
  std::string ask(const std::string& name) const {
    auto fd = host::connect_local(socket, true);
    if (!fd) return "no connection";
    if (!host::send_message(fd->get(), *protocol::encode(protocol::CredentialQuestion{9, name})))
      return "not sent";
    if (!host::wait_readable(fd->get(), kPatience)) return "no answer";
    const auto message = host::receive_message(fd->get());
    if (!message) return "no message";
    const auto answer = protocol::decode_credential_answer(message->bytes);
    if (!answer || answer->id != 9) return "no answer of ours";
    if (const auto* none = std::get_if<protocol::NoCredential>(&answer->what))
      return "none: " + none->reason;
    return std::string(std::get<protocol::KnownCredential>(answer->what).value.reveal());
  }
  std::string status() const { return protocol::ask_status(socket + "-status", kPatience).value(); }
  std::string of_process(const std::string& key) const {
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(in, line);)
      if (line.starts_with(key + ":")) return line.substr(key.size() + 1);
    return "";
  }

  Folder folder;
  std::string socket = folder.path + "/credentials.sock";
  pid_t pid = -1;
};

TEST_F(CredentialsProgram, GivesWhatItsFileHoldsAndARotatedOneWithoutARestart) {
  const std::string path = secret("key", "sekret-one\n");
  start("[[credentials.source]]\nname = \"team\"\nkind = \"file\"\npath = \"" + path +
        "\"\nrefresh_seconds = 1\nkeep_seconds = 0\n");
  EXPECT_EQ(ask("team"), "sekret-one");
  secret("key", "sekret-two\n");
  std::string seen;
  for (int i = 0; i < 200 && seen != "sekret-two"; ++i) {
    std::this_thread::sleep_for(50ms);
    seen = ask("team");
  }
  EXPECT_EQ(seen, "sekret-two");
  EXPECT_EQ(ask("other"), "none: no source of this name is configured");
  EXPECT_NE(status().find(R"("name":"team","kind":"file","state":"good")"), std::string::npos);
  EXPECT_EQ(status().find("sekret"), std::string::npos);
  EXPECT_EQ(folder.read("log").find("sekret"), std::string::npos);
}

TEST_F(CredentialsProgram, NamesASourceThatFailsInStatusAndLog) {
  start("[[credentials.source]]\nname = \"team\"\nkind = \"file\"\npath = \"" + folder.path +
        "/none\"\n");
  EXPECT_EQ(ask("team"), "none: its file: No such file or directory");
  EXPECT_NE(status().find(R"("state":"failed","reason":"its file: No such file or directory")"),
            std::string::npos);
  EXPECT_NE(status().find(R"("healthy":false)"), std::string::npos);
  EXPECT_NE(folder.read("log").find("no credential team: its file"), std::string::npos);
}

TEST_F(CredentialsProgram, HasNothingThatItDoesNotNeed) {
  const std::string path = secret("key", "sekret-one\n");
  start("[[credentials.source]]\nname = \"team\"\nkind = \"file\"\npath = \"" + path + "\"\n");
  ASSERT_EQ(ask("team"), "sekret-one");
  EXPECT_EQ(of_process("Uid"), "\t65534\t65534\t65534\t65534");
  EXPECT_EQ(of_process("CapEff"), "\t0000000000000000");
  EXPECT_EQ(of_process("Seccomp_filters"), "\t1");  // no network, no other program
  const bool locked = folder.read("log").find("may be written to swap") == std::string::npos;
  EXPECT_EQ(of_process("VmLck") != "\t       0 kB", locked);
}

TEST_F(CredentialsProgram, StartsTheCommandThatIsConfiguredUnderItsConfinement) {
  start(
      "[[credentials.source]]\nname = \"said\"\nkind = \"command\"\ncommand = [\"/bin/echo\", "
      "\"from a program\"]\n"
      "[[credentials.source]]\nname = \"hangs\"\nkind = \"command\"\ncommand = [\"/bin/sleep\", "
      "\"1000\"]\ntimeout_seconds = 1\n");
  EXPECT_EQ(ask("said"), "from a program");
  EXPECT_EQ(ask("hangs"), "none: its command has not ended in time");
  EXPECT_EQ(ask("said"), "from a program");
}

TEST_F(CredentialsProgram, AnswersNobodyButTheProxy) {
  const std::string path = secret("key", "sekret-one\n");
  start("[[credentials.source]]\nname = \"team\"\nkind = \"file\"\npath = \"" + path + "\"\n");
  const pid_t other = ::fork();
  if (other == 0) {
    const bool dropped = ::setgid(12345) == 0 && ::setuid(12345) == 0;
    ::_exit(dropped && ask("team").find("sekret") == std::string::npos ? 0 : 1);
  }
  int result = 0;
  ::waitpid(other, &result, 0);
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace veilwire::credentials
