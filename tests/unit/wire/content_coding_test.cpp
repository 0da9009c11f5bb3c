// Content codings: vectors of other programs, every split, flushes, bombs, and what is refused at
// the end.
#include "userspace/wire/content_coding.h"

#include "tests/support/every_split.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using testing::every_split;
using testing::Pieces;

constexpr std::string_view kPlain = "hello, hello, hello world\n";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// Of Python's gzip and zlib modules and of the brotli and zstd programs, all from kPlain.
const std::string kGzip =
    from_hex("1f8b0800000000000203cb48cdc9c9d751c840a214caf38b7252b800875d462b1a000000");
const std::string kZlib = from_hex("789ccb48cdc9c9d751c840a214caf38b7252b8007dae0927");
const std::string kRaw = from_hex("cb48cdc9c9d751c840a214caf38b7252b800");
const std::string kBrotli =
    from_hex("2164000468656c6c6f2c2068656c6c6f2c2068656c6c6f20776f726c640a03");
const std::string kZstd =
    from_hex("28b52ffd241aa500007068656c6c6f2c2020776f726c640a0100e28a111cd5e7a0");

// The decoded text, or what came before the error and its name.
std::string decode(const Pieces& pieces, const std::vector<Coding>& codings,
                   DecodeLimits limits = {}) {
  auto decoder = Decoder::make(codings, limits);
  EXPECT_TRUE(decoder);
  std::string out;
  for (const std::string_view piece : pieces) {
    if (const auto fed = decoder->feed(piece, out); !fed)
      return "error: " + std::string(to_string(fed.error()));
  }
  if (const auto ended = decoder->finish(); !ended)
    return "error: " + std::string(to_string(ended.error()));
  return out;
}

std::string decoded(std::string_view coded, const std::vector<Coding>& codings) {
  every_split(coded, [&](const Pieces& pieces) { return decode(pieces, codings); });
  return decode({coded}, codings);
}

std::string encode(std::string_view plain, const std::vector<Coding>& codings) {
  auto encoder = Encoder::make(codings);
  EXPECT_TRUE(encoder);
  std::string out;
  EXPECT_TRUE(encoder->feed(plain, out));
  EXPECT_TRUE(encoder->finish(out));
  return out;
}

const std::vector<std::vector<Coding>>& all_codings() {
  static const std::vector<std::vector<Coding>> all = {
      {},
      {Coding::Gzip},
      {Coding::Deflate},
      {Coding::Brotli},
      {Coding::Zstd},
      {Coding::Gzip, Coding::Brotli},
      {Coding::Zstd, Coding::Deflate},
  };
  return all;
}

TEST(Decoder, ReadsWhatOtherProgramsWrite) {
  EXPECT_EQ(decoded(kGzip, {Coding::Gzip}), kPlain);
  EXPECT_EQ(decoded(kZlib, {Coding::Deflate}), kPlain);
  EXPECT_EQ(decoded(kRaw, {Coding::Deflate}), kPlain);
  EXPECT_EQ(decoded(kBrotli, {Coding::Brotli}), kPlain);
  EXPECT_EQ(decoded(kZstd, {Coding::Zstd}), kPlain);
  EXPECT_EQ(decoded(kPlain, {}), kPlain);
}

TEST(Decoder, JoinsGzipMembersAndZstdFrames) {
  EXPECT_EQ(decoded(kGzip + kGzip, {Coding::Gzip}), std::string(kPlain) + std::string(kPlain));
  EXPECT_EQ(decoded(kZstd + kZstd, {Coding::Zstd}), std::string(kPlain) + std::string(kPlain));
  const std::string skippable = from_hex("502a4d1803000000616263");
  EXPECT_EQ(decoded(kZstd + skippable + kZstd, {Coding::Zstd}),
            std::string(kPlain) + std::string(kPlain));
}

