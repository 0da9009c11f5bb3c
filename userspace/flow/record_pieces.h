// Cuts a long released text into pieces that fit a record each, and gives every mask to the piece
// that holds its start. Tested by tests/unit/flow/record_pieces_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/limits.h"
#include "userspace/flow/body_editor.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace veilwire::flow {

struct RecordPiece {
  std::uint64_t offset = 0;  // of content in the body
  std::string content;       // cut where audit::next_cut says
  std::vector<audit::MaskedSpan> masks;
};

// masks, credentials: ordered by offset, which counts from the start of the body, as `offset` does.
// A mask that replaced something by nothing at the very end stays with the last piece. Asterisks
// stand for the bytes of credentials, one each. A piece has `least` bytes, unless it is the last,
// and at most limits::kRecordContent more.
std::vector<RecordPiece> record_pieces(std::uint64_t offset, std::string_view content,
                                       const std::vector<audit::MaskedSpan>& masks,
                                       const std::vector<Stretch>& credentials = {},
                                       std::size_t least = 0);

// The same as records of one kind (audit::RequestBody, audit::ResponseFragment), each given to put.
// A body that is sent again with every turn makes few long records, which share their text.
template <class Fragment, class Put>
void record_text(std::uint64_t offset, std::string_view content,
                 const std::vector<audit::MaskedSpan>& masks,
                 const std::vector<Stretch>& credentials, Put put) {
  constexpr std::size_t least =
      std::is_same_v<Fragment, audit::RequestBody> ? limits::kRequestRecord : 0;
  for (RecordPiece& piece : record_pieces(offset, content, masks, credentials, least))
    put(Fragment{piece.offset, std::move(piece.content), std::move(piece.masks)});
}

}  // namespace veilwire::flow
