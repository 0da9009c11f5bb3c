// RFC 4648 vectors, round trips over every length, and every spelling that strictness refuses.
#include "userspace/crypto/encoding.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::crypto {
namespace {

std::string all_octets() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TEST(Hex, IsLowerCaseAndReadsEitherCase) {
  EXPECT_EQ(hex_encode(std::string_view("\x00\x1f\xff", 3)), "001fff");
  EXPECT_EQ(hex_decode("001FfF"), std::string("\x00\x1f\xff", 3));
  EXPECT_EQ(hex_decode(hex_encode(all_octets())), all_octets());
  EXPECT_EQ(hex_decode(""), "");
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (const char* text : {"0", "0g", "g0", " 00", "0x00", "00 "})
    EXPECT_EQ(hex_decode(text), std::nullopt) << text;
  EXPECT_EQ(hex_decode(std::string_view("0\0", 2)), std::nullopt);
}

TEST(Base64, GivesTheTextsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, SurvivesARoundTripOfEveryLengthAndOctet) {
  const std::string bytes = all_octets();
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const std::string part = bytes.substr(bytes.size() - n);
    EXPECT_EQ(base64_decode(base64_encode(part)), part);
    EXPECT_EQ(base64url_decode(base64url_encode(part)), part);
  }
}

TEST(Base64, RefusesEverySecondSpelling) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "Zm9v=", "Zm9v====", "Zm 9v",
                           "Zm9v\n", "=", "====", "Z===", "Zg==Zg==", "-_-_"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

TEST(Base64Url, HasItsOwnAlphabetAndNoPadding) {
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe\xff"), "-__-_w");
  EXPECT_EQ(base64url_decode("-__-_w"), "\xfb\xff\xfe\xff");
  for (const char* text : {"-__-_w==", "+//+", "-__-_x", "A"})
    EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
}

}  // namespace
}  // namespace veilwire::crypto