TEST(Decoder, RefusesBytesBehindTheEnd) {
  for (const std::string& tail :
       {std::string("x"), std::string(1, '\0'), std::string("trailing")}) {
    EXPECT_EQ(decoded(kGzip + tail, {Coding::Gzip}), "error: bytes behind the end");
  }
  EXPECT_EQ(decoded(kZlib + "x", {Coding::Deflate}), "error: bytes behind the end");
  EXPECT_EQ(decoded(kRaw + "x", {Coding::Deflate}), "error: bytes behind the end");
  EXPECT_EQ(decoded(kZlib + kZlib, {Coding::Deflate}), "error: bytes behind the end");
  EXPECT_EQ(decoded(kBrotli + "x", {Coding::Brotli}), "error: bytes behind the end");
  EXPECT_EQ(decoded(kBrotli + kBrotli, {Coding::Brotli}), "error: bytes behind the end");
  EXPECT_EQ(decoded(kZstd + "trailing", {Coding::Zstd}), "error: bytes behind the end");
  EXPECT_EQ(decoded(from_hex("0300") + "x", {Coding::Deflate}), "error: bytes behind the end");
}

TEST(Decoder, RefusesATruncatedBodyAtEveryPlace) {
  const std::vector<std::pair<std::string, Coding>> coded = {{kGzip, Coding::Gzip},
                                                             {kZlib, Coding::Deflate},
                                                             {kRaw, Coding::Deflate},
                                                             {kBrotli, Coding::Brotli},
                                                             {kZstd, Coding::Zstd}};
  for (const auto& [bytes, coding] : coded) {
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      EXPECT_EQ(decode({std::string_view(bytes).substr(0, size)}, {coding}), "error: ended early")
          << to_string(coding) << " " << size;
    }
  }
}

TEST(Decoder, TakesABodyWithoutBytesForComplete) {
  for (const auto& codings : all_codings()) EXPECT_EQ(decode({}, codings), "");
}

TEST(Decoder, RefusesCorruptBytes) {
  EXPECT_EQ(decoded("this is not coded", {Coding::Gzip}), "error: corrupt");
  EXPECT_EQ(decoded("\x78\x9cthis is not coded", {Coding::Deflate}), "error: corrupt");
  EXPECT_EQ(decoded("this is not coded", {Coding::Zstd}), "error: corrupt");
  EXPECT_EQ(decode({std::string(20, '\xff')}, {Coding::Brotli}), "error: corrupt");
  std::string wrong_sum = kGzip;
  wrong_sum[wrong_sum.size() - 5] ^= 1;
  EXPECT_EQ(decoded(wrong_sum, {Coding::Gzip}), "error: corrupt");
  wrong_sum = kZlib;
  wrong_sum.back() ^= 1;
  EXPECT_EQ(decoded(wrong_sum, {Coding::Deflate}), "error: corrupt");
}

TEST(Decoder, RefusesAZstdWindowOverEightMegabytes) {
  EXPECT_EQ(
      decoded(
          from_hex(
              "28b52ffd0470e500007068656c6c6f2c2020776f726c640a0400d49e1440066c72465c3102ba3a0d33"),
          {Coding::Zstd}),
      "error: window too large");
}

