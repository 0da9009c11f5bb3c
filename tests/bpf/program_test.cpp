// The program as an operator and a service manager see it: confined, restartable, and removable
// from pins alone.
#include "tests/bpf/arena.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <linux/capability.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

struct Ran {
  int code = -1;
  std::string out;
};

Ran run(const std::string& arguments) {
  Ran ran;
  std::FILE* pipe =
      ::popen((std::string(VEILWIRE_REDIRECTOR) + " " + arguments + " 2>&1").c_str(), "r");
  char block[4096];
  for (std::size_t got = 0; (got = std::fread(block, 1, sizeof(block), pipe)) > 0;)
    ran.out.append(block, got);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class ProgramTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    config_ = arena().directory() + "/agent.toml";
    std::ofstream(config_) << "[redirector]\n"
                           << "cgroup = '" << arena().clients_cgroup() << "'\n"
                           << "pin_directory = '" << arena().pins() << "'\n"
                           << "socket = '" << arena().socket() << "'\n"
                           << "status_socket = '" << arena().directory() << "/status.sock'\n"
                           << "proxy_user = '65534:65534'\n"
                           << "ports = [443]\n";
  }

  // Starts `run` under a service manager's eyes and waits until it says that it is ready.
  Child start() {
    const std::string path = arena().directory() + "/notify";
    ::unlink(path.c_str());
    const host::UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      throw std::runtime_error("bind");
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
      ::execl(VEILWIRE_REDIRECTOR, VEILWIRE_REDIRECTOR, "run", "--config", config_.c_str(),
              nullptr);
      ::_exit(97);
    }
    Child child(pid);
    pollfd ready{manager.get(), POLLIN, 0};
    if (::poll(&ready, 1, 30000) != 1) throw std::runtime_error("it does not get ready");
    char text[64]{};
    (void)!::read(manager.get(), text, sizeof(text) - 1);
    EXPECT_STREQ(text, "READY=1");
    return child;
  }
  static std::string field(pid_t pid, const std::string& name) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(in, line);)
      if (line.starts_with(name + ":")) return line.substr(line.find_last_of(" \t") + 1);
    return {};
  }
  std::string config_;
};

TEST_F(ProgramTest, it_runs_with_six_capabilities_and_cannot_gain_others) {
  const Child program = start();
  std::uint64_t expected = 0;
  for (const int capability :
       {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH})
    expected |= 1ULL << capability;
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(expected));
  EXPECT_EQ(field(program.pid(), "CapEff"), text);
  EXPECT_EQ(field(program.pid(), "CapPrm"), text);
  EXPECT_EQ(field(program.pid(), "CapBnd"), text);
  EXPECT_EQ(field(program.pid(), "NoNewPrivs"), "1");
}

TEST_F(ProgramTest, a_probe_loads_without_attaching_and_names_nobody_of_ours_as_a_neighbour) {
  const auto links = [this] { return run("status --json --config " + config_).out; };
  for (const bool running : {false, true}) {
    std::optional<Child> program;
    if (running) program.emplace(start());
    const std::string before = links();
    const Ran probed = run("probe --config " + config_);
    EXPECT_EQ(probed.code, 0) << probed.out;
    for (const char* part : {"\"btf\":true", "\"bpffs\":true", "\"loads\":true",
                             "\"cgroup_problem\":\"\"", "\"missing\":[]"})
      EXPECT_NE(probed.out.find(part), std::string::npos) << part << " in " << probed.out;
    EXPECT_EQ(probed.out.find("vw_connect4\",\"id"), std::string::npos) << probed.out;
    EXPECT_EQ(links(), before);
    if (running) {
      ::kill(program->pid(), SIGTERM);
      EXPECT_EQ(program->wait(), 0);
    }
  }
}

TEST_F(ProgramTest, it_serves_the_proxy_survives_its_own_end_and_is_removed_by_detach) {
  Child program = start();
  const std::string config = " --config " + config_;
  const Ran dead = run("status" + config);
  EXPECT_EQ(dead.code, 1) << "no proxy yet";
  EXPECT_NE(dead.out.find("DEAD"), std::string::npos) << dead.out;

  const Arena::Proxy proxy = arena().start_proxy();
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }).read);
  const Ran alive = run("status --json" + config);
  EXPECT_EQ(alive.code, 0) << alive.out;
  for (const char* part : {"\"effective\":true", "\"proxy_alive\":true", "\"mode\":\"closed\"",
                           "\"redirected\":1,", "\"family\":4", "\"ports\":[443]"})
    EXPECT_NE(alive.out.find(part), std::string::npos) << part << " in " << alive.out;

  ::kill(program.pid(), SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }).read)
      << "stopping it detaches nothing";
  EXPECT_EQ(run("status" + config).code, 0);

  const Ran detached = run("detach --pin-dir " + arena().pins());
  EXPECT_EQ(detached.code, 0) << detached.out;
  const Ran gone = run("status" + config);
  EXPECT_EQ(gone.code, 1);
  EXPECT_NE(gone.out.find("not loaded"), std::string::npos) << gone.out;
  EXPECT_EQ(arena().in_client([] { return connect_to(kRemote4, 443); }, false).error, ECONNREFUSED)
      << "nobody listens there";
}

TEST_F(ProgramTest, wrong_usage_and_wrong_configuration_are_told_apart) {
  EXPECT_EQ(run("").code, 2);
  EXPECT_EQ(run("run --no-such-option").code, 2);
  EXPECT_EQ(run("--help").code, 0);
  EXPECT_EQ(run("--version").code, 0);
  std::ofstream(config_, std::ios::app) << "prots = [443]\n";
  const Ran ran = run("run --config " + config_);
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("prots"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace veilwire::tests
