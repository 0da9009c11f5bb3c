// Text inside base64 inside a JSON string: MCP resources come so, and documents of the Messages
// API. It is masked where the bytes turn out to be text, in UTF-8, UTF-16 or an encoding that has
// ASCII in it, packed with gzip or not (packed_text.h says within which bounds); images, other
// archives and whatever else is not text pass as they came.
//
// Base64 that holds no finding keeps its bytes. From the first replacement on the rest of the
// string is encoded anew, because the text has another length. What has been released is always
// whole groups of four characters, so that a string that must end early is base64 once close() has
// been appended. What is encoded anew goes back where it returns as a whole: it is one original, of
// a string that ends and has no more than 256 KiB of it. Tested by
// tests/unit/flow/base64_text_editor_test.cpp.
#pragma once

#include "userspace/flow/byte_text.h"
#include "userspace/flow/edited.h"
#include "userspace/masking/encoded_text.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/stream_masker.h"
#include "userspace/wire/json_scanner.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

class Base64Text {
 public:
  // room: what may still be unpacked of the document that it stands in.
  Base64Text(std::shared_ptr<const masking::Engine> engine, std::shared_ptr<std::size_t> room);

  // raw: content of the JSON string. Each appends to out; out.blocked is the end.
  void feed(std::string_view raw, Edited& out);
  void finish(Edited& out);
  void adopt(std::shared_ptr<const masking::Engine> engine, Edited& out);

  // The string ends here, with nothing of what is held: what is missing behind what was released,
  // be it finished or not.
  std::string close();
  // It is text as it stands: a notice may stand in it.
  bool takes_notice() const { return mode_ == Mode::Foreign; }
  // Bytes, beside what a rule can still claim.
  std::size_t held() const { return mode_ == Mode::Packed ? raw_.size() + text_.size() : 0; }

 private:
  enum class Mode {
    Looking,  // too little has come to say what it is: all is held
    Text,
    Packed,   // all is held until its end
    Dropped,  // behind the bound of such, where something was found before it
    Binary,   // not text: copied
    Foreign,  // not base64: the string is text as it stands
  };
  // Characters that came for some bytes of the text: four of base64 for three bytes, and white
  // space among them.
  struct Group {
    std::uint32_t raw = 0;
    std::uint32_t bytes = 0;
  };

  bool take(char character, std::string_view raw);
  void pass(char character, std::string_view raw, Edited& out);
  void pass(std::string_view raw, Edited& out);
  void close_group();
  void look(bool at_end, Edited& out);
  bool finds(Charset charset) const;
  void judge(Edited& out);
  bool edit_packed(Edited& out);
  void end_packed(Edited& out);
  void apply(Edited& out);
  void give_up(std::string_view rest, Edited& out);
  void release(std::uint64_t bytes, Edited& out);
  void encode(std::string_view bytes, Edited& out);
  void end_encoding(Edited& out);
  void begin_tail(std::string_view raw);
  void give_tail(std::string_view behind, Edited& out);

  std::shared_ptr<const masking::Engine> engine_;
  std::shared_ptr<std::size_t> room_;
  Mode mode_ = Mode::Looking;
  wire::JsonStringDecoder decoder_;
  std::string characters_;
  std::vector<wire::JsonStringDecoder::Run> runs_;
  std::string escape_;  // raw bytes of an escape that is not complete

  // The group that is being collected.
  std::string group_raw_;
  std::uint32_t bits_ = 0;
  unsigned taken_ = 0, padding_ = 0;
  bool url_ = false;       // '-' and '_' in place of '+' and '/'
  bool padded_ = false;    // nothing may follow
  bool unpadded_ = false;  // padding was left out

  // Groups that are not released yet, with their raw bytes and what they decode to.
  std::vector<Group> groups_;
  std::string raw_, text_;
  std::size_t judged_ = 0;   // bytes of text_ that the masker has
  std::uint64_t ahead_ = 0;  // bytes of the first group that are free to go
  std::optional<ByteText> masker_;
  masking::Edits edits_;

  bool encoding_ = false;                  // a replacement has been made
  std::string carry_;                      // less than three bytes that wait for more
  std::optional<masking::Original> tail_;  // from the first replacement on; text is raw
  std::optional<masking::EncodedTextMasker> foreign_;
  masking::EncodedOutput foreign_out_;
};

}  // namespace veilwire::flow
