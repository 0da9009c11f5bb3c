#include "userspace/flow/record_pieces.h"

#include "userspace/audit/content.h"

namespace veilwire::flow {
std::vector<RecordPiece> record_pieces(std::uint64_t offset, std::string_view content,
                                       const std::vector<audit::MaskedSpan>& masks) {
  std::vector<RecordPiece> pieces;
  std::size_t next_mask = 0;
  do {
    const std::size_t size = audit::next_cut(content);
    RecordPiece piece{offset, std::string(content.substr(0, size)), {}};
    content.remove_prefix(size);
    offset += size;
    while (next_mask < masks.size() && (content.empty() || masks[next_mask].offset < offset))
      piece.masks.push_back(masks[next_mask++]);
    pieces.push_back(std::move(piece));
  } while (!content.empty());
  return pieces;
}

}  // namespace veilwire::flow
