// Requests as a client could send them. See http1_reader.h for what is checked.
#include "tests/fuzz/http1_reader.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::wire;
  check_cut(RequestReader(), {reinterpret_cast<const char*>(data), size});
  return 0;
}
