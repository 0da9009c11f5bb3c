// `veilwire status`: is everything up, are the kernel programs effective, who is redirected, which
// policy is in force. What the programs say comes as their own JSON documents
// (agent/host/protocol/status.h); here they are gathered, judged and shown. A program's own members
// are shown as they are, so that a new one needs no change here. Tested by
// tests/unit/ctl/status_test.cpp.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace veilwire::ctl {

// What one program says about itself.
struct ProgramReport {
  enum class State : std::uint8_t {
    Up,          // and says that it is healthy, or says nothing but listens
    Unhealthy,   // answers, and says why it is not well
    Silent,      // listens and does not answer in time
    NotAllowed,  // listens, but not for this user
    Down,
  };
  std::string name;  // "proxy"
  State state = State::Down;
  std::string note;      // for a person: what is wrong or not known
  std::string document;  // JSON object; empty when there is none
};

struct StatusReport {
  std::vector<ProgramReport> programs;
  // The document of `veilwire-redirector status --json`, read from the kernel's own pins, so that
  // it is there even while the redirector is not. Empty with a note when it could not be had.
  std::string kernel;
  std::string kernel_note;
  std::string policy_file;         // that the configuration names; empty: none
  std::string policy_file_digest;  // of the file as it is on disk; empty when it cannot be read
  // Rule packs of the policy in force that are others on disk, or cannot be read.
  std::vector<std::string> edited_packs;
};

// The report on a program that gave this document: its own "healthy" decides.
ProgramReport judged(std::string name, std::string document);

enum class Health : std::uint8_t { Good, Degraded, NotRunning };
std::string_view to_string(Health health);

// Good: every program is up, the kernel side is effective, and they agree
// (agent/ctl/status_concerns.h). NotRunning: nothing at all is.
Health assess(const StatusReport& report);
std::string to_json(const StatusReport& report);  // one object, ends with a newline
std::string to_text(const StatusReport& report);

// Where to look. Paths of status sockets and of the main sockets, whose existence says at least
// that a program listens.
struct StatusPlaces {
  struct Program {
    std::string name, status_socket, socket;
  };
  std::vector<Program> programs;
  std::string redirector_program;  // path of veilwire-redirector
  std::string config;
  std::string policy_file;
  int timeout_ms = 3000;
};
// Reads the configuration's tables; a missing default configuration means the defaults. Throws
// host::ConfigError.
StatusPlaces status_places(const std::string& config, bool config_given,
                           const std::string& program_folder);

StatusReport gather_status(const StatusPlaces& places);

// Prints and returns the exit code: 0 good, 1 degraded, 3 not running.
int run_status(const StatusPlaces& places, bool json, std::ostream& out);

}  // namespace veilwire::ctl
