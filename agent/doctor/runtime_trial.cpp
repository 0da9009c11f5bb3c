#include "agent/doctor/runtime_trial.h"

#include "agent/doctor/foreign_program.h"
#include "agent/host/unique_fd.h"
#include "userspace/crypto/encoding.h"
#include "userspace/wire/tls_engine.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

constexpr const char* kAccepts = "accepts";

constexpr const char* kPython =
    "import socket,ssl,sys\n"
    "try:\n"
    "  ssl.create_default_context().wrap_socket(socket.socket(fileno=3),"
    "server_hostname=sys.argv[1])\n"
    "  print('accepts')\n"
    "except ssl.SSLCertVerificationError as e:\n"
    "  print('refuses '+e.verify_message)\n";
constexpr const char* kNode =
    "const t=require('tls').connect({socket:new(require('net').Socket)({fd:3}),"
    "servername:process.argv[1]},()=>{console.log('accepts');process.exit()});"
    "t.on('error',e=>{if(/CERT|ISSUER|VERIFY|SIGNATURE|ALTNAME|CA_/i.test(e.code))"
    "console.log('refuses '+e.code);process.exit()})";

// The answering side of one handshake, until the other end is closed.
void serve(int fd, std::shared_ptr<const wire::TlsServerContext> context) {
  constexpr int kPatienceMs = 15'000;
  wire::TlsEngine engine = wire::TlsEngine::server(std::move(context));
  std::array<char, 16384> piece{};
  for (;;) {
    pollfd polled{fd, POLLIN, 0};
    if (::poll(&polled, 1, kPatienceMs) <= 0) return;
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n <= 0) return;
    engine.receive({piece.data(), static_cast<std::size_t>(n)});
    std::string out;
    engine.take_ciphertext(out);
    for (std::string_view rest = out; !rest.empty();) {
      const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
}

// What a script of ours printed.
RuntimeTrial read_answer(RuntimeTrial trial, const ForeignOutcome& outcome) {
  std::string line = outcome.text.substr(0, outcome.text.find('\n'));
  constexpr std::string_view kRefuses = "refuses ";
  if (!outcome.problem.empty()) {
    trial.said = outcome.problem;
  } else if (line == kAccepts) {
    trial.trust = Trust::Accepts;
  } else if (line.starts_with(kRefuses)) {
    trial.trust = Trust::Refuses;
    trial.said = line.substr(kRefuses.size());
  } else {
    trial.said = "it says neither yes nor no (exit code " + std::to_string(outcome.exit_code) + ")";
  }
  return trial;
}

RuntimeTrial handshake(RuntimeTrial trial, const ShownCertificate& shown, ForeignRun run) {
  wire::TlsServerParameters parameters;
  parameters.host = shown.host;
  parameters.chain = shown.chain;
  parameters.key = shown.key;
  auto context = wire::TlsServerContext::make(parameters);
  std::array<int, 2> ends{};
  if (!context || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    trial.said = "the handshake cannot be prepared";
    return trial;
  }
  const host::UniqueFd ours(ends[0]);
  host::UniqueFd theirs(ends[1]);
  std::thread server(serve, ours.get(), *context);
  run.descriptor = theirs.get();
  const ForeignOutcome outcome = run_foreign(run);
  theirs.reset();
  ::shutdown(ours.get(), SHUT_RDWR);
  server.join();
  return read_answer(std::move(trial), outcome);
}

std::string pem_of(const std::string& der) {
  constexpr std::size_t kLine = 64;
  const std::string text = crypto::base64_encode(der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < text.size(); at += kLine) pem += text.substr(at, kLine) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

}  // namespace

RuntimeTrial try_python(const std::string& program, const ShownCertificate& shown) {
  return handshake({.runtime = "python", .program = program, .said = ""}, shown,
                   {.command = {program, "-I", "-B", "-c", kPython, shown.host}, .input = ""});
}

RuntimeTrial try_node(const std::string& program, const ShownCertificate& shown,
                      const std::string& extra_ca) {
  return handshake({.runtime = "node", .program = program, .said = ""}, shown,
                   {.command = {program, "-e", kNode, shown.host},
                    .input = "",
                    .environment = {"NODE_EXTRA_CA_CERTS=" + extra_ca}});
}

RuntimeTrial try_openssl(const std::string& program, const ShownCertificate& shown) {
  RuntimeTrial trial{.runtime = "openssl", .program = program, .said = ""};
  ForeignRun run{
      .command = {program, "verify", "-purpose", "sslserver", "-verify_hostname", shown.host},
      .input = pem_of(shown.chain.front())};
  std::string between;
  for (std::size_t i = 1; i < shown.chain.size(); ++i) between += pem_of(shown.chain[i]);
  const host::UniqueFd file(::memfd_create("veilwire-chain", MFD_CLOEXEC));
  if (!between.empty()) {
    if (!file || ::write(file.get(), between.data(), between.size()) !=
                     static_cast<ssize_t>(between.size())) {
      trial.said = "no memory";
      return trial;
    }
    run.descriptor = file.get();
    run.command.insert(run.command.end(), {"-untrusted", "/dev/fd/3"});
  }
  const ForeignOutcome outcome = run_foreign(run);
  if (!outcome.problem.empty()) {
    trial.said = outcome.problem;
    return trial;
  }
  trial.trust = outcome.exit_code == 0 ? Trust::Accepts : Trust::Refuses;
  if (outcome.exit_code != 0) trial.said = "openssl verify finds no trusted chain";
  return trial;
}

RuntimeTrial try_java(const std::string& keytool, const std::vector<std::string>& digests) {
  RuntimeTrial trial{.runtime = "java", .program = keytool, .said = ""};
  // The password of a store of certificates is public: it is in every manual.
  const ForeignOutcome outcome =
      run_foreign({.command = {keytool, "-J-XX:-UsePerfData", "-J-Xmx128m", "-list", "-cacerts",
                               "-storepass", "changeit"},
                   .input = ""});
  if (!outcome.problem.empty() || outcome.exit_code != 0) {
    trial.said = outcome.problem.empty() ? "keytool fails" : outcome.problem;
    return trial;
  }
  std::string found;  // fingerprints are written AA:BB:..
  for (const char c : outcome.text)
    if (c != ':') found += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool has = std::any_of(digests.begin(), digests.end(), [&](const std::string& digest) {
    return found.find(digest) != std::string::npos;
  });
  trial.trust = has ? Trust::Accepts : Trust::Refuses;
  if (!has) trial.said = "it is not in its store";
  return trial;
}

}  // namespace veilwire::doctor
