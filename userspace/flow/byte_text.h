// Text that comes as bytes without anybody to say in which encoding: what base64 and archives hold.
// It is masked in its own encoding, and every byte outside a finding stays. Tested by
// tests/unit/flow/byte_text_test.cpp.
#pragma once

#include "userspace/masking/engine.h"
#include "userspace/masking/text_masker.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

enum class Charset : std::uint8_t {
  Ascii,    // UTF-8, Latin-1 and whatever else has ASCII in it: rules find the ASCII
  Utf16Le,  // with a byte order mark or without
  Utf16Be,
};

// So many bytes say whether it is text: no image or archive begins with as many characters and
// nothing else.
inline constexpr std::size_t kCharsetLook = 512;

struct CharsetGuess {
  Charset charset = Charset::Ascii;
  bool sure = false;  // else a few bytes that are text by chance look the same
};
// What the beginning of a text says about it; nullopt: it is none.
std::optional<CharsetGuess> guess_charset(std::string_view beginning);

// The bytes of one text. Edits count bytes of its encoding, and so are replacements written;
// findings and originals are those of what it means, in UTF-8.
class ByteText {
 public:
  ByteText(Charset charset, std::shared_ptr<const masking::Engine> engine);

  void feed(std::string_view bytes, masking::Edits& out);
  void finish(masking::Edits& out);
  void adopt(std::shared_ptr<const masking::Engine> engine, masking::Edits& out);

 private:
  std::size_t units_of(std::uint64_t decoded);
  void translate(masking::Edits& out);

  Charset charset_;
  masking::TextMasker masker_;
  // UTF-16
  std::optional<char> half_;  // of a unit
  std::string decoded_;
  masking::Edits edits_;
  std::string sizes_;       // in UTF-8, of each unit that the masker has and no edit covers
  std::uint64_t owed_ = 0;  // decoded bytes of a unit that went whole
};

}  // namespace veilwire::flow
