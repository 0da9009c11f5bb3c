// Edits the strings of one JSON document where they stand and copies every other byte: key order,
// spelling of numbers, white space, repeated members and escapes survive. message::FieldWalker says
// which strings are text. A number where text may stand is looked at as if it were one; a finding
// in it makes it a string.
//
// It releases as it goes, so a document may be of any length; what is held is what a rule can still
// claim of the string that is open, an archive in it, and the beginning of a key. Tested by
// tests/unit/flow/json_body_editor_test.cpp.
#pragma once

#include "userspace/flow/edited.h"
#include "userspace/flow/text_filter.h"
#include "userspace/masking/engine.h"
#include "userspace/message/fields.h"
#include "userspace/wire/json_scanner.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

class JsonEditor {
 public:
  // Gives the filter of a text that outlives the document, for the zones that message::is_piece()
  // names. nullptr: the text ends with its string after all.
  class Pieces {
   public:
    virtual ~Pieces() = default;
    virtual TextFilter* piece(message::Zone zone) = 0;
    // The text ends with this piece.
    virtual bool ends() const { return false; }
  };

  // pieces: nullptr where the document stands alone; it must outlive the editor. room: bytes that
  // may be unpacked in it, of the documents of a body that come before it too; nullptr: as many as
  // one document may have.
  JsonEditor(message::Zone root, std::shared_ptr<const masking::Engine> engine,
             Pieces* pieces = nullptr, std::shared_ptr<std::size_t> room = nullptr);

  // False from the first byte on that is not JSON: fault() says why, and taken() how much of the
  // last input has been dealt with. Stops at out.blocked.
  bool feed(std::string_view bytes, Edited& out);
  bool finish(Edited& out);
  // Instead of both: a whole document that a scanner has read without a fault. events point into
  // it.
  void edit_scanned(std::string_view document, std::span<const wire::JsonEvent> events,
                    Edited& out);
  void adopt(std::shared_ptr<const masking::Engine> engine, Edited& out);
  // Outside strings: what comes is read by this one.
  void use(const std::shared_ptr<const masking::Engine>& engine);

  // Where the next byte begins an element of an array that is a member of the document: the zone in
  // which the element will be read. What is made of an object there depends on its bytes, this zone
  // and the engine alone; and, where more is packed in the document than is ever unpacked, on what
  // came before it.
  std::optional<message::Zone> at_element() const;
  // Such an element has just ended.
  bool behind_element() const { return scanner_.behind_value() && scanner_.depth() == 2; }
  // At such a place, instead of feed(): an object that an editor has read there before.
  void skip_object(std::string_view element);

  const std::string& fault() const { return fault_; }
  std::size_t taken() const { return taken_; }
  // Nothing but white space has come.
  bool empty() const { return last_ == '\0' && word_.empty() && number_.empty(); }

  // The shortest end that makes what has been released a JSON document, with the notice in it where
  // there is room for a text: behind a string of base64 it is a member or element of its own. Empty
  // for a complete document.
  std::string close(std::string_view notice);
  // As BodyEditor::held().
  std::size_t held() const;
  // As BodyEditor::settled(): between strings and numbers.
  bool settled() const { return inside_ == Inside::Nothing && number_.empty(); }
  // What is missing of a byte order mark of which a part has been released.
  std::string_view rest_of_mark() const;

 private:
  enum class Inside { Nothing, UnknownKey, Copied, Credential, Edited };

  void on(const wire::JsonEvent& event, Edited& out);
  void begin_string(bool key);
  void hold_number(Edited& out);
  void number(const wire::JsonEvent& event, Edited& out);
  void more_string(std::string_view raw, Edited& out);
  void end_string(Edited& out);
  void decide_key(Edited& out);
  void start_text(message::Zone zone);
  void finish_text(Edited& out);
  void end_text(Edited& out);
  bool stop(const wire::JsonFault& fault, Edited& out);
  void copy(std::uint64_t until, Edited& out);
  void note(std::string_view structure);

  std::shared_ptr<const masking::Engine> engine_;
  Pieces* pieces_;
  std::shared_ptr<std::size_t> room_;
  message::FieldWalker walker_;
  wire::JsonScanner scanner_;
  std::vector<wire::JsonEvent> events_;
  std::string fault_;

  // The input of the running feed(): its bytes, where it begins in the stream, and up to where it
  // has been dealt with.
  std::string_view input_;
  std::uint64_t input_at_ = 0;
  std::uint64_t at_ = 0;
  std::size_t taken_ = 0;

  // The string that is open.
  Inside inside_ = Inside::Nothing;
  bool in_key_ = false;
  std::string head_raw_, head_;  // its beginning, as long as that matters
  wire::JsonStringDecoder decoder_;
  unsigned escape_ = 0;  // bytes of the escape that is open in it
  std::string context_;  // the key of the values that come, where a key says what they are
  std::optional<TextFilter> plain_;  // serves one string after the other
  std::optional<TextFilter> other_;  // base64, or a piece that stands alone
  TextFilter* filter_ = nullptr;     // one of these or a piece's

  std::string number_;  // what has come of a number that is held until it is whole

  // What close() needs to know of the bytes outside strings.
  std::string open_;        // one bracket for each open container
  char last_ = '\0';        // the last byte of structure that is not white space
  bool after_key_ = false;  // a key has ended and its colon has not come
  std::size_t mark_ = 0;    // bytes of a byte order mark
  std::string word_;        // the number or literal that is open
};

}  // namespace veilwire::flow
