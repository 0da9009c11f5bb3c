// A text of the fuzzer's, cut where the fuzzer says, through the shipped rules and some awkward
// ones: the stream must give what the whole text gives, hold a bounded part, and cover every byte
// exactly once, and whatever blocks must be told at the same place.
#include "tests/support/made_up_rules.h"
#include "userspace/base/limits.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/stream_masker.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;

// Short literals and small alphabets: a fuzzer finds its way into every corner.
constexpr std::string_view kRules = R"toml(
[[rules]]
id = "greedy"
regex = '''ab[ab]{1,9}'''
[[rules]]
id = "context"
regex = '''(?i)key ?= ?([a-c0-9]{2,6})(?:[^a-c0-9]|$)'''
[[rules]]
id = "boundary"
regex = '''\bc{2,4}\b'''
[[rules]]
id = "left"
regex = '''(?:^|[^d])(d[a-f]{2})'''
[[rules]]
id = "long"
regex = '''ey[a-z]{2,}\.[a-z]{2,}'''
max_length = 64
[[rules]]
id = "bytes"
regex = '''x[^x ]{3,5}'''
[[rules]]
id = "refused"
regex = '''r[a-z]{2,12}'''
[[rules.allowlists]]
stopwords = ["rr"]
[[rules]]
id = "region"
begin = '''<<b{1,3}'''
end = '''(b>>)|[!]'''
[[rules]]
id = "other-region"
begin = '''\{\{'''
end = '''\}{2,4}'''
)toml";

std::shared_ptr<const masking::Engine> engine() {
  static const auto compiled = testing::compile_rules(kRules, [](const masking::Rule& rule) {
    return rule.id == "boundary" || rule.id == "left" || rule.id == "other-region"
               ? masking::Treatment::Block
               : masking::Treatment::Mask;
  });
  return compiled;
}

bool blocks(const masking::Edits& edits, const masking::Edit& edit) {
  return edit.finding != SIZE_MAX &&
         edits.findings[edit.finding].treatment == masking::Treatment::Block;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  // First a byte that says how many bytes of lengths follow, then those, then the text.
  const std::size_t cuts = std::min<std::size_t>(data[0] % 16, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1 + cuts, size - 1 - cuts);
  std::string whole;
  std::optional<std::size_t> whole_blocked;
  std::size_t whole_at = 0;
  masking::Edits edits;
  {
    masking::StreamMasker masker(engine());
    masker.feed(text, edits);
    masker.finish(edits);
    for (const masking::Edit& edit : edits.list) {
      if (!whole_blocked && blocks(edits, edit)) whole_blocked = whole.size();
      whole += edit.replaced ? edit.replacement : std::string(text.substr(whole_at, edit.consumed));
      whole_at += edit.consumed;
    }
    edits.clear();
  }

  masking::StreamMasker masker(engine());
  std::string out;
  std::optional<std::size_t> blocked;
  std::size_t covered = 0;
  const auto apply = [&](std::size_t fed) {
    for (const masking::Edit& edit : edits.list) {
      if (edit.consumed == 0 && !blocks(edits, edit)) std::abort();
      if (edit.consumed > fed - covered) std::abort();
      if (!blocked && blocks(edits, edit)) blocked = out.size();
      out += edit.replaced ? edit.replacement : std::string(text.substr(covered, edit.consumed));
      covered += edit.consumed;
    }
    edits.clear();
    if (covered + masker.held() != fed || masker.held() > limits::kHeldText) std::abort();
    if (whole.compare(0, out.size(), out) != 0) std::abort();
  };
  std::size_t at = 0;
  for (std::size_t i = 0; at < text.size(); ++i) {
    const std::size_t wanted = cuts == 0 ? 1 : data[1 + i % cuts];
    const std::size_t length = std::min(text.size() - at, std::max<std::size_t>(wanted, 1));
    masker.feed(text.substr(at, length), edits);
    at += length;
    apply(at);
  }
  masker.finish(edits);
  apply(text.size());
  if (out != whole || covered != text.size() || blocked != whole_blocked) std::abort();
  return 0;
}
