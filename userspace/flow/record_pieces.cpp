#include "userspace/flow/record_pieces.h"

#include "userspace/audit/content.h"

#include <algorithm>

namespace veilwire::flow {
namespace {

void hide(const Stretch& credential, RecordPiece& piece) {
  const std::uint64_t begin = std::max(credential.offset, piece.offset);
  const std::uint64_t end =
      std::min(credential.offset + credential.size, piece.offset + piece.content.size());
  if (begin < end)
    std::fill_n(piece.content.begin() + static_cast<std::ptrdiff_t>(begin - piece.offset),
                end - begin, '*');
}

}  // namespace

std::vector<RecordPiece> record_pieces(std::uint64_t offset, std::string_view content,
                                       const std::vector<audit::MaskedSpan>& masks,
                                       const std::vector<Stretch>& credentials, std::size_t least) {
  std::vector<RecordPiece> pieces;
  std::size_t next_mask = 0;
  do {
    std::size_t size = audit::next_cut(content);
    while (size < least && size < content.size()) size += audit::next_cut(content.substr(size));
    RecordPiece piece{offset, std::string(content.substr(0, size)), {}};
    content.remove_prefix(size);
    offset += size;
    while (next_mask < masks.size() && (content.empty() || masks[next_mask].offset < offset))
      piece.masks.push_back(masks[next_mask++]);
    for (const Stretch& credential : credentials) hide(credential, piece);
    pieces.push_back(std::move(piece));
  } while (!content.empty());
  return pieces;
}

}  // namespace veilwire::flow
