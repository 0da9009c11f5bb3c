#include "userspace/identity/pkce.h"

#include "tests/unit/identity/oidc_fixtures.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

TEST(Pkce, ChallengeIsRfc7636AppendixBs) {
  EXPECT_EQ(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(Pkce, VerifierIsTheBytesOfAppendixBAsText) {
  const std::uint8_t octets[] = {116, 24,  223, 180, 151, 153, 224, 37,  79,  250, 96,
                                 125, 216, 173, 187, 186, 22,  212, 37,  77,  105, 214,
                                 191, 240, 91,  88,  5,   88,  83,  132, 141, 121};
  const std::string text = random_text(
      [&](std::span<std::uint8_t> out) { std::copy_n(octets, out.size(), out.begin()); });
  EXPECT_EQ(text, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST(Pkce, VerifierIsAnotherEachTime) {
  const auto random = counting();
  EXPECT_NE(random_text(random), random_text(random));
}

}  // namespace
}  // namespace veilwire::identity
