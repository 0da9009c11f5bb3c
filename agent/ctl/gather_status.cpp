// The part of `veilwire status` that looks: connects to status sockets, runs the redirector's own
// status command, reads the table of local sockets. It changes nothing and wakes nobody.
#include "agent/ctl/status.h"
#include "agent/host/config.h"
#include "agent/host/local_socket.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/identity/person.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

// More than any program writes; a bound, because the output is kept.
constexpr std::size_t kMostOutput = 4 * 1024 * 1024;

std::string message_of(int error) { return std::generic_category().message(error); }

// Whether somebody listens on a socket file, from the kernel's table: connecting would be a
// question to a program that takes each connection for a client.
bool somebody_listens(const std::string& path) {
  std::ifstream table("/proc/net/unix");
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string number, references, protocol, flags, type, state, inode, name;
    fields >> number >> references >> protocol >> flags >> type >> state >> inode >> name;
    constexpr unsigned long kAccepting = 0x10000;  // __SO_ACCEPTCON
    if (name == path && (std::strtoul(flags.c_str(), nullptr, 16) & kAccepting) != 0) return true;
  }
  return false;
}

ProgramReport ask(const StatusPlaces::Program& program, int timeout_ms) {
  auto document = host::protocol::ask_status(program.status_socket, timeout_ms);
  if (document) return judged(program.name, *std::move(document));
  ProgramReport report;
  report.name = program.name;
  const bool listens = !program.socket.empty() && somebody_listens(program.socket);
  switch (document.error()) {
    case ETIMEDOUT:
      report.state = ProgramReport::State::Silent;
      break;
    case EACCES:
    case EPERM:
      report.state = ProgramReport::State::NotAllowed;
      report.note = "run it as root";
      break;
    case EPROTO:
      report.state = ProgramReport::State::Unhealthy;
      report.note = "is of another version than this command";
      break;
    default:
      report.state = listens ? ProgramReport::State::Up : ProgramReport::State::Down;
      if (!listens && document.error() != ENOENT && document.error() != ECONNREFUSED)
        report.note = message_of(document.error());
  }
  return report;
}

struct Output {
  std::string text;
  std::string
      error;  // empty: the program ran to its end; its exit status says no more than its document
};

// A program's standard output, or why not. Its standard error is ours.
Output run_program(const std::vector<std::string>& command, int timeout_ms) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {"", message_of(errno)};
  const host::UniqueFd read_end(ends[0]);
  host::UniqueFd write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));  // execve writes none
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, command[0].c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  write_end.reset();
  if (error != 0) return {"", command[0] + ": " + message_of(error)};

  Output output;
  std::array<char, 4096> piece{};
  while (output.error.empty()) {
    if (!host::wait_readable(read_end.get(), timeout_ms)) {
      output.error = command[0] + " does not answer";
      break;
    }
    const ssize_t n = ::read(read_end.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    output.text.append(piece.data(), static_cast<std::size_t>(n));
    if (output.text.size() > kMostOutput) output.error = command[0] + " says too much";
  }
  if (!output.error.empty()) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (output.error.empty() && output.text.empty())
    output.error = command[0] + " says nothing (exit code " +
                   std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1) + ")";
  return output;
}

std::string user_name(std::uint32_t uid) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : std::to_string(uid);
}

// Adds to each object that has a "tgid" which executable that is and whose: the kernel's pins hold
// numbers only. A process that has gone stays a number. What is shown here decides nothing, so
// reading /proc late is good enough.
void name_processes(json& rows) {
  if (!rows.is_array()) return;
  for (json& row : rows) {
    if (!row.is_object() || !row.contains("tgid") || !row["tgid"].is_number_unsigned()) continue;
    const std::string folder = "/proc/" + std::to_string(row["tgid"].get<std::uint64_t>());
    std::error_code error;
    const auto exe = std::filesystem::read_symlink(folder + "/exe", error);
    if (!error) row["exe"] = exe.string();
    struct stat owner {};
    if (::stat(folder.c_str(), &owner) != 0) continue;
    std::uint32_t loginuid = identity::kUnsetAuditId;
    std::ifstream(folder + "/loginuid") >> loginuid;
    std::string person = user_name(owner.st_uid);
    if (loginuid != identity::kUnsetAuditId && loginuid != owner.st_uid)
      person = user_name(loginuid) + " as " + person;
    row["person"] = std::move(person);
  }
}

