// What a host could send to a witness, and a witness to a host: any bytes are an error, or a batch
// and an answer that are written as they were read.
#include "userspace/evidence/witness_message.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::evidence;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto batch = parse_batch(bytes)) {
    BatchWriter again(batch->origin, batch->first);
    for (const std::string_view record : batch->records) {
      if (!again.add(record)) std::abort();
    }
    if (again.bytes() != bytes) std::abort();
  }
  if (const auto answer = parse_answer(bytes)) {
    const auto again = parse_answer(to_json(*answer));
    // A text with control characters is longer when it is written.
    if (again && (again->size != answer->size || again->record != answer->record)) std::abort();
  }
  return 0;
}
