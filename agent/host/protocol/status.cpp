#include "agent/host/protocol/status.h"

#include "agent/host/local_socket.h"
#include "agent/host/process_usage.h"

#include <cerrno>
#include <cstring>

namespace veilwire::host::protocol {
namespace {

struct Head {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t reserved;
};
constexpr std::uint32_t kMagic = 0x53535756;  // "VWSS"
static_assert(sizeof(Head) == 8);

// Askers that are answered in one go; more wait for the next turn of the event loop (connection
// flood).
constexpr int kAnswersAtOnce = 16;

}  // namespace

std::string with_process(std::string json) {
  if (json.size() < 2 || json.back() != '}') return json;
  const bool empty = json.size() == 2;
  json.pop_back();
  return json + (empty ? "" : ",") + R"("process":)" + process_usage() + "}";
}

std::string encode_status(std::string_view json) {
  if (json.size() > kStatusDocument)
    json = R"({"healthy":false,"error":"the status is too long to be sent"})";
  const Head head{kMagic, kStatusVersion, 0};
  std::string message(sizeof head, '\0');
  std::memcpy(message.data(), &head, sizeof head);
  return message.append(json);
}

std::optional<std::string> decode_status(std::string_view message) {
  Head head{};
  if (message.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, message.data(), sizeof head);
  if (head.magic != kMagic || head.version != kStatusVersion) return std::nullopt;
  return std::string(message.substr(sizeof head));
}

StatusSocket::StatusSocket(const std::string& path, mode_t mode)
    : listener_(listen_local(path, mode)) {}

void StatusSocket::answer(const std::function<std::string()>& document) {
  std::string message;
  for (int i = 0; i < kAnswersAtOnce; ++i) {
    const auto asker = accept_local(listener_.get());
    if (!asker) return;
    if (message.empty()) message = encode_status(with_process(document()));
    // An asker that has gone, or whose buffer is too small, asked in vain; nothing of ours depends
    // on it.
    static_cast<void>(send_message(asker->fd.get(), message));
  }
}

Result<std::string, int> ask_status(const std::string& path, int timeout_ms) {
  const auto fd = connect_local(path, false);
  if (!fd) return Unexpected{fd.error()};
  if (!wait_readable(fd->get(), timeout_ms)) return Unexpected{ETIMEDOUT};
  const auto message = receive_message(fd->get());
  if (!message) return Unexpected{message.error()};
  auto document = decode_status(message->bytes);
  if (!document) return Unexpected{EPROTO};
  return *std::move(document);
}

}  // namespace veilwire::host::protocol
