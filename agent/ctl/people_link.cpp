#include "agent/ctl/people_link.h"

#include "agent/host/config.h"
#include "agent/host/local_socket.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace veilwire::ctl {
namespace {

namespace protocol = host::protocol;

[[noreturn]] void gone() {
  throw PeopleUnreachable("veilwire-identity has ended the conversation; try again");
}

}  // namespace

PeopleLink::PeopleLink(const std::string& socket) {
  auto fd = host::connect_local(socket, true);
  if (!fd) {
    const bool absent = fd.error() == ENOENT || fd.error() == ECONNREFUSED;
    throw PeopleUnreachable(
        socket + ": " + std::generic_category().message(fd.error()) +
        (absent ? "; veilwire-identity does not run, or knows people by the users of this host "
                  "([identity] provider)"
                : ""));
  }
  fd_ = *std::move(fd);
}

void PeopleLink::say(const protocol::PeopleAsk& ask) {
  if (!host::send_message(fd_.get(), protocol::encode(ask).reveal())) gone();
}

protocol::PeopleAnswer PeopleLink::hear() {
  const auto message = host::receive_message(fd_.get());
  if (!message || message->bytes.empty()) gone();
  auto answer = protocol::decode_people_answer(message->bytes);
  if (!answer)
    throw PeopleUnreachable(
        "veilwire-identity is of another version than this command; restart it, or install both "
        "of one package");
  return *std::move(answer);
}

std::string people_socket(const std::string& config, bool config_given) {
  constexpr const char* kDefault = "/run/veilwire-identity/people.sock";
  if (!config_given && ::access(config.c_str(), R_OK) != 0) return kDefault;
  return host::Config::load(config).section("identity").text("people_socket", kDefault);
}

}  // namespace veilwire::ctl
