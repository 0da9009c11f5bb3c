// Findings as the audit wants them. Tested through the editors.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/edited.h"
#include "userspace/masking/encoded_text.h"
#include "userspace/masking/finding.h"

namespace veilwire::flow {

// offset and released_length are the caller's to set.
audit::MaskedSpan span_of(const masking::Finding& finding);

// Moves what a masker gave to the end of out, and clears it.
void give(masking::EncodedOutput& output, Edited& out);

}  // namespace veilwire::flow
