#include "userspace/wire/client_hello.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/wire/host_name.h"

#include <bitset>
#include <optional>

namespace veilwire::wire {
namespace {

// A real ClientHello is one record, seldom two. A peer that makes a record of every byte costs us a
// header walk for each.
constexpr std::size_t kHelloRecords = 32;
constexpr std::size_t kRecordPayload = 1 << 14;  // RFC 8446, 5.1

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHelloMessage = 1;
constexpr std::uint16_t kServerNameExtension = 0;
constexpr std::uint16_t kAlpnExtension = 16;
constexpr std::uint16_t kSupportedVersionsExtension = 43;
constexpr std::uint16_t kEncryptedClientHelloExtension = 0xfe0d;

// Reads from the front and never past the end. Lengths are compared with what is left, never added
// to an offset.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  bool at_end() const { return left_.empty(); }

  // Big-endian, of 1 to 3 bytes.
  std::optional<std::uint32_t> number(std::size_t width) {
    const auto bytes = take(width);
    if (!bytes) return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : *bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

  std::optional<std::string_view> take(std::size_t count) {
    if (left_.size() < count) return std::nullopt;
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }

  // A vector with its length in front (RFC 8446, 3.4).
  std::optional<std::string_view> vector(std::size_t width, std::size_t least, std::size_t most) {
    const auto length = number(width);
    if (!length || *length < least || *length > most) return std::nullopt;
    return take(*length);
  }

 private:
  std::string_view left_;
};

bool parse_server_name(std::string_view data, ClientHello& hello) {
  Reader reader(data);
  const auto list = reader.vector(2, 1, 0xffff);
  if (!list || !reader.at_end()) return false;
  // One entry of the one type that is defined: a second name would let two readers of the list
  // disagree.
  Reader entry(*list);
  const auto type = entry.number(1);
  const auto name = entry.vector(2, 1, 0xffff);
  if (!type || *type != 0 || !name || !entry.at_end() || !is_host_name(*name)) return false;
  hello.server_name = to_lower(*name);
  return true;
}

bool parse_alpn(std::string_view data, ClientHello& hello) {
  Reader reader(data);
  const auto list = reader.vector(2, 2, 0xffff);
  if (!list || !reader.at_end()) return false;
  for (Reader names(*list); !names.at_end();) {
    const auto name = names.vector(1, 1, 0xff);
    if (!name) return false;
    hello.alpn.emplace_back(*name);
  }
  return true;
}

bool parse_supported_versions(std::string_view data, ClientHello& hello) {
  Reader reader(data);
  const auto list = reader.vector(1, 2, 254);
  if (!list || list->size() % 2 != 0 || !reader.at_end()) return false;
  hello.max_version = 0;
  for (Reader versions(*list); !versions.at_end();) {
    const std::uint32_t version = *versions.number(2);
    // Major version 3 is TLS; anything else is GREASE (RFC 8701) or a draft.
    if (version >> 8 == 3)
      hello.max_version = std::max(hello.max_version, static_cast<std::uint16_t>(version));
  }
  return true;
}

bool parse_extension(std::uint32_t type, std::string_view data, ClientHello& hello) {
  switch (type) {
    case kServerNameExtension:
      return parse_server_name(data, hello);
    case kAlpnExtension:
      return parse_alpn(data, hello);
    case kSupportedVersionsExtension:
      return parse_supported_versions(data, hello);
    case kEncryptedClientHelloExtension:
      hello.encrypted_client_hello = true;
      return true;
    default:
      return true;
  }
}

std::optional<ClientHello> parse_body(std::string_view body) {
  Reader reader(body);
  const auto legacy_version = reader.number(2);
  if (!legacy_version || *legacy_version >> 8 != 3) return std::nullopt;
  if (!reader.take(32)) return std::nullopt;          // random
  if (!reader.vector(1, 0, 32)) return std::nullopt;  // session id
  const auto suites = reader.vector(2, 2, 0xfffe);
  if (!suites || suites->size() % 2 != 0) return std::nullopt;
  if (!reader.vector(1, 1, 0xff)) return std::nullopt;  // compression methods

  ClientHello hello;
  hello.max_version = static_cast<std::uint16_t>(*legacy_version);
  if (reader.at_end()) return hello;  // RFC 5246, 7.4.1.2: extensions may be left out as a whole
  const auto block = reader.vector(2, 0, 0xffff);
  if (!block || !reader.at_end()) return std::nullopt;
  std::bitset<0x10000> seen;
  for (Reader extensions(*block); !extensions.at_end();) {
    const auto type = extensions.number(2);
    const auto data = extensions.vector(2, 0, 0xffff);
    if (!type || !data || seen[*type]) return std::nullopt;
    seen.set(*type);
    if (!parse_extension(*type, *data, hello)) return std::nullopt;
  }
  return hello;
}

PeekResult malformed() { return {Peek::Malformed, {}}; }

// The handshake message as its records carry it: the payload of each, seen so far.
struct Fragments {
  std::vector<std::string_view> parts;
  std::size_t size = 0;
};

// The first four bytes of the message, which may lie in four records.
std::string head_of(const Fragments& fragments) {
  std::string head;
  for (const auto part : fragments.parts) {
    head += part.substr(0, 4 - head.size());
    if (head.size() == 4) break;
  }
  return head;
}

// Type and length. Malformed as soon as they cannot be those of a ClientHello within the limit.
struct MessageHead {
  Peek peek = Peek::NeedMore;
  std::size_t size = 0;  // of the whole message with its four bytes of header
};
MessageHead read_head(const Fragments& fragments) {
  const std::string head = head_of(fragments);
  if (head.empty()) return {};
  if (head[0] != kClientHelloMessage) return {Peek::Malformed, 0};
  if (head.size() < 4) return {};
  Reader reader(std::string_view(head).substr(1));
  const std::size_t length = *reader.number(3);
  if (length > limits::kClientHello - 4) return {Peek::Malformed, 0};
  return {Peek::Tls, length + 4};
}

}  // namespace

PeekResult peek_client_hello(std::string_view bytes) {
  // Record type and major version tell TLS from everything else; the minor version means nothing
  // (RFC 8446, 5.1).
  if (bytes.empty()) return {};
  if (bytes[0] != kHandshakeRecord) return {Peek::NotTls, {}};
  if (bytes.size() < 2) return {};
  if (bytes[1] != 3) return {Peek::NotTls, {}};

  std::string_view left = bytes.substr(0, limits::kClientHello);
  Fragments fragments;
  for (std::size_t records = 0; !left.empty(); ++records) {
    if (records == kHelloRecords) return malformed();
    // Every byte of a header is judged as soon as it is there, so that garbage is not waited for.
    if (left[0] != kHandshakeRecord || (left.size() > 1 && left[1] != 3)) return malformed();
    if (left.size() < 5) break;
    Reader header(left.substr(3, 2));
    const std::size_t length = *header.number(2);
    if (length == 0 || length > kRecordPayload) return malformed();
    left.remove_prefix(5);
    const std::string_view payload = left.substr(0, length);
    const bool whole_record = payload.size() == length;
    left.remove_prefix(payload.size());
    if (!payload.empty()) fragments.parts.push_back(payload), fragments.size += payload.size();

    const MessageHead head = read_head(fragments);
    if (head.peek == Peek::Malformed) return malformed();
    if (head.peek == Peek::NeedMore) continue;
    const std::size_t announced = fragments.size - payload.size() + length;
    // A second message in the ClientHello's last record: nothing may follow it before the server
    // has answered.
    if (announced > head.size) return malformed();
    if (!whole_record || announced < head.size) continue;

    std::string message;
    message.reserve(fragments.size);
    for (const auto part : fragments.parts) message += part;
    auto hello = parse_body(std::string_view(message).substr(4));
    if (!hello) return malformed();
    return {Peek::Tls, std::move(*hello)};
  }
  return bytes.size() >= limits::kClientHello ? malformed() : PeekResult{};
}

}  // namespace veilwire::wire