std::string with_names(const std::string& document) {
  json parsed = json::parse(document, nullptr, false);
  if (!parsed.is_object()) return document;
  for (const char* list : {"labels", "redirected"})
    if (parsed.contains(list)) name_processes(parsed[list]);
  return parsed.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string digest_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {};
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  return crypto::hex_encode(crypto::sha256(bytes));
}

std::vector<std::string> edited_packs(const std::vector<ProgramReport>& programs,
                                      const std::string& policy_file) {
  std::vector<std::string> edited;
  for (const ProgramReport& program : programs) {
    if (program.name != "proxy") continue;
    const json document = json::parse(program.document, nullptr, false);
    const json files =
        document.is_object() ? document.value("/policy/files"_json_pointer, json()) : json();
    if (!files.is_object()) continue;
    for (const auto& [file, digest] : files.items())
      if (file != policy_file && digest != json(digest_of_file(file))) edited.push_back(file);
  }
  return edited;
}

}  // namespace

StatusPlaces status_places(const std::string& config, bool config_given,
                           const std::string& program_folder) {
  struct stat file {};
  const bool absent = !config_given && ::stat(config.c_str(), &file) != 0;
  const host::Config settings =
      absent ? host::Config::parse("", config) : host::Config::load(config);
  StatusPlaces places;
  // Each program's sockets lie in the folder that its unit makes.
  for (const std::string name : {"redirector", "signer", "identity", "recorder"}) {
    const host::ConfigSection section = settings.section(name);
    const std::string stem = "/run/veilwire-" + name + "/" + name;
    places.programs.push_back({name, section.text("status_socket", stem + "-status.sock"),
                               section.text("socket", stem + ".sock")});
  }
  // It runs only where people sign in with SAML.
  if (settings.section("identity").text("provider", "local") == "saml") {
    const host::ConfigSection section = settings.section("saml");
    const std::string stem = "/run/veilwire-saml/saml";
    places.programs.push_back({"saml", section.text("status_socket", stem + "-status.sock"),
                               section.text("socket", stem + ".sock")});
  }
  // It runs only where it has something to hold.
  if (const host::ConfigSection section = settings.section("credentials"); section.has("source")) {
    const std::string stem = "/run/veilwire-credentials/credentials";
    places.programs.push_back({"credentials", section.text("status_socket", stem + "-status.sock"),
                               section.text("socket", stem + ".sock")});
  }
  // It runs only where the ledger goes somewhere.
  if (const host::ConfigSection section = settings.section("forwarder"); section.has("sink")) {
    places.programs.push_back(
        {"forwarder",
         section.text("status_socket", "/run/veilwire-forwarder/forwarder-status.sock"), ""});
  }
  const host::ConfigSection proxy = settings.section("proxy");
  places.programs.push_back(
      {"proxy", proxy.text("status_socket", "/run/veilwire/proxy-status.sock"), ""});
  places.policy_file = proxy.text("policy", "/etc/veilwire/policy.toml");
  places.redirector_program = program_folder + "/veilwire-redirector";
  if (!absent) places.config = config;
  return places;
}

StatusReport gather_status(const StatusPlaces& places) {
  StatusReport report;
  for (const StatusPlaces::Program& program : places.programs)
    report.programs.push_back(ask(program, places.timeout_ms));
  std::vector<std::string> command = {places.redirector_program, "status", "--json"};
  if (!places.config.empty()) command.insert(command.end(), {"--config", places.config});
  Output kernel = run_program(command, places.timeout_ms);
  report.kernel = with_names(kernel.text);
  report.kernel_note = std::move(kernel.error);
  report.policy_file = places.policy_file;
  report.policy_file_digest = digest_of_file(places.policy_file);
  report.edited_packs = edited_packs(report.programs, places.policy_file);
  return report;
}

}  // namespace veilwire::ctl
