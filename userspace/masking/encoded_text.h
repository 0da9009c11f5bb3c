// Masks one logical text that arrives encoded: as the raw content of JSON strings, or as a JSON
// document inside them. The text is decoded to be judged, but what goes on are the raw bytes:
// outside a finding every escape stays as it came, and a mask is escaped for each layer around it.
// The input may be cut anywhere, in an escape or a surrogate pair too. Tested by
// tests/unit/masking/encoded_text_test.cpp.
#pragma once

#include "userspace/masking/engine.h"
#include "userspace/masking/finding.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

enum class Encoding : std::uint8_t {
  Plain,             // the text itself
  JsonString,        // content of a JSON string, without its quotes
  JsonInJsonString,  // content of JSON strings that together are a JSON document or the beginning
                     // of one (input_json_delta.partial_json). Each of its strings and keys is a
                     // text of its own, as is a number, which a finding makes a string; all else
                     // stays, so that it is JSON afterwards. From where it is no JSON on, it is
                     // one text.
};

// Fewer digits are nobody's secret: a shorter number is not looked at.
inline constexpr std::size_t kShortestNumber = 8;

struct EncodedMask {
  Finding finding;           // its offset counts within the decoded text
  std::uint64_t offset = 0;  // of the replacement, in EncodedOutput::raw
  std::uint64_t replacement_length =
      0;  // as it stands there; 0 for a Block finding and where finding.closes
};

// What a mask stands for, decoded. A begin/end finding gives it in several parts with the same
// mask; all but the first go on. Never written down.
struct Original {
  std::string mask;
  std::string text;
  bool goes_on = false;
  // Where the mask stands in its text or string, as that goes out, in decoded bytes. kAtEnd: it is
  // the end of it.
  static constexpr std::uint64_t kAtEnd = UINT64_MAX;
  std::uint64_t at = 0;
  bool number = false;  // the mask is a string in place of a number
};

// Appended to. When blocked is set the last mask is the Block finding: it and all that follows it
// is not in raw, and further input is ignored.
struct EncodedOutput {
  std::string raw;
  std::vector<EncodedMask> masks;
  std::vector<Original> originals;
  bool blocked = false;
  void clear() { raw.clear(), masks.clear(), originals.clear(), blocked = false; }
};

class EncodedTextMasker {
 public:
  // context: decoded text that stands before and is known, such as `"password": "` before the
  // value. It helps to judge what follows and is not part of the output.
  EncodedTextMasker(std::shared_ptr<const Engine> engine, Encoding encoding,
                    std::string_view context = {});
  EncodedTextMasker(EncodedTextMasker&&) noexcept;
  EncodedTextMasker& operator=(EncodedTextMasker&&) noexcept;
  ~EncodedTextMasker();

  void feed(std::string_view raw, EncodedOutput& out);
  // The text has ended.
  void finish(EncodedOutput& out);
  // After finish(): a text of its own begins, as if it had a masker of its own. Not for
  // JsonInJsonString.
  void restart(std::string_view context = {});
  // As StreamMasker::adopt.
  void adopt(std::shared_ptr<const Engine> engine, EncodedOutput& out);
  // Something was fed that is not in any output yet.
  bool holding() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::masking