TEST(Decoder, BoundsTheDecodedSize) {
  const std::string plain(200'000, 'a');
  for (const auto& codings : all_codings()) {
    const std::string coded = encode(plain, codings);
    EXPECT_EQ(decode({coded}, codings, {.size = plain.size()}), plain);
    if (codings.empty()) continue;
    EXPECT_EQ(decode({coded}, codings, {.size = plain.size() - 1}),
              "error: decoded size too large");
  }
}

TEST(Decoder, BoundsTheRatio) {
  const std::string plain(3'000'000, 'a');
  for (const Coding coding : {Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd}) {
    const std::string coded = encode(plain, {coding});
    ASSERT_GT(plain.size() / coded.size(), limits::kCodingRatio);
    EXPECT_EQ(decode({coded}, {coding}), "error: decoded size out of proportion");
  }
  const std::vector<Coding> twice = {Coding::Gzip, Coding::Gzip};
  EXPECT_EQ(decode({encode(plain, twice)}, twice), "error: decoded size out of proportion");
}

TEST(Decoder, StopsABombAsSoonAsItIsOne) {
  for (const Coding coding : {Coding::Gzip, Coding::Brotli, Coding::Zstd}) {
    const std::string coded = encode(std::string(50'000'000, 'a'), {coding});
    auto decoder = Decoder::make({coding});
    std::string out;
    std::size_t at = 0;
    while (at < coded.size() && decoder->feed(std::string_view(coded).substr(at, 1024), out))
      at += 1024;
    EXPECT_LT(at, coded.size()) << to_string(coding);
    EXPECT_LT(out.size(), std::size_t{2'000'000}) << to_string(coding);
  }
}

TEST(Decoder, LetsWhatRepeatsItselfThroughWhereItIsShort) {
  const std::string plain(limits::kDecodedAlways, ' ');
  EXPECT_EQ(decode({encode(plain, {Coding::Gzip})}, {Coding::Gzip}), plain);
}

TEST(Encoder, WritesWhatTheDecoderReads) {
  std::string plain;
  for (int i = 0; i < 3000; ++i) plain += "line " + std::to_string(i * 7919 % 1000) + "\n";
  for (const auto& codings : all_codings()) {
    const std::string coded = encode(plain, codings);
    EXPECT_EQ(decode({coded}, codings), plain);
    if (!codings.empty()) {
      EXPECT_LT(coded.size(), plain.size());
    }
  }
}

TEST(Encoder, EachStepCanBeDecodedAtOnce) {
  for (const auto& codings : all_codings()) {
    auto encoder = Encoder::make(codings);
    auto decoder = Decoder::make(codings);
    ASSERT_TRUE(encoder);
    ASSERT_TRUE(decoder);
    std::string plain;
    for (int i = 0; i < 50; ++i) {
      const std::string event = "event: ping\ndata: {\"n\":" + std::to_string(i) + "}\n\n";
      std::string coded;
      ASSERT_TRUE(encoder->feed(event, coded));
      ASSERT_TRUE(encoder->feed("", coded));
      std::string back;
      ASSERT_TRUE(decoder->feed(coded, back));
      EXPECT_EQ(back, event);
    }
    if (!codings.empty()) {
      EXPECT_FALSE(decoder->finish());
    }
    std::string coded;
    ASSERT_TRUE(encoder->finish(coded));
    std::string back;
    ASSERT_TRUE(decoder->feed(coded, back));
    EXPECT_EQ(back, "");
    EXPECT_TRUE(decoder->finish());
  }
}

TEST(Encoder, WritesLargeIncompressibleInput) {
  std::string plain;
  std::uint32_t state = 1;
  for (int i = 0; i < 300'000; ++i) {
    state = state * 1664525 + 1013904223;
    plain += static_cast<char>(state >> 24);
  }
  for (const auto& codings : all_codings())
    EXPECT_EQ(decode({encode(plain, codings)}, codings), plain);
}

TEST(Encoder, AnEmptyBodyIsAValidStream) {
  for (const auto& codings : all_codings()) {
    const std::string coded = encode("", codings);
    EXPECT_EQ(decoded(coded, codings), "");
    EXPECT_EQ(coded.empty(), codings.empty());
  }
}

TEST(ReadCodings, KnowsTheRegisteredNames) {
  using List = std::vector<Coding>;
  EXPECT_EQ(*read_codings({}), List{});
  EXPECT_EQ(*read_codings({"identity"}), List{});
  EXPECT_EQ(*read_codings({"X-GZip"}), List{Coding::Gzip});
  EXPECT_EQ(*read_codings({"gzip", "identity", "BR"}), (List{Coding::Gzip, Coding::Brotli}));
  EXPECT_EQ(*read_codings({"zstd", "deflate"}), (List{Coding::Zstd, Coding::Deflate}));
  EXPECT_EQ(read_codings({"compress"}).error(), CodingError::Unknown);
  EXPECT_EQ(read_codings({"gzip;q=1"}).error(), CodingError::Unknown);
  EXPECT_EQ(read_codings({"gzip", "gzip", "gzip"}).error(), CodingError::TooMany);
  EXPECT_EQ(Decoder::make({Coding::Gzip, Coding::Gzip, Coding::Gzip}).error(),
            CodingError::TooMany);
  EXPECT_EQ(Encoder::make({Coding::Gzip, Coding::Gzip, Coding::Gzip}).error(),
            CodingError::TooMany);
}

}  // namespace
}  // namespace veilwire::wire
