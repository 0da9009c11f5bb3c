// Coded bodies: nothing decodes beyond its limits, and whatever decodes survives being coded again.
// The first byte chooses the codings.
#include "userspace/wire/content_coding.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::wire;
  if (size == 0) return 0;
  std::vector<Coding> codings = {static_cast<Coding>(data[0] & 3)};
  if ((data[0] & 16) != 0) codings.push_back(static_cast<Coding>((data[0] >> 2) & 3));
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);

  constexpr std::size_t kSize = 1 << 20;
  auto decoder = Decoder::make(codings, {.size = kSize, .always = 1 << 16});
  std::string plain;
  if (!decoder->feed(input, plain)) {
    // A step's room may be produced before the limit is seen.
    if (plain.size() > kSize + (1 << 16)) std::abort();
    return 0;
  }
  if (!decoder->finish()) return 0;

  auto encoder = Encoder::make(codings);
  std::string coded;
  std::string again;
  if (!encoder->feed(plain, coded) || !encoder->finish(coded)) std::abort();
  auto second = Decoder::make(codings, {.size = kSize, .ratio = kSize});
  if (!second->feed(coded, again) || !second->finish() || again != plain) std::abort();
  return 0;
}
