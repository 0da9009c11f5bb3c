#include "userspace/sealing/body.h"

#include "tests/support/every_split.h"
#include "tests/unit/sealing/body_oracle.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::sealing {
namespace {

using namespace testing;

const std::string kBytes = "0123456789abcdef0123456789ABCDEF";
const BodyIdentity kBody{"host", "writer", "session", 3, BodyDirection::Response};
const crypto::Digest kHeader = crypto::sha256("a head");

SessionKey key() { return *SessionKey::from_bytes(Secret(std::string(kBytes))); }
BodySealer sealer() { return {key(), kBody, kHeader}; }
BodyOpener opener() { return {key(), kBody, kHeader}; }

// Bytes that no other place has.
std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

std::vector<Chunk> seal(const veilwire::testing::Pieces& pieces) {
  BodySealer body = sealer();
  std::vector<Chunk> chunks;
  for (const std::string_view piece : pieces)
    for (Chunk& chunk : body.write(piece)) chunks.push_back(std::move(chunk));
  chunks.push_back(body.finish());
  return chunks;
}

// What opens before the first error, and the error.
struct Opened {
  std::string text;
  std::optional<SealingError> error;
  friend bool operator==(const Opened&, const Opened&) = default;
};
Opened open(const std::vector<Chunk>& chunks, BodyOpener body = opener()) {
  Opened opened;
  for (const Chunk& chunk : chunks) {
    const auto text = body.open(chunk);
    if (!text) {
      opened.error = text.error();
      EXPECT_EQ(body.finish().error(), text.error());
      return opened;
    }
    opened.text += text->reveal();
  }
  if (const auto whole = body.finish(); !whole) opened.error = whole.error();
  return opened;
}

TEST(SealedBody, IsTheSameHoweverItsTextIsCut) {
  veilwire::testing::every_split("", seal);
  veilwire::testing::every_split(text_of(1), seal);
  veilwire::testing::every_split(text_of(300), seal);
}

TEST(SealedBody, IsWhatTheFormatSaysAndOpensAtEveryLength) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kChunkText - 1, kChunkText, kChunkText + 1,
        2 * kChunkText - 1, 2 * kChunkText, 2 * kChunkText + 1, 3 * kChunkText + 5}) {
    const std::string text = text_of(size);
    const std::vector<Chunk> expected = oracle_body(kBytes, kBody, kHeader, text);
    for (const std::size_t step : {std::size_t{1} + size / 5, std::size_t{4093}, kChunkText - 1,
                                   kChunkText, kChunkText + 1, size + 1}) {
      veilwire::testing::Pieces pieces;
      for (std::size_t i = 0; i < size; i += step)
        pieces.push_back(std::string_view(text).substr(i, step));
      EXPECT_EQ(seal(pieces), expected) << size << " by " << step;
    }
    EXPECT_EQ(open(expected), (Opened{text, {}})) << size;
  }
}

TEST(SealedBody, IsTheSameWhereverACutStandsNearAChunksEnd) {
  const std::string text = text_of(kChunkText + 20);
  const std::vector<Chunk> expected = oracle_body(kBytes, kBody, kHeader, text);
  for (std::size_t cut = kChunkText - 20; cut <= text.size(); ++cut)
    EXPECT_EQ(seal({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}),
              expected)
        << cut;
}

TEST(SealedBody, ThatPausesIsSealedAsFarAsItHasCome) {
  BodySealer body = sealer();
  std::vector<Chunk> chunks;
  EXPECT_FALSE(body.flush());
  for (const char* piece : {"one", "two"}) {
    EXPECT_TRUE(body.write(piece).empty());
    chunks.push_back(*body.flush());
    EXPECT_FALSE(body.flush());
  }
  EXPECT_EQ(open(chunks), (Opened{"onetwo", SealingError::Unfinished}));
  chunks.push_back(body.finish());
  EXPECT_EQ(open(chunks), (Opened{"onetwo", {}}));
  EXPECT_EQ(chunks, (std::vector{oracle_chunk(kBytes, kBody, kHeader, 0, false, "one"),
                                 oracle_chunk(kBytes, kBody, kHeader, 1, false, "two"),
                                 oracle_chunk(kBytes, kBody, kHeader, 2, true, "")}));
}

// Four chunks of a few bytes, the last one too.
std::vector<Chunk> small_body() {
  BodySealer body = sealer();
  std::vector<Chunk> chunks;
  for (const char* piece : {"zero", "one", "two"}) {
    (void)body.write(piece);
    chunks.push_back(*body.flush());
  }
  (void)body.write("three");
  chunks.push_back(body.finish());
  return chunks;
}
const std::vector<std::string> kBefore = {"", "zero", "zeroone", "zeroonetwo", "zeroonetwothree"};

TEST(SealedBody, OpensNothingFromAChangedByteOn) {
  const std::vector<Chunk> body = small_body();
  for (std::size_t at = 0; at < body.size(); ++at)
    for (std::size_t i = 0; i < body[at].bytes.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        std::vector<Chunk> changed = body;
        changed[at].bytes[i] = static_cast<char>(changed[at].bytes[i] ^ (1 << bit));
        EXPECT_EQ(open(changed), (Opened{kBefore[at], SealingError::Changed})) << at << ' ' << i;
      }
}

