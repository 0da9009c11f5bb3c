// The real program: a process that is confined as it says, and answers one user alone.
#include "agent/host/local_socket.h"
#include "agent/host/protocol/status.h"
#include "agent/identity/saml_link.h"
#include "tests/unit/saml/signed_responses.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::saml::testing {
namespace {

using namespace host::protocol;

constexpr const char* kProgram = VEILWIRE_BINARY_DIR "/bin/veilwire-saml";
constexpr int kPatience = 10'000;  // ms, for a machine under load

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Running {
 public:
  explicit Running(bool confined) {
    char name[] = "/tmp/veilwire-saml-XXXXXX";
    folder_ = ::mkdtemp(name);
    ::chmod(folder_.c_str(), 0755);
    std::ofstream(path("idp.xml")) << idp().metadata();
    std::ofstream(path("agent.toml"))
        << "[saml]\nuser = \"65534:65534\"\nidentity_user = \"" << ::getuid() << ":" << ::getgid()
        << "\"\nsocket = \"" << path("saml.sock") << "\"\nstatus_socket = \"" << path("status.sock")
        << "\"\nidp_metadata = \"" << path("idp.xml") << "\"\nentity_id = \"" << kOurName << "\"\n";
    for (const char* file : {"idp.xml", "agent.toml"}) ::chmod(path(file).c_str(), 0644);
    const host::UniqueFd notify(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path("notify").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(notify.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::chmod(address.sun_path, 0666);
    pid_ = ::fork();
    if (pid_ == 0) {
      const int log = ::open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      ::setenv("NOTIFY_SOCKET", path("notify").c_str(), 1);
      ::execl(kProgram, kProgram, "--config", path("agent.toml").c_str(),
              confined ? nullptr : "--unconfined", nullptr);
      ::_exit(127);
    }
    char text[64] = {};
    EXPECT_TRUE(host::wait_readable(notify.get(), kPatience)) << log();
    EXPECT_GT(::recv(notify.get(), text, sizeof text - 1, MSG_DONTWAIT), 0);
    EXPECT_EQ(std::string(text), "READY=1") << log();
  }
  ~Running() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_EQ(status, 0) << log();
    std::filesystem::remove_all(folder_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string log() const { return read_file(path("log")); }
  pid_t pid() const { return pid_; }
  Result<SamlAnswer, int> ask(const SamlQuestion& question) const {
    const auto fd = host::connect_local(path("saml.sock"), true);
    if (!fd) return Unexpected{fd.error()};
    return ask_saml(fd->get(), question, kPatience);
  }

 private:
  std::string folder_;
  pid_t pid_ = 0;
};

TEST(SamlProgram, BeginsAndFinishesASignIn) {
  const Running r(false);
  const auto begun = r.ask({1, SamlBegin{"state", false}});
  ASSERT_TRUE(begun) << r.log();
  EXPECT_TRUE(std::holds_alternative<SamlBegun>(begun->what));
  const std::string text = crypto::base64_encode(idp().sign(response(assertion())));
  const auto finished = r.ask({2, SamlFinish{text, kRequest, kNow}});
  ASSERT_TRUE(finished) << r.log();
  ASSERT_TRUE(std::holds_alternative<identity::SamlAssertion>(finished->what)) << r.log();
  const auto again = r.ask({3, SamlFinish{text, kRequest, kNow}});
  EXPECT_EQ(std::get<SamlRefused>(again->what).error, SamlError::Replayed);
  EXPECT_NE(r.log().find("no sign-in: the response has been used before"), std::string::npos)
      << r.log();
  const auto status = ask_status(r.path("status.sock"), kPatience);
  ASSERT_TRUE(status);
  for (const char* part :
       {R"("program":"veilwire-saml","healthy":true)", R"("begun":1)", R"("refused":1)"})
    EXPECT_NE(status->find(part), status->npos) << *status;
}

TEST(SamlProgram, AnswersTheIdentityProgramsLink) {
  const Running r(false);
  boost::asio::io_context io;
  agent_identity::SamlLink link(io, r.path("saml.sock"));
  std::string subject, again;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> {
        const SamlBegin begin{"state", true};
        const auto begun = co_await link.begin(begin);
        EXPECT_TRUE(begun) << r.log();
        const std::string text = crypto::base64_encode(idp().sign(response(assertion())));
        const SamlFinish finish{text, kRequest, kNow};
        const auto finished = co_await link.finish(finish);
        subject = finished ? finished->subject : finished.error().message;
        const auto repeated = co_await link.finish(finish);
        again = repeated ? repeated->subject : repeated.error().message;
      },
      boost::asio::detached);
  io.run();
  EXPECT_EQ(subject, "alice");
  EXPECT_EQ(again, "the response has been used before");
}

TEST(SamlProgram, HangsUpOnAMessageThatIsNone) {
  const Running r(false);
  const auto fd = host::connect_local(r.path("saml.sock"), true);
  ASSERT_TRUE(fd);
  ASSERT_TRUE(host::send_message(fd->get(), "garbage"));
  ASSERT_TRUE(host::wait_readable(fd->get(), kPatience));
  const auto message = host::receive_message(fd->get());
  EXPECT_TRUE(!message || message->bytes.empty());
  EXPECT_TRUE(r.ask({1, SamlBegin{}}));
}

TEST(SamlProgram, RefusesEverybodyButTheIdentityProgramsUser) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to ask as another user";
  const Running r(false);
  ASSERT_EQ(::chmod(r.path("saml.sock").c_str(), 0666), 0);
  const pid_t asker = ::fork();
  if (asker == 0) {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      ::_exit(255);
    ::_exit(r.ask({1, SamlBegin{}}) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(asker, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(r.log().find("refused uid 65534"), std::string::npos) << r.log();
}

TEST(SamlProgram, RunsAsItsUserWithoutPrivilegesAndWithoutNetwork) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to change to another user";
  const Running r(true);
  const std::string proc = "/proc/" + std::to_string(r.pid());
  const std::string status = read_file(proc + "/status");
  for (const char* line :
       {"Uid:\t65534\t65534\t65534\t65534", "Groups:\t \n", "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"})
    EXPECT_NE(status.find(line), status.npos) << line << "\n" << status;
  const std::string text = crypto::base64_encode(idp().sign(response(assertion())));
  const auto finished = r.ask({2, SamlFinish{text, kRequest, kNow}});
  ASSERT_TRUE(finished);
  EXPECT_TRUE(std::holds_alternative<identity::SamlAssertion>(finished->what)) << r.log();
}

}  // namespace
}  // namespace veilwire::saml::testing
