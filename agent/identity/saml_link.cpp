#include "agent/identity/saml_link.h"

#include "agent/host/local_socket.h"

#include <memory>
#include <utility>
#include <variant>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using boost::system::error_code;
using protocol::SamlError;

Unexpected<SamlTrouble> silence() {
  return {SamlTrouble{std::nullopt,
                      "the program that reads SAML does not answer (veilwire-saml); try again, or "
                      "tell your administrator"}};
}

Unexpected<SamlTrouble> refusal(SamlError error, const std::string& said) {
  std::string message(to_string(error));
  if (!said.empty()) message += " (" + said + ")";
  return {SamlTrouble{error, std::move(message)}};
}

// What was asked for, or why it is not there.
template <class Wanted>
asio::awaitable<Result<Wanted, SamlTrouble>> ask(asio::io_context& io, const std::string& path,
                                                 std::chrono::milliseconds patience,
                                                 protocol::SamlQuestion question) {
  const auto message = encode(question);
  if (!message) co_return refusal(SamlError::TooLarge, {});
  auto fd = host::connect_local(path, false);
  if (!fd) co_return silence();
  // Shared with the timer, which may already be on its way when this ends.
  const auto connection = std::make_shared<asio::posix::stream_descriptor>(io, fd->release());
  if (!host::send_message(connection->native_handle(), *message)) co_return silence();
  asio::steady_timer timer(io, patience);
  timer.async_wait([connection](const error_code& error) {
    if (!error) connection->cancel();
  });
  error_code error;
  co_await connection->async_wait(asio::posix::descriptor_base::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return silence();
  const auto received = host::receive_message(connection->native_handle());
  if (!received) co_return silence();
  auto answer = protocol::decode_saml_answer(received->bytes);
  if (!answer || answer->id != question.id) co_return silence();
  if (auto* wanted = std::get_if<Wanted>(&answer->what)) co_return std::move(*wanted);
  if (const auto* refused = std::get_if<protocol::SamlRefused>(&answer->what))
    co_return refusal(refused->error, refused->said);
  co_return silence();
}

}  // namespace

SamlLink::SamlLink(asio::io_context& io, std::string socket_path,
                   std::chrono::milliseconds patience)
    : io_(io), path_(std::move(socket_path)), patience_(patience) {}

asio::awaitable<Result<protocol::SamlBegun, SamlTrouble>> SamlLink::begin(
    protocol::SamlBegin question) {
  return ask<protocol::SamlBegun>(io_, path_, patience_, {++last_id_, std::move(question)});
}

asio::awaitable<Result<identity::SamlAssertion, SamlTrouble>> SamlLink::finish(
    protocol::SamlFinish question) {
  return ask<identity::SamlAssertion>(io_, path_, patience_, {++last_id_, std::move(question)});
}

}  // namespace veilwire::agent_identity
