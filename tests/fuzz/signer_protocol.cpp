// No bytes crash the decoders, and what they accept is encoded to what decodes to the same.
#include "agent/host/protocol/signer.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace protocol = veilwire::host::protocol;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto request = protocol::decode_signer_request(bytes)) {
    const auto again = protocol::encode(*request);
    if (!again || protocol::decode_signer_request(*again) != request) std::abort();
  }
  if (const auto reply = protocol::decode_signer_reply(bytes)) {
    const auto again = protocol::encode(*reply);
    if (!again || protocol::decode_signer_reply(*again) != reply) std::abort();
  }
  return 0;
}
