// No bytes crash the decoders, and what they accept is encoded to what decodes to the same.
#include "agent/host/protocol/credentials.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace protocol = veilwire::host::protocol;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // There is one encoding of each message.
  if (const auto question = protocol::decode_credential_question(bytes))
    if (protocol::encode(*question) != bytes) std::abort();
  if (const auto answer = protocol::decode_credential_answer(bytes))
    if (protocol::encode(*answer) != bytes) std::abort();
  return 0;
}
