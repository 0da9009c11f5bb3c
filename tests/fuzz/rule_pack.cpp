// Rule files: whatever is read is an error with a place, or a pack that compiles or says why not. A
// pack that compiles masks.
#include "userspace/masking/engine.h"

#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire;
  // ASCII only: toml++ 3.3 reaches an "unreachable" point at letters such as U+016A outside
  // strings.
  std::string text(reinterpret_cast<const char*>(data), size);
  for (char& c : text) c = static_cast<char>(c & 0x7f);
  auto pack = masking::parse_rule_pack(text, "fuzz");
  if (!pack) return 0;
  auto engine = masking::compile(
      {&*pack, 1}, [](const masking::Rule&) { return masking::Treatment::Mask; },
      Secret(std::string("key")));
  if (!engine) return 0;
  for (const masking::Rule& rule : pack->rules) {
    for (const std::string& example : rule.positive) (void)masking::mask_all(**engine, example);
  }
  (void)masking::mask_all(**engine, text);
  return 0;
}