TEST(SealedBody, OpensNoChunkThatIsCutOrLengthened) {
  const std::vector<Chunk> body = small_body();
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (std::size_t size = 0; size < body[at].bytes.size(); ++size) {
      std::vector<Chunk> cut = body;
      cut[at].bytes.resize(size);
      const bool too_short = size < kChunkTag || (size == kChunkTag && at != 3);
      EXPECT_EQ(open(cut),
                (Opened{kBefore[at], too_short ? SealingError::BadLength : SealingError::Changed}))
          << at << ' ' << size;
    }
    std::vector<Chunk> longer = body;
    longer[at].bytes.push_back('\0');
    EXPECT_EQ(open(longer), (Opened{kBefore[at], SealingError::Changed}));
    longer[at].bytes.resize(kChunkText + kChunkTag + 1);
    EXPECT_EQ(open(longer), (Opened{kBefore[at], SealingError::BadLength}));
  }
  // Nothing that a sealer writes, with the right key or not.
  EXPECT_EQ(open({oracle_chunk(kBytes, kBody, kHeader, 0, false, "")}),
            (Opened{"", SealingError::BadLength}));
}

TEST(SealedBody, ThatIsCutOffIsUnfinished) {
  std::vector<Chunk> body = small_body();
  while (!body.empty()) {
    body.pop_back();
    EXPECT_EQ(open(body), (Opened{kBefore[body.size()], SealingError::Unfinished}));
    if (body.empty()) break;
    // Nor does one of its chunks pass for the last.
    std::vector<Chunk> ended = body;
    ended.back().last = true;
    EXPECT_EQ(open(ended), (Opened{kBefore[body.size() - 1], SealingError::Changed}));
  }
}

TEST(SealedBody, OpensInItsOrderOnly) {
  const std::vector<Chunk> body = small_body();
  std::vector<std::size_t> order = {0, 1, 2, 3};
  while (std::next_permutation(order.begin(), order.end())) {
    std::vector<Chunk> shown, renumbered;
    for (const std::size_t i : order) shown.push_back(body[i]);
    renumbered = shown;
    for (std::size_t i = 0; i < renumbered.size(); ++i) renumbered[i].index = i;
    std::size_t good = 0;
    while (order[good] == good) ++good;
    EXPECT_EQ(open(shown), (Opened{kBefore[good], SealingError::OutOfOrder}));
    EXPECT_EQ(open(renumbered), (Opened{kBefore[good], SealingError::Changed}));
  }
  for (std::size_t i = 0; i < body.size(); ++i) {
    std::vector<Chunk> twice = body, without = body;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), body[i]);
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(open(twice).error, i == 3 ? SealingError::AfterLast : SealingError::OutOfOrder);
    EXPECT_EQ(open(without).error, i == 3 ? SealingError::Unfinished : SealingError::OutOfOrder);
  }
}

TEST(SealedBody, EndsWithItsLastChunk) {
  std::vector<Chunk> body = small_body();
  body.push_back(oracle_chunk(kBytes, kBody, kHeader, 4, true, "four"));
  EXPECT_EQ(open(body), (Opened{kBefore[4], SealingError::AfterLast}));
  body = small_body();
  body[3].last = false;
  EXPECT_EQ(open(body), (Opened{kBefore[3], SealingError::Changed}));
}

TEST(SealedBody, OpensUnderItsOwnKeyIdentityAndHeaderOnly) {
  const std::vector<Chunk> body = small_body();
  const Opened refused{"", SealingError::Changed};
  EXPECT_EQ(open(body, BodyOpener(key(), kBody, crypto::sha256("another head"))), refused);
  EXPECT_EQ(
      open(body, BodyOpener(*SessionKey::from_bytes(Secret(std::string(32, 'x'))), kBody, kHeader)),
      refused);
  for (std::size_t i = 0; i < 5; ++i) {
    BodyIdentity other = kBody;
    if (i == 0) other.host = "other";
    if (i == 1) other.writer = "other";
    if (i == 2) other.session = "other";
    if (i == 3) ++other.exchange;
    if (i == 4) other.direction = BodyDirection::Request;
    EXPECT_EQ(open(body, BodyOpener(key(), other, kHeader)), refused) << i;
  }
}

TEST(SealedBody, OpensNothingAfterAnError) {
  std::vector<Chunk> body = small_body();
  BodyOpener opening = opener();
  EXPECT_EQ(opening.open(body[1]).error(), SealingError::OutOfOrder);
  EXPECT_EQ(opening.open(body[0]).error(), SealingError::OutOfOrder);
  EXPECT_EQ(opening.finish().error(), SealingError::OutOfOrder);
}

TEST(SealedBodyDeathTest, TakesNothingAfterItsEnd) {
  BodySealer body = sealer();
  (void)body.finish();
  EXPECT_DEATH((void)body.finish(), "");
  EXPECT_DEATH((void)body.write("more"), "");
}

}  // namespace
}  // namespace veilwire::sealing
