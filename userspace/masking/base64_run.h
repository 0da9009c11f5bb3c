// One run of base64 that stands in a text and means text: what it decodes to is judged by the
// rules, and a mask is encoded where the secret stood.
//
// A mask takes the groups of four characters that its finding is in, but for what else is in them.
// Blanks behind it keep the groups that follow in their places, so that these stay as they came.
// What is left of its last group has an edit of its own, which is replaced and has no finding.
// Tested through Base64Runs.
#pragma once

#include "userspace/masking/base64_scan.h"
#include "userspace/masking/stream_masker.h"
#include "userspace/wire/utf8.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace veilwire::masking {

constexpr bool is_text_byte(unsigned byte) {
  return byte >= 0x20 ? byte != 0x7F : byte == '\t' || byte == '\n' || byte == '\r' || byte == 0x1B;
}

class Base64Run {
 public:
  enum class State : std::uint8_t {
    Open,
    Ended,    // with padding, or before a character that is none of it
    Foreign,  // from here on it is no text
  };
  // offset: in the text, behind the characters that are shown, for findings. shown: so many are
  // never held nor masked, 0 or 4.
  Base64Run(std::shared_ptr<const Engine> engine, std::uint64_t offset, std::size_t shown);

  // From its first character on. Returns how much of the text is the run's; less than all where it
  // is Open no more. Edits cover that in order, but for the characters that are shown, and all of
  // it then.
  std::size_t feed(std::string_view text, Edits& out);
  // The text ends, or something else stands in it.
  void finish(Edits& out);
  void adopt(std::shared_ptr<const Engine> engine, Edits& out);

  State state() const { return state_; }
  std::uint64_t offset() const { return offset_; }  // in the text, behind what edits cover
  std::uint64_t held() const { return raw_.size() + gap_.size(); }  // bytes

 private:
  bool take_gap(char c);
  bool take(char c);
  bool close_group();
  void end(State state, Edits& out);
  void judge(Edits& out);
  void apply(Edits& out);
  void pass(std::uint64_t bytes, Edits& out);
  void replace(const Edit& edit, const Finding* finding, Edits& out);
  void give_spilled(std::size_t bytes, std::size_t raw, Edits& out);
  void give(std::size_t raw, std::string replacement, const Finding* finding, Edits& out);
  void give_plain(std::size_t raw, Edits& out);
  void tell(Finding finding, std::size_t raw, Edits& out);
  std::size_t raw_until(std::uint64_t character);
  std::string encode(std::string_view bytes) const;

  State state_ = State::Open;
  StreamMasker masker_;
  Edits edits_;
  std::uint64_t offset_;
  std::uint64_t open_offset_ = 0;  // of the last begin/end finding

  // Characters.
  std::string raw_;  // that no edit covers, with what stands between lines
  std::size_t shown_;
  std::uint64_t given_ = shown_;      // before raw_
  std::string gap_;                   // line end and indent: of the run where it goes on behind
  std::size_t line_ = 0, width_ = 0;  // in this line, and in those before
  std::uint32_t bits_ = 0;
  unsigned taken_ = 0, padding_ = 0;  // in the group
  bool url_ = false;                  // '-' and '_' in place of '+' and '/'

  // What they decode to.
  wire::Utf8Checker utf8_{wire::Utf8::Strict};
  std::string bytes_;         // that no edit of the masker covers
  std::size_t judged_ = 0;    // of these, that the masker has
  std::uint64_t passed_ = 0;  // that its edits cover
  std::string ahead_;         // of these, in the open group
  bool spilling_ = false;     // a mask ends in that
};

}  // namespace veilwire::masking
