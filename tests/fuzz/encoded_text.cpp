// Raw content of JSON strings, whole and cut by the fuzzer: both must give the same bytes; content
// that was a document stays one; and what no rule touches stays as it came.
#include "userspace/masking/encoded_text.h"

#include "tests/fuzz/pieces.h"
#include "tests/support/made_up_rules.h"
#include "userspace/wire/json_scanner.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace veilwire;

constexpr std::string_view kRules = R"toml(
[[rules]]
id = "token"
regex = '''tok_[a-z0-9"\\/\n]{2,8}'''
[[rules]]
id = "named"
regex = '''"k": "([a-z]{2,4})'''
[[rules]]
id = "digits"
regex = '''77[0-9]{6}'''
[[rules]]
id = "region"
begin = '''BB'''
end = '''EE'''
)toml";

std::shared_ptr<const masking::Engine> engine() {
  static const auto compiled =
      testing::compile_rules(kRules, [](const masking::Rule&) { return masking::Treatment::Mask; });
  return compiled;
}

bool is_document(std::string_view raw) {
  wire::JsonStringDecoder decoder;
  std::string document;
  if (!decoder.feed(raw, document) || decoder.pending() != 0) return false;
  wire::JsonOptions options;
  options.utf8 = wire::Utf8::Surrogates;
  wire::JsonScanner scanner(options);
  std::vector<wire::JsonEvent> events;
  return scanner.feed(document, events).has_value() && scanner.finish(events).has_value();
}

std::string run(masking::Encoding encoding, std::string_view text, std::size_t step,
                std::size_t& masks) {
  masking::EncodedTextMasker masker(engine(), encoding);
  masking::EncodedOutput out;
  fuzz::in_pieces(text, step, [&](std::string_view piece) { masker.feed(piece, out); });
  masker.finish(out);
  if (masker.holding()) std::abort();
  masks = out.masks.size();
  return out.raw;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto encoding = static_cast<masking::Encoding>(data[0] % 3);
  const std::size_t step = data[1] % 8 + 1U;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::size_t masks = 0, cut_masks = 0;
  const std::string whole = run(encoding, text, text.size() + 1, masks);
  // Content that is no JSON is taken as it is from where that shows, which depends on the cuts.
  wire::JsonStringDecoder decoder;
  std::string decoded;
  const bool content = encoding == masking::Encoding::Plain ||
                       (decoder.feed(text, decoded).has_value() && decoder.pending() == 0);
  const std::string cut = run(encoding, text, step, cut_masks);
  if (content && encoding != masking::Encoding::JsonInJsonString && cut != whole) std::abort();
  if (masks == 0 && whole != text) std::abort();
  if (encoding == masking::Encoding::JsonInJsonString && is_document(text)) {
    if (cut != whole || !is_document(whole)) std::abort();
  }
  return 0;
}
