// Both decoders of the delivery protocol: whatever comes in is refused or comes out of the encoder
// again.
#include "agent/host/protocol/delivery.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace protocol = veilwire::host::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  // A message that is longer than a socket takes is not one of ours.
  if (const auto request = protocol::decode_delivery_request(message)) {
    const auto again = protocol::encode(*request);
    if (again && *again != message) std::abort();
  }
  if (const auto answer = protocol::decode_delivery_answer(message)) {
    const auto again = protocol::encode(*answer);
    if (again && *again != message) std::abort();
  }
  return 0;
}
