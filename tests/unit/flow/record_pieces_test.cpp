#include "userspace/flow/record_pieces.h"

#include "userspace/base/limits.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

TEST(RecordPieces, AreTheTextInOrderAndNoneIsTooLong) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "line " + std::to_string(i) + "\n";
  std::string joined;
  for (const RecordPiece& piece : record_pieces(100, text, {})) {
    EXPECT_EQ(piece.offset, 100 + joined.size());
    EXPECT_LE(piece.content.size(), limits::kRecordContent);
    joined += piece.content;
  }
  EXPECT_EQ(joined, text);
}

TEST(RecordPieces, GiveEachMaskToThePieceThatHoldsIt) {
  const std::string text(100000, 'x');
  std::vector<audit::MaskedSpan> masks(3);
  masks[0].offset = 0;
  masks[1].offset = 50000;
  masks[2].offset = 100000;  // replaced by nothing at the very end
  std::size_t seen = 0;
  for (const RecordPiece& piece : record_pieces(0, text, masks)) {
    for (const audit::MaskedSpan& mask : piece.masks) {
      EXPECT_GE(mask.offset, piece.offset);
      EXPECT_LE(mask.offset, piece.offset + piece.content.size());
      ++seen;
    }
  }
  EXPECT_EQ(seen, 3U);
}

TEST(RecordPieces, ShowAsterisksForCredentials) {
  const std::string text(100000, 'x');
  std::string joined;
  for (const RecordPiece& piece :
       record_pieces(10, text, {}, {{10, 3}, {20, 0}, {30000, 60000}, {100008, 2}}))
    joined += piece.content;
  std::string expected = text;
  std::fill_n(expected.begin(), 3, '*');
  std::fill_n(expected.begin() + 29990, 60000, '*');
  std::fill_n(expected.end() - 2, 2, '*');
  EXPECT_EQ(joined, expected);
}

TEST(RecordPieces, AnEmptyTextIsOnePiece) { EXPECT_EQ(record_pieces(5, "", {}).size(), 1U); }

}  // namespace
}  // namespace veilwire::flow
