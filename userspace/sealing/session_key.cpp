#include "userspace/sealing/session_key.h"

#include "userspace/crypto/hkdf.h"

#include <cstdlib>
#include <string_view>

namespace veilwire::sealing {
namespace {

void append_number(std::string& out, std::uint64_t number, unsigned octets) {
  while (octets != 0) out.push_back(static_cast<char>((number >> (8 * --octets)) & 0xff));
}

// Ids of a few dozen characters; two that were cut to one length would be one body.
void append_text(std::string& out, std::string_view text) {
  if (text.size() > 0xffff) std::abort();
  append_number(out, text.size(), 2);
  out += text;
}

}  // namespace

SessionKey SessionKey::generate(const crypto::RandomSource& random) {
  return SessionKey(Secret(crypto::random_bytes(random, kSessionKey)));
}

std::optional<SessionKey> SessionKey::from_bytes(Secret bytes) {
  if (bytes.reveal().size() != kSessionKey) return std::nullopt;
  return SessionKey(std::move(bytes));
}

std::string SessionKey::id() const {
  return std::string(
      crypto::hkdf_sha256(bytes_.reveal(), "", "veilwire original key id v1", kKeyId).reveal());
}

Secret SessionKey::body_key(const BodyIdentity& body) const {
  std::string info = "veilwire original body v1";
  append_text(info, body.host);
  append_text(info, body.writer);
  append_text(info, body.session);
  append_number(info, body.exchange, 8);
  append_number(info, static_cast<std::uint8_t>(body.direction), 1);
  return crypto::hkdf_sha256(bytes_.reveal(), "", info, kSessionKey);
}

}  // namespace veilwire::sealing
