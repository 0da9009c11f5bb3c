#include "userspace/crypto/hkdf.h"

#include "userspace/crypto/encoding.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::crypto {
namespace {

std::string bytes(std::string_view hex) { return *hex_decode(hex); }
std::string hex(const Secret& secret) { return hex_encode(secret.reveal()); }

// first, first + 1, ..., last
std::string run(int first, int last) {
  std::string out;
  for (int i = first; i <= last; ++i) out.push_back(static_cast<char>(i));
  return out;
}

TEST(Hkdf, GivesWhatTheStandardGives) {  // RFC 5869, A.1 to A.3
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), run(0x00, 0x0c), run(0xf0, 0xf9), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(
      hex(hkdf_sha256(run(0x00, 0x4f), run(0x60, 0xaf), run(0xb0, 0xff), 82)),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
      "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), "", "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, AnotherUseIsAnotherKey) {
  const std::string key = bytes("00112233445566778899aabbccddeeff");
  EXPECT_NE(hex(hkdf_sha256(key, "", "one", 32)), hex(hkdf_sha256(key, "", "two", 32)));
  EXPECT_NE(hex(hkdf_sha256(key, "one", "", 32)), hex(hkdf_sha256(key, "", "one", 32)));
}

}  // namespace
}  // namespace veilwire::crypto
