// Checks UTF-8 byte by byte, so that a sequence may be cut anywhere (Unicode 15, table 3-7).
//
// Tested by tests/unit/wire/json_scanner_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace veilwire::wire {

enum class Utf8 {
  Strict,      // well-formed UTF-8
  Surrogates,  // also the three-byte forms of surrogate halves, as decoding \uXXXX one by one makes
               // them (WTF-8)
  Any,         // any bytes
};

class Utf8Checker {
 public:
  explicit Utf8Checker(Utf8 allowed) : allowed_(allowed) {}

  // False where the byte cannot stand here; the checker then expects a new sequence.
  bool take(unsigned char byte) {
    if (allowed_ == Utf8::Any) return true;
    if (left_ == 0) return begin(byte);
    const bool fits = byte >= low_ && byte <= high_;
    low_ = 0x80;
    high_ = 0xBF;
    left_ = fits ? left_ - 1 : 0;
    return fits;
  }
  // False where one of them cannot stand.
  bool take(std::string_view bytes) {
    bool good = true;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      // Most text is ASCII: eight bytes at once.
      std::uint64_t word = 0;
      while (left_ == 0 && bytes.size() - i >= sizeof(word)) {
        std::memcpy(&word, bytes.data() + i, sizeof(word));
        if ((word & 0x8080808080808080) != 0) break;
        i += sizeof(word);
      }
      if (i < bytes.size()) good = take(static_cast<unsigned char>(bytes[i])) && good;
    }
    return good;
  }
  // Not inside a sequence.
  bool complete() const { return left_ == 0; }

 private:
  bool begin(unsigned char lead) {
    low_ = 0x80;
    high_ = 0xBF;
    if (lead < 0x80) return true;
    if (lead < 0xC2 || lead > 0xF4) return false;  // continuation, overlong, beyond U+10FFFF
    left_ = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (lead == 0xE0) low_ = 0xA0;
    if (lead == 0xED && allowed_ == Utf8::Strict) high_ = 0x9F;
    if (lead == 0xF0) low_ = 0x90;
    if (lead == 0xF4) high_ = 0x8F;
    return true;
  }

  Utf8 allowed_;
  unsigned left_ = 0;         // continuation bytes still to come
  unsigned char low_ = 0x80;  // range of the next one
  unsigned char high_ = 0xBF;
};

}  // namespace veilwire::wire
