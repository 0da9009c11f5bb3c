// A sink's end of host/protocol/delivery.h, blocking.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/host/protocol/delivery.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::recorder {

class DeliveryClient {
 public:
  explicit DeliveryClient(const std::string& socket) {
    auto fd = host::connect_local(socket, /*blocking=*/true);
    if (fd) fd_ = std::move(*fd);
  }
  bool connected() const { return static_cast<bool>(fd_); }

  bool say(std::string_view bytes) { return host::send_message(fd_.get(), bytes).has_value(); }
  bool say(const host::protocol::DeliveryRequest& request) {
    const auto bytes = encode(request);
    return bytes && say(*bytes);
  }
  bool answered(int patience_ms) { return host::wait_readable(fd_.get(), patience_ms); }
  // nullopt: the recorder has closed.
  std::optional<host::protocol::DeliveryAnswer> answer() {
    const auto message = host::receive_message(fd_.get());
    if (!message || message->bytes.empty()) return std::nullopt;
    auto decoded = host::protocol::decode_delivery_answer(message->bytes);
    EXPECT_TRUE(decoded);
    return decoded;
  }
  std::optional<host::protocol::DeliveryAnswer> ask(
      const host::protocol::DeliveryRequest& request) {
    return say(request) ? answer() : std::nullopt;
  }

  struct Got {
    std::vector<std::string> records;
    host::protocol::End end;
  };
  // nullopt: refused, or closed.
  std::optional<Got> answers_to_read() {
    Got got;
    std::uint64_t record = 0;
    while (const auto one = answer()) {
      if (const auto* piece = std::get_if<host::protocol::Piece>(&*one)) {
        if (piece->offset == 0) {
          EXPECT_GT(piece->record, record);
          record = piece->record;
          got.records.emplace_back();
        }
        EXPECT_EQ(piece->record, record);
        EXPECT_EQ(piece->offset, got.records.back().size());
        got.records.back() += piece->bytes;
        EXPECT_TRUE(piece->bytes.size() == host::protocol::kDeliveryPiece ||
                    got.records.back().size() == piece->total);
      } else if (const auto* end = std::get_if<host::protocol::End>(&*one)) {
        got.end = *end;
        return got;
      } else {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }
  std::optional<Got> read(std::uint64_t from, std::uint32_t most_bytes) {
    if (!say(host::protocol::Read{.from = from, .most_bytes = most_bytes})) return std::nullopt;
    return answers_to_read();
  }

 private:
  host::UniqueFd fd_;
};

}  // namespace veilwire::recorder
