// A client sends the whole conversation again with every turn. Storing each request as it came
// would make the ledger grow with the square of the conversation; so a body is cut where its own
// bytes say (content-defined chunking), which puts the cuts of a resent part in the same places
// whatever was inserted before it, and equal pieces are stored once. Tested by
// tests/unit/audit/content_test.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace veilwire::audit {

// No piece but the last of a body is shorter: records of a few bytes would cost more than they
// save.
inline constexpr std::size_t kLeastPiece = 2 * 1024;

// Length of the next piece of a body whose not yet recorded bytes are rest: at most
// limits::kRecordContent, about 6 KiB on average, and never inside of a UTF-8 sequence. The answer
// depends on bytes of this piece alone, so that a body may also be cut while it arrives as long as
// rest holds more than limits::kRecordContent bytes or the body's end. 0 only for an empty rest.
std::size_t next_cut(std::string_view rest);

// Where the text of the member "content" or "content_base64" stands in canonical bytes, still
// escaped and without its quotes. nullopt when the record has none. Works on any bytes; only for
// canonical ones is the answer sure to be the member of the outermost object.
struct ContentRange {
  std::size_t offset = 0;
  std::size_t length = 0;
};
std::optional<ContentRange> find_content(std::string_view canonical);

}  // namespace veilwire::audit
