// Both decoders of the SAML protocol: whatever comes in is refused or comes out of the encoder
// again.
#include "agent/host/protocol/saml.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace protocol = veilwire::host::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (const auto question = protocol::decode_saml_question(message))
    if (protocol::encode(*question) != message) std::abort();
  if (const auto answer = protocol::decode_saml_answer(message)) {
    const auto again = protocol::encode(*answer);
    // A message that is longer than a socket takes is not one of ours.
    if (again && *again != message) std::abort();
  }
  return 0;
}
