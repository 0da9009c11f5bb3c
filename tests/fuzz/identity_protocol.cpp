// Both decoders of the identity protocol: whatever comes in is refused or comes out of the encoder
// again.
#include "agent/host/protocol/identity.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace protocol = veilwire::host::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (const auto question = protocol::decode_identity_question(message)) {
    if (protocol::encode(*question).size() != size) std::abort();
  }
  if (const auto word = protocol::decode_identity_word(message, veilwire::Monotonic{})) {
    if (const auto* answer = std::get_if<protocol::IdentityAnswer>(&*word)) {
      const auto again = protocol::encode(*answer);
      if (!again || *again != message) std::abort();
    } else if (protocol::encode(std::get<protocol::IdentityChanged>(*word)) != message) {
      std::abort();
    }
  }
  return 0;
}
