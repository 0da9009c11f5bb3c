// No bytes crash the parser, and an answer stays the same however the bytes arrive: what a prefix
// decides, more bytes do not change.
#include "userspace/wire/client_hello.h"

#include "userspace/wire/host_name.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using veilwire::wire::Peek;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = veilwire::wire::peek_client_hello(bytes);
  if (whole.peek == Peek::Tls && !whole.hello.server_name.empty() &&
      !veilwire::wire::is_host_name(whole.hello.server_name))
    std::abort();
  for (const std::size_t cut : {size / 2, size / 3, size - size / 8}) {
    const auto part = veilwire::wire::peek_client_hello(bytes.substr(0, cut));
    if (part.peek != Peek::NeedMore && part != whole) std::abort();
  }
  return 0;
}
