// The command's side of the socket on which veilwire-identity hears people. Tested by
// tests/e2e/login_test.py.
#pragma once

#include "agent/host/protocol/people.h"
#include "agent/host/unique_fd.h"

#include <string>

namespace veilwire::ctl {

// What a person is told where asking fails; exit code 3.
class PeopleUnreachable {
 public:
  explicit PeopleUnreachable(std::string message) : message_(std::move(message)) {}
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

class PeopleLink {
 public:
  // Throws PeopleUnreachable, as do the others.
  explicit PeopleLink(const std::string& socket);

  void say(const host::protocol::PeopleAsk& ask);
  // Waits for as long as it takes.
  host::protocol::PeopleAnswer hear();
  host::protocol::PeopleAnswer ask(const host::protocol::PeopleAsk& ask) {
    say(ask);
    return hear();
  }
  int descriptor() const { return fd_.get(); }

 private:
  host::UniqueFd fd_;
};

// Where the configuration says that the socket is; the default where there is no configuration
// that this user can read.
std::string people_socket(const std::string& config, bool config_given);

}  // namespace veilwire::ctl
