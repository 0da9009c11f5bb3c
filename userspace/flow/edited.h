// A piece of output on its way from a masker to the client: bytes with the masks that stand in
// them.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/body_editor.h"
#include "userspace/masking/encoded_text.h"

#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::flow {

struct Edited {
  std::string bytes;
  std::vector<Stretch> credentials;          // as Released::credentials, from the start of bytes
  std::vector<audit::MaskedSpan> masks;      // offsets count from the start of bytes
  std::vector<masking::Original> originals;  // what the masks stand for, in order
  std::optional<audit::MaskedSpan> blocked;  // set: nothing behind the end of bytes may be released

  void append(std::string_view raw) { bytes += raw; }
  void append(Edited&& other) {
    for (audit::MaskedSpan& mask : other.masks) {
      mask.offset += bytes.size();
      masks.push_back(std::move(mask));
    }
    for (const Stretch& s : other.credentials)
      credentials.push_back({s.offset + bytes.size(), s.size});
    originals.insert(originals.end(), std::make_move_iterator(other.originals.begin()),
                     std::make_move_iterator(other.originals.end()));
    if (other.blocked && !blocked) {
      blocked = std::move(other.blocked);
      blocked->offset += bytes.size();
    }
    bytes += other.bytes;
  }
};

}  // namespace veilwire::flow
