// How a sink of veilwire-forwarder reads the ledger and says what it has delivered: one connection
// a sink, SOCK_SEQPACKET, one request at a time. The recorder alone opens the ledger's files; the
// forwarder alone has a network.
//
//   forwarder -> Attach {sink}              -> Attached {next, ...}        once, first
//   forwarder -> Read {from}                -> Piece..., End {next, last}  waits until there is one
//   forwarder -> ReadExchange {.., from}    -> Piece..., End {next, last}  does not wait
//   forwarder -> Confirm {next, ...}        -> Attached, once it is on disk
//   forwarder -> AskLog                     -> LogName {origin}
//   an operator's program -> Rewind {sink, next} -> Attached; whoever is attached for it is cut off
//
// Records are numbered from 1 in the order of the ledger; `next` is the first that a sink has not
// delivered. A record of more than kDeliveryPiece bytes comes in several pieces, in order. What
// cannot be done is answered by Refused, and the connection stays as it was.
//
// Integers are in the host's byte order: both ends are on this host, built together; another
// version is refused. Tested by tests/unit/host/delivery_protocol_test.cpp and
// tests/fuzz/delivery_protocol.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kDeliveryVersion = 1;
inline constexpr std::size_t kDeliveryPiece = 96 * 1024;
inline constexpr std::size_t kDeliveryRecord = 1024 * 1024;  // audit::kRecordBytes
// What an answer to Read holds at most, but for its first record, which always comes whole.
inline constexpr std::uint32_t kDeliveryAnswer = 4 * 1024 * 1024;
inline constexpr std::uint64_t kDeliveryLastRecord = (std::uint64_t{1} << 53) - 1;
inline constexpr std::size_t kSinkName = 64;          // [a-z0-9] and then also "-", "_" and "."
inline constexpr std::size_t kSinkDestination = 256;  // printable ASCII
inline constexpr std::size_t kDeadLetters = 256;      // in one Confirm
inline constexpr std::size_t kDeadReason = 256;       // bytes of printable text
inline constexpr std::size_t kCosignature = 512;      // a line of a signed note, without its end
inline constexpr std::size_t kLogOrigin = 256;        // printable ASCII, not empty
inline constexpr std::size_t kSessionId = 16;         // lower-case hex digits

bool is_sink_name(std::string_view name);

struct Attach {
  std::string sink;
  std::string destination;  // for people who look at the list of sinks
  friend bool operator==(const Attach&, const Attach&) = default;
};
struct Read {
  std::uint64_t from = 1;
  std::uint32_t most_bytes = kDeliveryAnswer;  // 1..kDeliveryAnswer
  friend bool operator==(const Read&, const Read&) = default;
};
struct ReadExchange {
  std::string session;  // kSessionId
  std::uint64_t exchange = 0;
  std::uint64_t from = 1;  // records of it with this number or a higher one
  std::uint32_t most_bytes = kDeliveryAnswer;
  friend bool operator==(const ReadExchange&, const ReadExchange&) = default;
};
// What a destination refuses for good: nothing deletes it.
struct DeadLetter {
  std::uint64_t record = 0;
  std::string reason;
  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};
// A witness has seen the ledger's first `size` records and found that they only grew.
struct Cosigned {
  std::uint64_t size = 0;
  std::string line;
  friend bool operator==(const Cosigned&, const Cosigned&) = default;
};
// next never goes back by this: a lower one is refused. All of it is one transaction.
struct Confirm {
  std::uint64_t next = 1;
  std::vector<DeadLetter> dead;  // in the order of their records, all below next
  std::optional<Cosigned> cosigned;
  friend bool operator==(const Confirm&, const Confirm&) = default;
};
struct Rewind {
  std::string sink;
  std::uint64_t next = 1;
  friend bool operator==(const Rewind&, const Rewind&) = default;
};
struct AskLog {
  friend bool operator==(const AskLog&, const AskLog&) = default;
};
using DeliveryRequest = std::variant<Attach, Read, ReadExchange, Confirm, Rewind, AskLog>;

struct Attached {
  std::uint64_t next = 1;
  std::uint64_t first = 1;  // of the records that the ledger still holds
  std::uint64_t last = 0;   // 0: none yet
  friend bool operator==(const Attached&, const Attached&) = default;
};
struct Piece {
  std::uint64_t record = 0;
  std::uint32_t total = 0;   // 1..kDeliveryRecord: length of the record's canonical bytes
  std::uint32_t offset = 0;  // of this piece in them
  std::string bytes;         // 1..kDeliveryPiece
  friend bool operator==(const Piece&, const Piece&) = default;
};
struct End {
  std::uint64_t next = 1;  // where to go on; of an exchange 0: that was all
  std::uint64_t last = 0;  // of the ledger
  friend bool operator==(const End&, const End&) = default;
};
enum class DeliveryError : std::uint8_t {
  NotAttached,  // something else came first
  UnknownSink,  // nothing has ever been attached by this name
  OutOfRange,   // no such record, or a position that goes back
  Deleted,      // of what is asked for, some is no longer held
  Unavailable,  // the ledger cannot be read or written now: try again
  InUse,        // another connection has attached for this sink since
};
inline constexpr DeliveryError kLastDeliveryError = DeliveryError::InUse;
std::string_view to_string(DeliveryError error);  // a clause for a person

struct Refused {
  DeliveryError error{};
  std::string said;  // printable, at most kDeadReason bytes, may be empty
  friend bool operator==(const Refused&, const Refused&) = default;
};
// Of the ledger as a log, as its checkpoints have it (userspace/proof).
struct LogName {
  std::string origin;
  friend bool operator==(const LogName&, const LogName&) = default;
};
using DeliveryAnswer = std::variant<Attached, Piece, End, Refused, LogName>;

// nullopt: does not fit the bounds.
std::optional<std::string> encode(const DeliveryRequest& request);
std::optional<std::string> encode(const DeliveryAnswer& answer);
// nullopt: another version, or a message that no encoder writes: close.
std::optional<DeliveryRequest> decode_delivery_request(std::string_view message);
std::optional<DeliveryAnswer> decode_delivery_answer(std::string_view message);

}  // namespace veilwire::host::protocol
