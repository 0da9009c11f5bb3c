#include "agent/host/protocol/signer.h"

#include "agent/host/local_socket.h"

#include <cerrno>
#include <cstring>
#include <type_traits>

namespace veilwire::host::protocol {
namespace {

constexpr std::uint32_t kRequestMagic = 0x71735756;  // "VWsq"
constexpr std::uint32_t kReplyMagic = 0x72735756;    // "VWsr"

struct Head {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t status;  // replies; 0 in requests
  std::uint64_t id;
};

struct RawRequest {
  Head head;
  std::uint16_t name_size;
  std::uint16_t key_size;
  std::uint32_t zero;
  char name[256];
  char key[kSignerKey];
};
static_assert(sizeof(RawRequest) == 16 + 8 + 256 + 128);
static_assert(std::is_trivially_copyable_v<RawRequest>);

struct RawReply {
  Head head;
  std::int64_t not_after;  // seconds since 1970
  std::uint16_t count;
  std::uint16_t sizes[kSignerCertificates];
  char chain[kSignerChain];
};
static_assert(sizeof(RawReply) == 16 + 8 + 16 + kSignerChain);
static_assert(std::is_trivially_copyable_v<RawReply>);

template <class Raw>
std::string bytes_of(const Raw& raw) {
  return {reinterpret_cast<const char*>(&raw), sizeof raw};
}

template <class Raw>
std::optional<Raw> raw_of(std::string_view message, std::uint32_t magic) {
  if (message.size() != sizeof(Raw)) return std::nullopt;
  Raw raw;
  std::memcpy(&raw, message.data(), sizeof raw);
  if (raw.head.magic != magic || raw.head.version != kSignerVersion) return std::nullopt;
  return raw;
}

}  // namespace

std::string_view to_string(SignerStatus status) {
  switch (status) {
    case SignerStatus::Signed:
      return "signed";
    case SignerStatus::NotPermitted:
      return "the name is not one of the intercepted hosts";
    case SignerStatus::BadRequest:
      return "not a host name or not a usable key";
    case SignerStatus::TooMany:
      return "too many new certificates at once";
    case SignerStatus::Unavailable:
      return "the internal CA's certificate is not valid now";
  }
  return "unknown";
}

std::optional<std::string> encode(const SignerRequest& request) {
  if (request.name.size() > kSignerName || request.spki.size() > kSignerKey) return std::nullopt;
  RawRequest raw{};
  raw.head = {kRequestMagic, kSignerVersion, 0, request.id};
  raw.name_size = static_cast<std::uint16_t>(request.name.size());
  raw.key_size = static_cast<std::uint16_t>(request.spki.size());
  std::memcpy(raw.name, request.name.data(), request.name.size());
  std::memcpy(raw.key, request.spki.data(), request.spki.size());
  return bytes_of(raw);
}

std::optional<SignerRequest> decode_signer_request(std::string_view message) {
  const auto raw = raw_of<RawRequest>(message, kRequestMagic);
  if (!raw || raw->head.status != 0 || raw->name_size > kSignerName || raw->key_size > kSignerKey)
    return std::nullopt;
  return SignerRequest{raw->head.id, std::string(raw->name, raw->name_size),
                       std::string(raw->key, raw->key_size)};
}

std::optional<std::string> encode(const SignerReply& reply) {
  if (reply.chain.size() > kSignerCertificates) return std::nullopt;
  RawReply raw{};
  raw.head = {kReplyMagic, kSignerVersion, static_cast<std::uint16_t>(reply.status), reply.id};
  raw.not_after = std::chrono::floor<std::chrono::seconds>(reply.not_after.since_epoch).count();
  std::size_t left = sizeof raw.chain;
  for (const std::string& certificate : reply.chain) {
    if (certificate.empty() || certificate.size() > left) return std::nullopt;
    std::memcpy(raw.chain + (sizeof raw.chain - left), certificate.data(), certificate.size());
    raw.sizes[raw.count++] = static_cast<std::uint16_t>(certificate.size());
    left -= certificate.size();
  }
  return bytes_of(raw);
}

std::optional<SignerReply> decode_signer_reply(std::string_view message) {
  const auto raw = raw_of<RawReply>(message, kReplyMagic);
  if (!raw || raw->head.status >= kSignerStatuses || raw->count > kSignerCertificates)
    return std::nullopt;
  SignerReply reply;
  reply.id = raw->head.id;
  reply.status = static_cast<SignerStatus>(raw->head.status);
  // Further than X.509 can say (the year 9999) is no time, and would overflow nanoseconds.
  constexpr std::int64_t kFar = 9'000'000'000;
  if (raw->not_after < 0 || raw->not_after > kFar) return std::nullopt;
  reply.not_after.since_epoch = std::chrono::seconds(raw->not_after);
  std::string_view left(raw->chain, sizeof raw->chain);
  for (std::size_t i = 0; i < raw->count; ++i) {
    if (raw->sizes[i] == 0 || raw->sizes[i] > left.size()) return std::nullopt;
    reply.chain.emplace_back(left.substr(0, raw->sizes[i]));
    left.remove_prefix(raw->sizes[i]);
  }
  if (reply.chain.empty() == (reply.status == SignerStatus::Signed)) return std::nullopt;
  return reply;
}

Result<SignerReply, int> ask_signer(int fd, const SignerRequest& request, int timeout_ms) {
  const auto message = encode(request);
  if (!message) return Unexpected{EMSGSIZE};
  if (const auto sent = send_message(fd, *message); !sent) return Unexpected{sent.error()};
  if (!wait_readable(fd, timeout_ms)) return Unexpected{ETIMEDOUT};
  const auto answer = receive_message(fd);
  if (!answer) return Unexpected{answer.error()};
  if (answer->bytes.empty()) return Unexpected{ECONNRESET};
  auto reply = decode_signer_reply(answer->bytes);
  if (!reply || reply->id != request.id) return Unexpected{EPROTO};
  return *std::move(reply);
}

}  // namespace veilwire::host::protocol
