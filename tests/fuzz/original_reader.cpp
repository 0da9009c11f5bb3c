// Records as a host that wrote its ledger anew could show them to an auditor, a line each: whatever
// they are, what opens is a beginning of the one body that was sealed, and a body without a problem
// is all of it. The corpus has that body; records that are made up have no key.
#include "userspace/evidence/original_reader.h"

#include "userspace/audit/head_digest.h"
#include "userspace/crypto/encoding.h"
#include "userspace/sealing/body.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;

constexpr std::string_view kText = "zeroonetwo";

sealing::SessionKey key() {
  return *sealing::SessionKey::from_bytes(Secret(std::string(sealing::kSessionKey, 'k')));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text;
  evidence::OriginalReader reader(
      [](const sealing::WrappedKey&) -> Result<sealing::SessionKey, sealing::SealingError> {
        return key();
      },
      [&](const evidence::OriginalBody&, std::string_view piece) { text += piece; });
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (const auto parsed = audit::parse_record(line)) reader.add(*parsed, line);
  }
  if (!kText.starts_with(text)) std::abort();
  for (const evidence::OriginalBody& body : reader.finish())
    if (!body.problem && text != kText) std::abort();
  return 0;
}
