#include "agent/forwarder/rewind.h"

#include "agent/host/local_socket.h"

#include <cerrno>
#include <cstring>
#include <variant>

namespace veilwire::forwarder {
namespace {

namespace protocol = host::protocol;
constexpr int kPatienceMs = 30'000;

std::string failure(const std::string& socket, const std::string& how) {
  return "the recorder at " + socket + " " + how;
}

}  // namespace

Result<std::uint64_t, std::string> rewind(const std::string& recorder_socket,
                                          const protocol::Rewind& what) {
  const auto request = protocol::encode(protocol::DeliveryRequest(what));
  if (!request) return Unexpected{"\"" + what.sink + "\" cannot be the name of a sink"};
  const auto fd = host::connect_local(recorder_socket, /*blocking=*/true);
  if (!fd) {
    return Unexpected{
        failure(recorder_socket, std::string("cannot be reached: ") + std::strerror(fd.error()))};
  }
  if (!host::send_message(fd->get(), *request))
    return Unexpected{failure(recorder_socket, "does not take the request")};
  if (!host::wait_readable(fd->get(), kPatienceMs))
    return Unexpected{failure(recorder_socket, "does not answer")};
  const auto message = host::receive_message(fd->get());
  if (!message || message->bytes.empty())
    return Unexpected{failure(recorder_socket, "takes this from root alone, or has gone away")};
  const auto answer = protocol::decode_delivery_answer(message->bytes);
  if (!answer) return Unexpected{failure(recorder_socket, "is of another version")};
  if (const auto* attached = std::get_if<protocol::Attached>(&*answer)) return attached->next;
  if (const auto* refused = std::get_if<protocol::Refused>(&*answer)) {
    const std::string said = refused->said.empty() ? "" : ": " + refused->said;
    return Unexpected{std::string(to_string(refused->error)) + said};
  }
  return Unexpected{failure(recorder_socket, "answers something else")};
}

}  // namespace veilwire::forwarder
