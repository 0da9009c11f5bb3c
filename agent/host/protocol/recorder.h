// How a writer (one thread of the proxy) hands records to the recorder: SOCK_SEQPACKET, one message
// a struct, both ends on this machine and of the same build.
//
//   writer    -> Hello {writer}             once, first
//   recorder  -> Ack {committed, status}    answers Hello; follows a commit and a change of status
//   writer    -> Append {seq, total, offset} + a piece of the record's canonical bytes
//
// A record of more than kRecorderPiece bytes goes in several messages, in order; a writer that
// learns in between that it is committed goes on with the next one. The writer numbers its records
// from 1 without gaps and keeps each until `committed` reaches it; after a reconnect it sends
// everything above `committed` again, and the recorder drops what it has. What is committed is on
// disk. The recorder checks SO_PEERCRED and closes on a message of another version, size or type.
//
// Tested by tests/unit/recorder/protocol_test.cpp and fuzzed by tests/fuzz/recorder_message.cpp.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kRecorderVersion = 1;
// A piece fits in a socket buffer several times, so that a large record does not wait for an empty
// one.
inline constexpr std::size_t kRecorderPiece = 48 * 1024;
// Largest record: audit::kRecordBytes. A larger one is a writer that fills the recorder's memory.
inline constexpr std::size_t kRecorderRecord = 1024 * 1024;
// JSON integers end here (audit::kLargestInteger), so does a sequence number.
inline constexpr std::uint64_t kRecorderLastSeq = (std::uint64_t{1} << 53) - 1;

// Drawn at random by each writer when it starts.
struct WriterId {
  std::array<std::uint8_t, 16> bytes{};
  // clang-tidy 14 takes the defaulted operator for a literal 0.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const WriterId&, const WriterId&) = default;
};
// 32 lower-case hex digits, as it stands in records.
std::string to_hex(const WriterId& id);

enum class RecorderStatus : std::uint16_t {
  Ok = 0,
  Full = 1,     // the reserved space is in use: begin no new exchange
  Failing = 2,  // the ledger cannot be written; nothing is acknowledged until it can
  UsedUp = 3,   // nor is anything while the reserve is used up as well
};
// What is sent now would only be kept in memory: hand nothing over.
constexpr bool takes_nothing(RecorderStatus status) {
  return status == RecorderStatus::Failing || status == RecorderStatus::UsedUp;
}
std::string_view to_string(RecorderStatus status);

struct RecorderHello {
  WriterId writer;
};
struct RecorderAppend {
  std::uint64_t seq = 0;     // 1..kRecorderLastSeq
  std::uint32_t total = 0;   // 1..kRecorderRecord: length of the whole record
  std::uint32_t offset = 0;  // of this piece in it
  std::string_view piece;    // 1..kRecorderPiece bytes, within total
};
struct RecorderAck {
  std::uint64_t committed = 0;
  RecorderStatus status = RecorderStatus::Ok;
};

std::string encode(const RecorderHello& message);
// Into a buffer that is used again: this is sent for every fragment of every answer.
void encode(const RecorderAppend& message, std::string& out);
std::string encode(const RecorderAck& message);

// nullopt: not such a message. The piece points into `bytes`.
std::optional<RecorderHello> decode_hello(std::string_view bytes);
std::optional<RecorderAppend> decode_append(std::string_view bytes);
std::optional<RecorderAck> decode_ack(std::string_view bytes);

}  // namespace veilwire::host::protocol
