#include "userspace/flow/byte_text.h"

#include "tests/support/every_split.h"
#include "tests/unit/flow/editor_harness.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

std::string utf16(Charset charset, std::u16string_view text) {
  std::string bytes;
  for (const char16_t c : text) {
    const char high = static_cast<char>(c >> 8), low = static_cast<char>(c & 0xFF);
    bytes += charset == Charset::Utf16Le ? std::string{low, high} : std::string{high, low};
  }
  return bytes;
}

std::string ascii_of(std::string_view utf8) {
  std::string ascii;
  for (const char c : utf8)
    if (static_cast<unsigned char>(c) < 0x80) ascii += c;
  return ascii;
}
std::string ascii_of(Charset charset, std::string_view utf16) {
  std::string ascii;
  const std::size_t high = charset == Charset::Utf16Le ? 1 : 0;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2)
    if (utf16[i + high] == '\0') ascii += ascii_of(utf16.substr(i + 1 - high, 1));
  return ascii;
}

std::string apply(const testing::Pieces& pieces, Charset charset) {
  ByteText text(charset, engine());
  masking::Edits edits;
  std::string whole;
  for (const std::string_view piece : pieces) {
    text.feed(piece, edits);
    whole += piece;
  }
  text.finish(edits);
  std::string out;
  for (const masking::Edit& edit : edits.list) {
    out += edit.replaced ? edit.replacement : whole.substr(0, edit.consumed);
    whole.erase(0, edit.consumed);
  }
  return out + whole;
}

std::string guessed(std::string_view bytes) {
  const auto guess = guess_charset(bytes);
  if (!guess) return "no text";
  constexpr std::string_view kNames[] = {"ascii", "utf-16le", "utf-16be"};
  return std::string(kNames[static_cast<std::size_t>(guess->charset)]) +
         (guess->sure ? "" : " perhaps");
}

TEST(ByteText, IsMaskedInItsOwnEncodingOverEverySplit) {
  const std::u16string_view text =
      u"\uFEFFcl\u00E9: sk-Abcdefgh01234567, \u5BC6\u7801 pin = \"\u00E912\u20AC\" \U0001F511 "
      u"--BEGIN--\u00E9--END--.";
  const std::string expected = masked(
      "\xEF\xBB\xBF"
      "cl\xC3\xA9: sk-Abcdefgh01234567, \xE5\xAF\x86\xE7\xA0\x81 pin = "
      "\"\xC3\xA9"
      "12\xE2\x82\xAC\" \xF0\x9F\x94\x91 --BEGIN--\xC3\xA9--END--.");
  for (const Charset charset : {Charset::Utf16Le, Charset::Utf16Be}) {
    const std::string bytes = utf16(charset, text);
    const std::string out = apply({bytes}, charset);
    EXPECT_EQ(ascii_of(charset, out), ascii_of(expected));
    EXPECT_NE(out.find(utf16(charset, u"\U0001F511")), std::string::npos);
    testing::every_split(bytes,
                         [&](const testing::Pieces& pieces) { return apply(pieces, charset); });
    // A byte that is half a unit stays.
    EXPECT_EQ(apply({bytes + "x"}, charset), out + "x");
  }
}

TEST(ByteText, SaysWhatABeginningMayBe) {
  const std::string words(512, 'w');
  EXPECT_EQ(guessed(""), "ascii");
  EXPECT_EQ(guessed("text"), "ascii");
  EXPECT_EQ(guessed("caf\xE9"), "ascii perhaps");
  EXPECT_EQ(guessed("caf\xE9" + words), "ascii");
  EXPECT_EQ(guessed("%PDF-1.7\n"), "no text");
  EXPECT_EQ(guessed(std::string("\x89PNG\r\n\x1a\n", 8)), "no text");
  for (const Charset charset : {Charset::Utf16Le, Charset::Utf16Be}) {
    const std::string name = charset == Charset::Utf16Le ? "utf-16le" : "utf-16be";
    EXPECT_EQ(guessed(utf16(charset, u"text")), name + " perhaps");
    EXPECT_EQ(guessed(utf16(charset, u"\uFEFF\u5BC6\u7801\n")), name);
    EXPECT_EQ(guessed(utf16(charset, std::u16string(256, u'w'))), name);
    EXPECT_EQ(guessed(utf16(charset, u"a\xD800z\n")), "no text");
  }
  // Samples of sound, and a run of small numbers.
  EXPECT_EQ(guessed(std::string("RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\1\0", 22)), "no text");
  EXPECT_EQ(guessed(std::string("\1\0\2\0\3\0", 6)), "no text");
}

}  // namespace
}  // namespace veilwire::flow
