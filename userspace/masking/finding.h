// What the masking engine reports. Offsets count bytes of the decoded text of one stream, from its
// start.
#pragma once

#include <cstdint>
#include <string>

namespace veilwire::masking {

// What a policy wants done with the findings of one rule. Ignored rules take no part in the search
// at all, so that they cannot shadow a rule that matters.
enum class Treatment : std::uint8_t { Ignore, Mask, Block };

struct Finding {
  std::string rule;      // rule id, as in the pack
  std::string category;  // secret, pii, or the pack's own
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // of the original
  std::string digest;  // keyed (HMAC with the site key), lower-case hex, 16 characters: never the
                       // secret, never a bare hash
  Treatment treatment = Treatment::Mask;
  // A begin/end rule reports its finding twice: open, when its begin is certain (length: what is
  // masked so far), and once more with closes set and the same offset and digest when its end is
  // known. The digest is that of its begin.
  bool open = false;
  bool closes = false;
  friend bool operator==(const Finding&, const Finding&) = default;
};

}  // namespace veilwire::masking
