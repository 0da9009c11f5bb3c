// SHA-256 and HMAC-SHA-256 as functions over bytes, so that no caller meets OpenSSL's contexts.
// Tested by tests/unit/crypto/hash_test.cpp against FIPS 180-4 and RFC 4231 vectors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace veilwire::crypto {

inline constexpr std::size_t kDigestSize = 32;
using Digest = std::array<std::uint8_t, kDigestSize>;

// The same bytes as text, for functions that take a string_view. The digest must outlive the view.
inline std::string_view as_bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::string_view as_bytes(Digest&&) = delete;

Digest sha256(std::string_view bytes);

// RFC 2104. A key of any length; an empty one is allowed by the RFC and gives no secrecy.
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// The digest of a text that arrives in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(std::string_view bytes);
  // Gives the digest of everything so far and starts anew.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::crypto
