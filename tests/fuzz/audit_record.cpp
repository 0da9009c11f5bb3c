// Records as a writer that was taken over could send them: parsing takes any bytes, what it accepts
// is stable under writing and parsing again, content is found inside of the bytes, and a head has
// one digest wherever it stands.
#include "userspace/audit/content.h"
#include "userspace/audit/head_digest.h"
#include "userspace/audit/parse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::audit;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto range = find_content(bytes)) {
    if (range->offset > size || range->length > size - range->offset) std::abort();
  }
  if (size > 0 && (next_cut(bytes) == 0 || next_cut(bytes) > size)) std::abort();
  if (const auto parsed = parse_record(bytes)) {
    const std::string once = canonical(parsed->record, parsed->writer, parsed->seq);
    const auto again = parse_record(once);
    if (!again || canonical(again->record, again->writer, again->seq) != once) std::abort();
    // The place of a record is not in it, whatever else is.
    if (head_digest(once) != head_digest(again->record)) std::abort();
  }
  return 0;
}
