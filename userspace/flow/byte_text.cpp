#include "userspace/flow/byte_text.h"

#include "userspace/wire/utf8.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace veilwire::flow {
namespace {

using Unit = std::uint32_t;

constexpr bool is_control(Unit c) {
  return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\b' && c != 0x1b;
}

Unit unit(Charset charset, char first, char second) {
  const auto a = static_cast<unsigned char>(first), b = static_cast<unsigned char>(second);
  return charset == Charset::Utf16Le ? Unit{b} << 8 | a : Unit{a} << 8 | b;
}

// Units of one text that are ASCII; nullopt where they cannot be text.
std::optional<std::size_t> ascii_units(Charset charset, std::string_view bytes) {
  std::size_t ascii = 0;
  bool high = false;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const Unit c = unit(charset, bytes[i], bytes[i + 1]);
    const bool low = c >= 0xDC00 && c <= 0xDFFF;
    if (is_control(c) || c >= 0xFFFE || low != high) return std::nullopt;
    high = c >= 0xD800 && c <= 0xDBFF;
    ascii += c < 0x80 ? 1 : 0;
  }
  return ascii;
}

// Each unit by itself, so that halves of a pair may be cut apart.
std::size_t append_utf8(Unit c, std::string& out) {
  const auto add = [&out](Unit byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return add(c), 1;
  if (c < 0x800) return add(0xC0 | c >> 6), add(0x80 | (c & 0x3F)), 2;
  return add(0xE0 | c >> 12), add(0x80 | (c >> 6 & 0x3F)), add(0x80 | (c & 0x3F)), 3;
}

std::string utf16(Charset charset, std::string_view utf8) {
  std::string out;
  const auto add = [&](Unit c) {
    const char high = static_cast<char>(c >> 8), low = static_cast<char>(c & 0xFF);
    out += charset == Charset::Utf16Le ? low : high;
    out += charset == Charset::Utf16Le ? high : low;
  };
  for (std::size_t i = 0; i < utf8.size();) {
    const Unit lead = static_cast<unsigned char>(utf8[i++]);
    Unit c = lead;
    std::size_t more = 0;
    if (lead >= 0xF0) {
      c = lead & 0x07, more = 3;
    } else if (lead >= 0xE0) {
      c = lead & 0x0F, more = 2;
    } else if (lead >= 0xC0) {
      c = lead & 0x1F, more = 1;
    }
    for (; more > 0 && i < utf8.size(); --more)
      c = c << 6 | (static_cast<unsigned char>(utf8[i++]) & 0x3FU);
    if (c > 0xFFFF) {
      add(0xD800 + ((c - 0x10000) >> 10));
      c = 0xDC00 + ((c - 0x10000) & 0x3FF);
    }
    add(c);
  }
  return out;
}

}  // namespace

std::optional<CharsetGuess> guess_charset(std::string_view beginning) {
  const std::string_view bytes = beginning.substr(0, kCharsetLook);
  const bool enough = bytes.size() == kCharsetLook;
  // A PDF begins with characters too, but its parts are found by their offsets.
  if (bytes.starts_with("%PDF-")) return std::nullopt;
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    const Charset charset = bytes.front() == '\xFF' ? Charset::Utf16Le : Charset::Utf16Be;
    if (ascii_units(charset, bytes.substr(2))) return CharsetGuess{charset, true};
  }
  if (std::ranges::none_of(bytes,
                           [](char c) { return is_control(static_cast<unsigned char>(c)); })) {
    wire::Utf8Checker utf8(wire::Utf8::Strict);
    return CharsetGuess{Charset::Ascii, enough || (utf8.take(bytes) && utf8.complete())};
  }
  // The other order makes ASCII the rarer ideographs: the one that has more of it is meant.
  const auto little = ascii_units(Charset::Utf16Le, bytes);
  const auto big = ascii_units(Charset::Utf16Be, bytes);
  const std::size_t ascii = std::max(little.value_or(0), big.value_or(0));
  if (ascii == 0 || ascii * 2 < bytes.size() / 8) return std::nullopt;
  return CharsetGuess{little.value_or(0) == ascii ? Charset::Utf16Le : Charset::Utf16Be, enough};
}

ByteText::ByteText(Charset charset, std::shared_ptr<const masking::Engine> engine)
    : charset_(charset), masker_(std::move(engine)) {}

void ByteText::feed(std::string_view bytes, masking::Edits& out) {
  if (charset_ == Charset::Ascii) return masker_.feed(bytes, out);
  decoded_.clear();
  for (const char c : bytes) {
    if (!half_) {
      half_ = c;
      continue;
    }
    sizes_ += static_cast<char>(append_utf8(unit(charset_, *half_, c), decoded_));
    half_.reset();
  }
  masker_.feed(decoded_, edits_);
  translate(out);
}

void ByteText::finish(masking::Edits& out) {
  if (charset_ == Charset::Ascii) return masker_.finish(out);
  masker_.finish(edits_);
  translate(out);
  if (std::exchange(half_, std::nullopt)) out.list.emplace_back().consumed = 1;
}

void ByteText::adopt(std::shared_ptr<const masking::Engine> engine, masking::Edits& out) {
  if (charset_ == Charset::Ascii) return masker_.adopt(std::move(engine), out);
  masker_.adopt(std::move(engine), edits_);
  translate(out);
}

// How many units the next bytes of UTF-8 came as.
std::size_t ByteText::units_of(std::uint64_t decoded) {
  std::size_t units = 0;
  const std::uint64_t paid = std::min(owed_, decoded);
  owed_ -= paid;
  decoded -= paid;
  while (decoded > 0 && units < sizes_.size()) {
    const auto size = static_cast<std::uint64_t>(sizes_[units++]);
    owed_ = size - std::min(size, decoded);
    decoded -= std::min(size, decoded);
  }
  sizes_.erase(0, units);
  return units;
}

// Hands on the edits over UTF-8.
void ByteText::translate(masking::Edits& out) {
  for (masking::Edit& edit : edits_.list) {
    edit.consumed = 2 * units_of(edit.consumed);
    edit.replacement = utf16(charset_, edit.replacement);
    if (edit.finding != SIZE_MAX) edit.finding += out.findings.size();
    out.list.push_back(std::move(edit));
  }
  std::ranges::move(edits_.findings, std::back_inserter(out.findings));
  edits_.clear();
}

}  // namespace veilwire::flow
