#include "agent/forwarder/ledger_client.h"

#include "agent/host/local_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using boost::system::error_code;
using protocol::DeliveryAnswer;
using protocol::DeliveryRequest;
using Waiting = asio::posix::descriptor_base;

LedgerFailure refusal(const protocol::Refused& refused) {
  std::string detail(to_string(refused.error));
  if (!refused.said.empty()) detail += ": " + refused.said;
  return {refused.error, std::move(detail)};
}

// What pieces become. Empty: the piece does not follow the one before.
bool add_piece(std::vector<LedgerRecord>& records, std::uint64_t from, std::uint32_t& total,
               const protocol::Piece& piece) {
  const bool begins = records.empty() || records.back().canonical.size() == total;
  const std::uint64_t least = records.empty() ? from : records.back().number + 1;
  if (begins) {
    if (piece.offset != 0 || piece.record < least) return false;
    records.push_back({piece.record, {}});
    records.back().canonical.reserve(piece.total);
    total = piece.total;
  } else if (piece.record != records.back().number || piece.total != total ||
             piece.offset != records.back().canonical.size()) {
    return false;
  }
  records.back().canonical += piece.bytes;
  return true;
}

std::uint64_t begin_of(const DeliveryRequest& request) {
  if (const auto* read = std::get_if<protocol::Read>(&request)) return read->from;
  return std::get<protocol::ReadExchange>(request).from;
}

}  // namespace

LedgerClient::LedgerClient(asio::io_context& io, std::string path)
    : path_(std::move(path)), socket_(io) {}

LedgerFailure LedgerClient::lose(std::string why) {
  error_code ignored;
  if (socket_.is_open()) socket_.close(ignored);
  return {std::nullopt, "the recorder at " + path_ + " " + std::move(why)};
}

asio::awaitable<std::optional<LedgerFailure>> LedgerClient::say(DeliveryRequest request) {
  if (!socket_.is_open()) co_return lose("has been lost");
  const auto bytes = encode(request);
  if (!bytes) co_return lose("cannot be asked this");
  while (true) {
    const auto sent = host::send_message(socket_.native_handle(), *bytes);
    if (sent) co_return std::nullopt;
    if (sent.error() != EAGAIN) co_return lose("has gone away");
    error_code error;
    co_await socket_.async_wait(Waiting::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return lose("has gone away");
  }
}

LedgerClient::Answer<DeliveryAnswer> LedgerClient::hear() {
  while (socket_.is_open()) {
    auto message = host::receive_message(socket_.native_handle());
    if (!message && message.error() == EAGAIN) {
      error_code error;
      co_await socket_.async_wait(Waiting::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      continue;
    }
    if (!message || message->bytes.empty()) break;
    auto answer = protocol::decode_delivery_answer(message->bytes);
    if (!answer) co_return Unexpected{lose("speaks another version than this program")};
    co_return *std::move(answer);
  }
  co_return Unexpected{lose("has gone away")};
}

LedgerClient::Answer<protocol::Attached> LedgerClient::ask_position(DeliveryRequest request) {
  auto failed = co_await say(std::move(request));
  if (failed) co_return Unexpected{*std::move(failed)};
  auto answer = co_await hear();
  if (!answer) co_return Unexpected{answer.error()};
  if (const auto* refused = std::get_if<protocol::Refused>(&*answer))
    co_return Unexpected{refusal(*refused)};
  if (const auto* attached = std::get_if<protocol::Attached>(&*answer)) co_return *attached;
  co_return Unexpected{lose("answers something else")};
}

LedgerClient::Answer<LedgerRecords> LedgerClient::ask_records(DeliveryRequest request) {
  const std::uint64_t from = begin_of(request);
  LedgerRecords out;
  std::uint32_t total = 0;
  auto failed = co_await say(std::move(request));
  if (failed) co_return Unexpected{*std::move(failed)};
  while (true) {
    auto answer = co_await hear();
    if (!answer) co_return Unexpected{answer.error()};
    if (const auto* refused = std::get_if<protocol::Refused>(&*answer))
      co_return Unexpected{refusal(*refused)};
    if (const auto* end = std::get_if<protocol::End>(&*answer)) {
      if (!out.records.empty() && out.records.back().canonical.size() != total) break;
      out.next = end->next;
      out.last = end->last;
      co_return out;
    }
    const auto* piece = std::get_if<protocol::Piece>(&*answer);
    if (piece == nullptr || !add_piece(out.records, from, total, *piece)) break;
  }
  co_return Unexpected{lose("answers something else")};
}

LedgerClient::Answer<protocol::Attached> LedgerClient::attach(protocol::Attach sink) {
  error_code ignored;
  if (socket_.is_open()) socket_.close(ignored);
  auto fd = host::connect_local(path_, /*blocking=*/false);
  if (!fd)
    co_return Unexpected{
        lose("cannot be reached (" + std::string(std::strerror(fd.error())) + ")")};
  socket_.assign(fd->release());
  DeliveryRequest request(std::move(sink));
  auto attached = co_await ask_position(std::move(request));
  co_return attached;
}

LedgerClient::Answer<LedgerRecords> LedgerClient::read(std::uint64_t from,
                                                       std::uint32_t most_bytes) {
  DeliveryRequest request(protocol::Read{from, most_bytes});
  auto records = co_await ask_records(std::move(request));
  co_return records;
}

LedgerClient::Answer<LedgerRecords> LedgerClient::read_exchange(protocol::ReadExchange what) {
  DeliveryRequest request(std::move(what));
  auto records = co_await ask_records(std::move(request));
  co_return records;
}

LedgerClient::Answer<std::string> LedgerClient::ask_log() {
  DeliveryRequest request(protocol::AskLog{});
  auto failed = co_await say(std::move(request));
  if (failed) co_return Unexpected{*std::move(failed)};
  auto answer = co_await hear();
  if (!answer) co_return Unexpected{answer.error()};
  if (const auto* refused = std::get_if<protocol::Refused>(&*answer))
    co_return Unexpected{refusal(*refused)};
  if (auto* name = std::get_if<protocol::LogName>(&*answer)) co_return std::move(name->origin);
  co_return Unexpected{lose("answers something else")};
}

LedgerClient::Answer<protocol::Attached> LedgerClient::confirm(protocol::Confirm done) {
  DeliveryRequest request(std::move(done));
  auto attached = co_await ask_position(std::move(request));
  co_return attached;
}

}  // namespace veilwire::forwarder
