// Responses as an upstream could send them, to three requests of which the first byte says the
// kind. See http1_reader.h for what is checked.
#include "tests/fuzz/http1_reader.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::wire;
  if (size == 0) return 0;
  ResponseReader reader;
  const bool expected = reader.expect({}) &&
                        reader.expect({.head = (data[0] & 1) != 0,
                                       .connect = (data[0] & 2) != 0,
                                       .upgrade = (data[0] & 4) != 0}) &&
                        reader.expect({});
  if (!expected) std::abort();
  check_cut(reader, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
