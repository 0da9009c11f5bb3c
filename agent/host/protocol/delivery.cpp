#include "agent/host/protocol/delivery.h"

#include "agent/host/local_socket.h"
#include "agent/host/protocol/message_bytes.h"

#include <algorithm>
#include <utility>

namespace veilwire::host::protocol {
namespace {

constexpr std::uint32_t kMagic = 0x4c445756;  // "VWDL"

enum class Type : std::uint16_t {
  Attach = 1,
  Read,
  ReadExchange,
  Confirm,
  Rewind,
  Attached,
  Piece,
  End,
  Refused,
  AskLog,
  LogName
};

bool is_printable_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= ' ' && c <= '~'; });
}
bool is_session_id(std::string_view s) {
  return s.size() == kSessionId && s.find_first_not_of("0123456789abcdef") == s.npos;
}
bool is_record(std::uint64_t n) { return n >= 1 && n <= kDeliveryLastRecord; }
// A position may stand behind the last record that there can ever be.
bool is_position(std::uint64_t n) { return n >= 1 && n <= kDeliveryLastRecord + 1; }
bool is_count(std::uint64_t n) { return n <= kDeliveryLastRecord; }
bool is_amount(std::uint32_t bytes) { return bytes >= 1 && bytes <= kDeliveryAnswer; }

// What the encoders let out and the decoders let in, by one rule.
bool fits(const Attach& m) {
  return is_sink_name(m.sink) && m.destination.size() <= kSinkDestination &&
         is_printable_ascii(m.destination);
}
bool fits(const Read& m) { return is_position(m.from) && is_amount(m.most_bytes); }
bool fits(const ReadExchange& m) {
  return is_session_id(m.session) && is_count(m.exchange) && is_position(m.from) &&
         is_amount(m.most_bytes);
}
bool fits(const Confirm& m) {
  if (!is_position(m.next) || m.dead.size() > kDeadLetters) return false;
  std::uint64_t before = 0;
  for (const DeadLetter& letter : m.dead) {
    if (letter.record <= before || letter.record >= m.next || letter.reason.size() > kDeadReason ||
        !is_printable_ascii(letter.reason))
      return false;
    before = letter.record;
  }
  return !m.cosigned ||
         (is_record(m.cosigned->size) && m.cosigned->size < m.next && !m.cosigned->line.empty() &&
          m.cosigned->line.size() <= kCosignature &&
          m.cosigned->line.find_first_of(std::string_view("\n\0", 2)) == std::string::npos);
}
bool fits(const Rewind& m) { return is_sink_name(m.sink) && is_position(m.next); }
bool fits(const AskLog&) { return true; }
bool fits(const LogName& m) {
  return !m.origin.empty() && m.origin.size() <= kLogOrigin && is_printable_ascii(m.origin);
}
bool fits(const Attached& m) {
  return is_position(m.next) && is_position(m.first) && is_count(m.last);
}
bool fits(const Piece& m) {
  return is_record(m.record) && m.total >= 1 && m.total <= kDeliveryRecord && !m.bytes.empty() &&
         m.bytes.size() <= kDeliveryPiece && m.offset <= m.total &&
         m.bytes.size() <= m.total - m.offset;
}
bool fits(const End& m) { return (m.next == 0 || is_position(m.next)) && is_count(m.last); }
bool fits(const Refused& m) {
  return m.error <= kLastDeliveryError && m.said.size() <= kDeadReason &&
         is_printable_ascii(m.said);
}

class Writer : public MessageWriter {
 public:
  explicit Writer(Type type) {
    number(kMagic);
    number(kDeliveryVersion);
    number(static_cast<std::uint16_t>(type));
  }
  void text(std::string_view s) { MessageWriter::text<std::uint32_t>(s); }
};

