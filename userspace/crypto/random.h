// Randomness as an argument: code in userspace/ takes a RandomSource, programs pass
// system_random(), tests pass bytes that they chose. Tested by tests/unit/crypto/random_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace veilwire::crypto {

// Fills the whole span or does not return: a caller never sees half a nonce.
using RandomSource = std::function<void(std::span<std::uint8_t>)>;

// OpenSSL's generator, seeded by the kernel. Stops the process when it cannot be seeded.
RandomSource system_random();

std::string random_bytes(const RandomSource& random, std::size_t count);

}  // namespace veilwire::crypto
