#include "userspace/crypto/sealer.h"

#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::crypto {
namespace {

Sealer sealer(char c = 'k') { return *Sealer::make(Secret(std::string(kSealerKey, c))); }

RandomSource constant(std::uint8_t value) {
  return [value](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), value); };
}

TEST(Sealer, GivesBackWhatItHasSealed) {
  const std::string bytes = "tokens";
  const std::string sealed = sealer().seal(bytes, "a session", system_random());
  EXPECT_EQ(sealed.size(), bytes.size() + kSealOverhead);
  EXPECT_EQ(sealed.find(bytes), std::string::npos);
  const auto opened = sealer().open(sealed, "a session");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->reveal(), bytes);
  const auto empty = sealer().open(sealer().seal("", "", system_random()), "");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
}

// Test case 14 of the GCM specification (McGrew and Viega): key and nonce of zeros, sixteen zeros.
TEST(Sealer, SealsAsTheStandardSays) {
  const Sealer zeros = *Sealer::make(Secret(std::string(kSealerKey, '\0')));
  const std::string sealed = zeros.seal(std::string(16, '\0'), "", constant(0));
  EXPECT_EQ(hex_encode(sealed.substr(12)),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Sealer, TakesNothingThatIsNotWholeAndItsOwn) {
  const std::string sealed = sealer().seal("tokens", "a session", system_random());
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(sealer().open(changed, "a session")) << i;
    EXPECT_FALSE(sealer().open(sealed.substr(0, i), "a session")) << i;
  }
  EXPECT_FALSE(sealer().open(sealed + '\0', "a session"));
  EXPECT_FALSE(sealer().open(sealed, "another"));
  EXPECT_FALSE(sealer('l').open(sealed, "a session"));
}

TEST(Sealer, TheSameBytesLookDifferentEachTime) {
  EXPECT_NE(sealer().seal("tokens", "", system_random()),
            sealer().seal("tokens", "", system_random()));
}

TEST(Sealer, AKeyOfAnotherLengthIsNone) {
  EXPECT_FALSE(Sealer::make(Secret(std::string(kSealerKey - 1, 'k'))));
  EXPECT_FALSE(Sealer::make(Secret(std::string(kSealerKey + 1, 'k'))));
  EXPECT_FALSE(Sealer::make(Secret()));
}

}  // namespace
}  // namespace veilwire::crypto