std::string write(const Attach& m) {
  Writer w(Type::Attach);
  w.text(m.sink);
  w.text(m.destination);
  return std::move(w).take();
}
std::string write(const Read& m) {
  Writer w(Type::Read);
  w.number(m.from);
  w.number(m.most_bytes);
  return std::move(w).take();
}
std::string write(const ReadExchange& m) {
  Writer w(Type::ReadExchange);
  w.raw(m.session);
  w.number(m.exchange);
  w.number(m.from);
  w.number(m.most_bytes);
  return std::move(w).take();
}
std::string write(const Confirm& m) {
  Writer w(Type::Confirm);
  w.number(m.next);
  w.number(static_cast<std::uint16_t>(m.dead.size()));
  for (const DeadLetter& letter : m.dead) {
    w.number(letter.record);
    w.text(letter.reason);
  }
  w.boolean(m.cosigned.has_value());
  if (m.cosigned) {
    w.number(m.cosigned->size);
    w.text(m.cosigned->line);
  }
  return std::move(w).take();
}
std::string write(const Rewind& m) {
  Writer w(Type::Rewind);
  w.text(m.sink);
  w.number(m.next);
  return std::move(w).take();
}
std::string write(const AskLog&) { return Writer(Type::AskLog).take(); }
std::string write(const LogName& m) {
  Writer w(Type::LogName);
  w.text(m.origin);
  return std::move(w).take();
}
std::string write(const Attached& m) {
  Writer w(Type::Attached);
  w.number(m.next);
  w.number(m.first);
  w.number(m.last);
  return std::move(w).take();
}
std::string write(const Piece& m) {
  Writer w(Type::Piece);
  w.number(m.record);
  w.number(m.total);
  w.number(m.offset);
  w.text(m.bytes);
  return std::move(w).take();
}
std::string write(const End& m) {
  Writer w(Type::End);
  w.number(m.next);
  w.number(m.last);
  return std::move(w).take();
}
std::string write(const Refused& m) {
  Writer w(Type::Refused);
  w.number(static_cast<std::uint8_t>(m.error));
  w.text(m.said);
  return std::move(w).take();
}

using Reader = MessageReader;
std::string read_text(Reader& r, std::size_t most) { return r.text<std::uint32_t>(most); }

Attach read_attach(Reader& r) {
  Attach m;
  m.sink = read_text(r, kSinkName);
  m.destination = read_text(r, kSinkDestination);
  return m;
}
protocol::Read read_read(Reader& r) {
  protocol::Read m;
  m.from = r.number<std::uint64_t>();
  m.most_bytes = r.number<std::uint32_t>();
  return m;
}
ReadExchange read_read_exchange(Reader& r) {
  ReadExchange m;
  m.session = std::string(r.raw(kSessionId));
  m.exchange = r.number<std::uint64_t>();
  m.from = r.number<std::uint64_t>();
  m.most_bytes = r.number<std::uint32_t>();
  return m;
}
Confirm read_confirm(Reader& r) {
  Confirm m;
  m.next = r.number<std::uint64_t>();
  const std::size_t dead = r.number<std::uint16_t>();
  if (dead > kDeadLetters) r.fail();
  for (std::size_t i = 0; i < dead && !r.failed(); ++i) {
    DeadLetter letter;
    letter.record = r.number<std::uint64_t>();
    letter.reason = read_text(r, kDeadReason);
    m.dead.push_back(std::move(letter));
  }
  if (r.boolean()) {
    Cosigned cosigned;
    cosigned.size = r.number<std::uint64_t>();
    cosigned.line = read_text(r, kCosignature);
    m.cosigned = std::move(cosigned);
  }
  return m;
}
Rewind read_rewind(Reader& r) {
  Rewind m;
  m.sink = read_text(r, kSinkName);
  m.next = r.number<std::uint64_t>();
  return m;
}
LogName read_log_name(Reader& r) {
  LogName m;
  m.origin = read_text(r, kLogOrigin);
  return m;
}
Attached read_attached(Reader& r) {
  Attached m;
  m.next = r.number<std::uint64_t>();
  m.first = r.number<std::uint64_t>();
  m.last = r.number<std::uint64_t>();
  return m;
}
Piece read_piece(Reader& r) {
  Piece m;
  m.record = r.number<std::uint64_t>();
  m.total = r.number<std::uint32_t>();
  m.offset = r.number<std::uint32_t>();
  m.bytes = read_text(r, kDeliveryPiece);
  return m;
}
End read_end(Reader& r) {
  End m;
  m.next = r.number<std::uint64_t>();
  m.last = r.number<std::uint64_t>();
  return m;
}
Refused read_refused(Reader& r) {
  Refused m;
  m.error = r.enumerator(kLastDeliveryError);
  m.said = read_text(r, kDeadReason);
  return m;
}

