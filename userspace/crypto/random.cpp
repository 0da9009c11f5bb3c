#include "userspace/crypto/random.h"

#include <cstdlib>

#include <openssl/rand.h>

namespace veilwire::crypto {

RandomSource system_random() {
  return [](std::span<std::uint8_t> out) {
    // RAND_bytes counts in int; spans here are keys and nonces.
    constexpr std::size_t kMost = 1U << 20;
    while (!out.empty()) {
      const std::size_t n = out.size() < kMost ? out.size() : kMost;
      if (RAND_bytes(out.data(), static_cast<int>(n)) != 1) std::abort();
      out = out.subspan(n);
    }
  };
}

std::string random_bytes(const RandomSource& random, std::size_t count) {
  std::string out(count, '\0');
  random({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

}  // namespace veilwire::crypto
