// Messages of the recorder's protocol as any local process could send them: decoding takes any
// bytes, and what it accepts is within the bounds that the header states.
#include "agent/host/protocol/recorder.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::host::protocol;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto hello = decode_hello(bytes); hello && encode(*hello) != bytes) std::abort();
  if (const auto ack = decode_ack(bytes); ack && encode(*ack) != bytes) std::abort();
  if (const auto append = decode_append(bytes)) {
    if (append->piece.size() > append->total - append->offset || append->total > kRecorderRecord)
      std::abort();
    std::string again;
    encode(*append, again);
    if (again != bytes) std::abort();
  }
  return 0;
}
