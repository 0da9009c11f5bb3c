#include "agent/host/protocol/recorder.h"

#include <cstring>
#include <type_traits>

namespace veilwire::host::protocol {
namespace {

// The structs as they cross the socket: no padding, so that no byte of ours goes along unset.
enum class Type : std::uint16_t { Hello = 1, Append = 2, Ack = 3 };

struct Head {
  std::uint16_t version;
  Type type;
  std::uint32_t reserved;  // zero
};
struct HelloMessage {
  Head head;
  WriterId writer;
};
struct AppendMessage {
  Head head;
  std::uint64_t seq;
  std::uint32_t total;
  std::uint32_t offset;
};
struct AckMessage {
  Head head;
  std::uint64_t committed;
  RecorderStatus status;
  std::uint16_t reserved16;
  std::uint32_t reserved32;
};
static_assert(std::has_unique_object_representations_v<HelloMessage> && sizeof(HelloMessage) == 24);
static_assert(std::has_unique_object_representations_v<AppendMessage> &&
              sizeof(AppendMessage) == 24);
static_assert(std::has_unique_object_representations_v<AckMessage> && sizeof(AckMessage) == 24);

constexpr Head head_of(Type type) { return {kRecorderVersion, type, 0}; }

template <class Message>
std::string_view bytes_of(const Message& message) {
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

template <class Message>
std::optional<Message> read(std::string_view bytes, Type type) {
  Message message;
  if (bytes.size() < sizeof message) return std::nullopt;
  std::memcpy(&message, bytes.data(), sizeof message);
  if (message.head.version != kRecorderVersion || message.head.type != type ||
      message.head.reserved != 0)
    return std::nullopt;
  return message;
}

}  // namespace

std::string to_hex(const WriterId& id) {
  std::string out;
  for (const std::uint8_t byte : id.bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

std::string_view to_string(RecorderStatus status) {
  switch (status) {
    case RecorderStatus::Ok:
      return "ok";
    case RecorderStatus::Full:
      return "full";
    case RecorderStatus::Failing:
      return "failing";
    case RecorderStatus::UsedUp:
      return "used up";
  }
  return "unknown";
}

std::string encode(const RecorderHello& message) {
  return std::string(bytes_of(HelloMessage{head_of(Type::Hello), message.writer}));
}

void encode(const RecorderAppend& message, std::string& out) {
  out.assign(
      bytes_of(AppendMessage{head_of(Type::Append), message.seq, message.total, message.offset}));
  out.append(message.piece);
}

std::string encode(const RecorderAck& message) {
  return std::string(
      bytes_of(AckMessage{head_of(Type::Ack), message.committed, message.status, 0, 0}));
}

std::optional<RecorderHello> decode_hello(std::string_view bytes) {
  const auto message = read<HelloMessage>(bytes, Type::Hello);
  if (!message || bytes.size() != sizeof *message) return std::nullopt;
  return RecorderHello{message->writer};
}

std::optional<RecorderAppend> decode_append(std::string_view bytes) {
  const auto message = read<AppendMessage>(bytes, Type::Append);
  if (!message) return std::nullopt;
  const std::string_view piece = bytes.substr(sizeof *message);
  if (message->seq == 0 || message->seq > kRecorderLastSeq || message->total == 0 ||
      message->total > kRecorderRecord || piece.empty() || piece.size() > kRecorderPiece ||
      message->offset > message->total || piece.size() > message->total - message->offset)
    return std::nullopt;
  return RecorderAppend{message->seq, message->total, message->offset, piece};
}

std::optional<RecorderAck> decode_ack(std::string_view bytes) {
  const auto message = read<AckMessage>(bytes, Type::Ack);
  if (!message || bytes.size() != sizeof *message || message->reserved16 != 0 ||
      message->reserved32 != 0 || message->committed > kRecorderLastSeq ||
      message->status > RecorderStatus::UsedUp)
    return std::nullopt;
  return RecorderAck{message->committed, message->status};
}

}  // namespace veilwire::host::protocol
