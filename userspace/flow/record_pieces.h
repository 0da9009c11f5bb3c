// Cuts a long released text into pieces that fit a record each, and gives every mask to the piece
// that holds its start. Tested by tests/unit/flow/record_pieces_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/body_editor.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::flow {

struct RecordPiece {
  std::uint64_t offset = 0;  // of content in the body
  std::string content;       // at most limits::kRecordContent, cut where audit::next_cut says
  std::vector<audit::MaskedSpan> masks;
};

// masks, credentials: ordered by offset, which counts from the start of the body, as `offset` does.
// A mask that replaced something by nothing at the very end stays with the last piece. Asterisks
// stand for the bytes of credentials, one each.
std::vector<RecordPiece> record_pieces(std::uint64_t offset, std::string_view content,
                                       const std::vector<audit::MaskedSpan>& masks,
                                       const std::vector<Stretch>& credentials = {});

// The same as records of one kind (audit::RequestBody, audit::ResponseFragment), each given to put.
template <class Fragment, class Put>
void record_text(std::uint64_t offset, std::string_view content,
                 const std::vector<audit::MaskedSpan>& masks,
                 const std::vector<Stretch>& credentials, Put put) {
  for (RecordPiece& piece : record_pieces(offset, content, masks, credentials))
    put(Fragment{piece.offset, std::move(piece.content), std::move(piece.masks)});
}

}  // namespace veilwire::flow
