#include "userspace/flow/masked_span.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace veilwire::flow {

audit::MaskedSpan span_of(const masking::Finding& finding) {
  return {.rule = finding.rule,
          .category = finding.category,
          .offset = 0,
          // A begin/end finding is masked before its end is known: its length is not.
          .length = finding.open ? 0 : finding.length,
          .digest = finding.digest,
          .action = finding.treatment == masking::Treatment::Block ? "block" : "mask",
          .released_length = 0};
}

void give(masking::EncodedOutput& output, Edited& out) {
  for (const masking::EncodedMask& mask : output.masks) {
    if (mask.finding.closes) continue;  // its mask has been released and reported
    audit::MaskedSpan span = span_of(mask.finding);
    span.offset = mask.offset + out.bytes.size();
    span.released_length = mask.replacement_length;
    if (output.blocked && &mask == &output.masks.back()) {
      out.blocked = std::move(span);
    } else {
      out.masks.push_back(std::move(span));
    }
  }
  std::ranges::move(output.originals, std::back_inserter(out.originals));
  out.bytes += output.raw;
  output.clear();
}

}  // namespace veilwire::flow
