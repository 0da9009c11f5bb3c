// Real identity providers on loopback (tests/support/idp), and somebody who signs in there. Two
// that share no code, so that the habits of one are not taken for the standard.
#pragma once

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::testing {

// What a shell command prints, without the last line end. Throws where it fails.
inline std::string output_of(const std::string& command) {
  const auto close = [](std::FILE* file) { ::pclose(file); };
  std::unique_ptr<std::FILE, decltype(close)> file(::popen(command.c_str(), "r"), close);
  if (!file) throw std::runtime_error(command);
  std::string out;
  std::array<char, 4096> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), file.get()))
    out.append(piece.data(), size);
  if (::pclose(file.release()) != 0) throw std::runtime_error(command + ": " + out);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

enum class IdpProgram {
  OidcProvider,  // of npm, which tests/support/install-clients installs
  Glewlwyd,      // of Debian
  Samlp,         // of npm, for SAML
  Transmitter,   // ours, of security events
};

class RealIdp {
 public:
  // Throws std::runtime_error.
  RealIdp(const std::string& tree, IdpProgram program) : support_(tree + "/tests/support") {
    const auto of_npm = [this](const std::string& set, const std::string& script) {
      return "node --no-warnings '" + support_ + "/" + set + "/" + script + "' '" +
             output_of(support_ + "/install-clients --print " + set) + "'";
    };
    const std::string command =
        "exec " + (program == IdpProgram::Glewlwyd ? "python3 '" + support_ + "/idp/glewlwyd.py'"
                   : program == IdpProgram::Transmitter
                       ? "node '" + support_ + "/idp/transmitter.mjs'"
                   : program == IdpProgram::Samlp ? of_npm("saml-idp", "samlp.mjs")
                                                  : of_npm("idp", "oidc_provider.mjs"));
    std::array<int, 2> in{}, out{};
    if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
      ::execlp("env", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin",
               "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    life_ = in[1];
    char c = 0;
    std::string line;
    while (::read(out[0], &c, 1) == 1 && c != '\n') line += c;
    said_ = out[0];  // it may say more
    const std::size_t space = line.find(' ');
    if (space == std::string::npos)
      throw std::runtime_error("the identity provider has not started");
    issuer_ = line.substr(0, space);
    tests_ = line.substr(space + 1);
  }
  ~RealIdp() {
    ::close(life_);
    ::close(said_);
    ::waitpid(child_, nullptr, 0);
  }
  RealIdp(const RealIdp&) = delete;
  RealIdp& operator=(const RealIdp&) = delete;

  const std::string& issuer() const { return issuer_; }

  // Where the browser of somebody ends up who opens the address and agrees to everything.
  std::string visit(const std::string& name, const std::string& address) const {
    return output_of("env -i PATH=/usr/bin:/bin python3 '" + support_ + "/idp/person.py' '" + name +
                     "' '" + address + "'");
  }
  // POST WHAT; see the head of each program in tests/support/idp. Gives what it answers.
  std::string tell(const std::string& what, const std::string& json) const {
    return output_of("env -i PATH=/usr/bin:/bin curl -sS --fail --noproxy '*' -d '" + json + "' '" +
                     tests_ + "/" + what + "'");
  }

 private:
  std::string support_;
  std::string issuer_;
  std::string tests_;
  pid_t child_ = -1;
  int life_ = -1;  // it ends with this
  int said_ = -1;
};

}  // namespace veilwire::testing
