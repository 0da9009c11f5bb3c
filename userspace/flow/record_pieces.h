// Cuts a long released text into pieces that fit a record each, and gives every mask to the piece
// that holds its start. Tested by tests/unit/flow/record_pieces_test.cpp.
#pragma once

#include "userspace/audit/record.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

struct RecordPiece {
  std::uint64_t offset = 0;  // of content in the body
  std::string content;       // at most limits::kRecordContent, cut where audit::next_cut says
  std::vector<audit::MaskedSpan> masks;
};

// masks: ordered by offset, which counts from the start of the body, as `offset` does. A mask that
// replaced something by nothing at the very end stays with the last piece.
std::vector<RecordPiece> record_pieces(std::uint64_t offset, std::string_view content,
                                       const std::vector<audit::MaskedSpan>& masks);

}  // namespace veilwire::flow