std::optional<Type> read_type(Reader& r) {
  if (r.number<std::uint32_t>() != kMagic || r.number<std::uint16_t>() != kDeliveryVersion)
    return std::nullopt;
  return static_cast<Type>(r.number<std::uint16_t>());
}

template <class Variant>
std::optional<std::string> encode_fitting(const Variant& message) {
  return std::visit(
      [](const auto& m) -> std::optional<std::string> {
        if (!fits(m)) return std::nullopt;
        std::string bytes = write(m);
        if (bytes.size() > kLocalMessage) return std::nullopt;
        return bytes;
      },
      message);
}
template <class Variant>
std::optional<Variant> accept(Reader& r, Variant message) {
  const bool fitting = std::visit([](const auto& m) { return fits(m); }, message);
  if (!r.at_end() || !fitting) return std::nullopt;
  return message;
}

}  // namespace

bool is_sink_name(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view all = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !name.empty() && name.size() <= kSinkName &&
         first.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(all) == std::string_view::npos;
}

std::string_view to_string(DeliveryError error) {
  switch (error) {
    case DeliveryError::NotAttached:
      return "no sink has been attached on this connection";
    case DeliveryError::UnknownSink:
      return "there has never been such a sink";
    case DeliveryError::OutOfRange:
      return "the ledger has no such record, or the position would go back";
    case DeliveryError::Deleted:
      return "the ledger no longer holds all of this";
    case DeliveryError::Unavailable:
      return "the ledger cannot be used at the moment";
    case DeliveryError::InUse:
      return "the sink has been attached by another connection";
  }
  return "unknown";
}

std::optional<std::string> encode(const DeliveryRequest& request) {
  return encode_fitting(request);
}
std::optional<std::string> encode(const DeliveryAnswer& answer) { return encode_fitting(answer); }

std::optional<DeliveryRequest> decode_delivery_request(std::string_view message) {
  Reader r(message);
  const auto type = read_type(r);
  if (!type) return std::nullopt;
  switch (*type) {
    case Type::Attach:
      return accept<DeliveryRequest>(r, read_attach(r));
    case Type::Read:
      return accept<DeliveryRequest>(r, read_read(r));
    case Type::ReadExchange:
      return accept<DeliveryRequest>(r, read_read_exchange(r));
    case Type::Confirm:
      return accept<DeliveryRequest>(r, read_confirm(r));
    case Type::Rewind:
      return accept<DeliveryRequest>(r, read_rewind(r));
    case Type::AskLog:
      return accept<DeliveryRequest>(r, AskLog{});
    default:
      return std::nullopt;
  }
}

std::optional<DeliveryAnswer> decode_delivery_answer(std::string_view message) {
  Reader r(message);
  const auto type = read_type(r);
  if (!type) return std::nullopt;
  switch (*type) {
    case Type::Attached:
      return accept<DeliveryAnswer>(r, read_attached(r));
    case Type::Piece:
      return accept<DeliveryAnswer>(r, read_piece(r));
    case Type::End:
      return accept<DeliveryAnswer>(r, read_end(r));
    case Type::Refused:
      return accept<DeliveryAnswer>(r, read_refused(r));
    case Type::LogName:
      return accept<DeliveryAnswer>(r, read_log_name(r));
    default:
      return std::nullopt;
  }
}

}  // namespace veilwire::host::protocol
