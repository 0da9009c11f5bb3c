// rsyslog itself, on loopback, which writes before it acknowledges: what it has acknowledged, it
// must have after it was killed. It writes each message as it came, a line each.
#pragma once

#include "agent/host/unique_fd.h"
#include "tests/unit/forwarder/certificates.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::forwarder::testing {

class Rsyslog {
 public:
  struct Input {
    std::string kind;    // "imrelp", "imtcp", or "shipped": packaging/collector/rsyslog.conf
    std::string driver;  // of TLS: "openssl", "gnutls"; empty: none
  };
  explicit Rsyslog(const Input& input) : port_(free_port()) {
    folder_.write("rsyslog.conf", configuration(input));
    start();
  }
  ~Rsyslog() { stop(SIGKILL); }
  Rsyslog(const Rsyslog&) = delete;
  Rsyslog& operator=(const Rsyslog&) = delete;

  std::uint16_t port() const { return port_; }
  void kill() { stop(SIGKILL); }
  void start() {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no process for rsyslog");
    if (pid_ == 0) run(parent);
    for (int tries = 0; !connects(); ++tries) {
      if (tries == 1000 || ::waitpid(pid_, nullptr, WNOHANG) == pid_)
        throw std::runtime_error("rsyslog does not start: " + read("said"));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  // How often each seq has been written, once `count` of them are there; or what there is after
  // some time.
  std::map<std::uint64_t, int> written(std::size_t count) const {
    std::map<std::uint64_t, int> seqs;
    for (int tries = 0; tries < 1500; ++tries) {
      seqs.clear();
      std::ifstream in(folder_ / "out");
      for (std::string line; std::getline(in, line);) {
        const std::size_t at = line.find(" seq=\"");
        // A line that is being written, or was when it was killed, ends early.
        if (at != line.npos && line.ends_with('}')) ++seqs[std::stoull(line.substr(at + 6))];
      }
      if (seqs.size() >= count) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return seqs;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  // What we ship, with files and a port of this test.
  std::string shipped() const {
    std::ifstream in(VEILWIRE_SOURCE_DIR "/packaging/collector/rsyslog.conf");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::pair<std::string, std::string> replaced[] = {
        {"\"2514\"", "\"" + std::to_string(port_) + "\""},
        {"/etc/veilwire-collector/ca.pem", authority().ca()},
        {"/etc/veilwire-collector/collector.pem", authority().certificate("localhost")},
        {"/etc/veilwire-collector/collector.key", authority().key("localhost")},
        {"*.hosts.example.com", "host-7"},
        {"/var/log/veilwire-evidence.log", folder_ / "out"}};
    for (const auto& [from, to] : replaced) {
      const std::size_t at = text.find(from);
      if (at == text.npos) throw std::runtime_error("rsyslog.conf does not say " + from);
      text.replace(at, from.size(), to);
    }
    return text;
  }
  std::string configuration(const Input& input) const {
    if (input.kind == "shipped") return shipped();
    const std::string port = std::to_string(port_);
    const std::string ca = authority().ca(), certificate = authority().certificate("localhost"),
                      key = authority().key("localhost");
    std::string text = "global(workDirectory=\"" + folder_.path + "\" maxMessageSize=\"64k\"\n";
    if (input.kind == "imrelp") {
      text += ")\nmodule(load=\"imrelp\"";
      if (!input.driver.empty()) text += " tls.tlslib=\"" + input.driver + "\"";
      text +=
          ")\ninput(type=\"imrelp\" port=\"" + port + "\" ruleset=\"store\" maxDataSize=\"64k\"";
      if (!input.driver.empty())
        text += " tls=\"on\" tls.caCert=\"" + ca + "\" tls.myCert=\"" + certificate +
                "\" tls.myPrivKey=\"" + key +
                "\" tls.authMode=\"name\" tls.permittedPeer=[\"host-7\"]";
      text += ")\n";
    } else {
      const std::string driver = input.driver == "openssl" ? "ossl" : "gtls";
      if (!input.driver.empty())
        text += " defaultNetstreamDriver=\"" + driver + "\" defaultNetstreamDriverCAFile=\"" + ca +
                "\" defaultNetstreamDriverCertFile=\"" + certificate +
                "\" defaultNetstreamDriverKeyFile=\"" + key + "\"";
      text += ")\nmodule(load=\"imtcp\"";
      if (!input.driver.empty())
        text +=
            " streamDriver.mode=\"1\" streamDriver.authMode=\"x509/name\" "
            "permittedPeer=[\"host-7\"]";
      text += ")\ninput(type=\"imtcp\" port=\"" + port + "\" ruleset=\"store\")\n";
    }
    return text +
           "template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n"
           "ruleset(name=\"store\" queue.type=\"direct\") {\n"
           "  action(type=\"omfile\" template=\"raw\" sync=\"on\" file=\"" +
           folder_ / "out" + "\")\n}\n";
  }

  [[noreturn]] void run(pid_t parent) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int said = ::open((folder_ / "said").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(said, STDOUT_FILENO);
    ::dup2(said, STDERR_FILENO);
    const std::string file = folder_ / "rsyslog.conf";
    ::execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-iNONE", "-f", file.c_str(), nullptr);
    ::_exit(127);
  }
  void stop(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  // It cannot be told to take any.
  static std::uint16_t free_port() {
    const host::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), any, size) != 0 || ::getsockname(fd.get(), any, &size) != 0)
      throw std::runtime_error("no port on loopback");
    return ntohs(address.sin_port);
  }
  bool connects() const {
    const host::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(port_);
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  Folder folder_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

}  // namespace veilwire::forwarder::testing
