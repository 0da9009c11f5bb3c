// A strict RFC 8259 tokenizer over any cut of its input. It answers in events that say where in the
// stream they lie, so that a caller can replace a range of bytes and leave all others, key order
// and number spelling included, as they came.
//
// The content of strings and keys is given raw, escapes and all, in pieces as it arrives;
// JsonStringDecoder turns it into bytes and says how many raw bytes each took. Duplicate keys are
// the caller's matter. Tested by tests/unit/wire/json_scanner_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/result.h"
#include "userspace/wire/utf8.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

enum class JsonError {
  UnexpectedByte,   // a byte that the grammar does not have there
  BadLiteral,       // neither true, false nor null
  BadNumber,        // a leading zero, a dot without digits, and the like
  NumberTooLong,    // over kJsonNumber
  BadEscape,        // in a string: a backslash that begins none of the nine escapes
  BadUtf8,          // in a string: not what JsonOptions::utf8 allows
  ControlInString,  // in a string: a byte below 0x20 that is not escaped
  TooDeep,          // nested over limits::kJsonDepth
  EndedEarly,       // the input ended inside a value, or without any
};
std::string_view to_string(JsonError error);

// A number is held until it ends. No number of more digits means anything to a recipient.
inline constexpr std::size_t kJsonNumber = 4096;

struct JsonFault {
  JsonError error{};
  std::uint64_t offset = 0;  // of the first byte that cannot be
  friend bool operator==(const JsonFault&, const JsonFault&) = default;
};

struct JsonEvent {
  enum class Kind {
    BeginObject,
    EndObject,
    BeginArray,
    EndArray,
    BeginKey,  // the opening quote
    EndKey,    // the closing quote
    BeginString,
    EndString,
    Piece,  // raw content of the key or string that is open; cut anywhere, in an escape too; never
            // empty
    Number,
    True,
    False,
    Null,
  };
  Kind kind{};
  std::uint64_t offset = 0;  // of its first byte in the stream
  std::string_view bytes;    // as they came; dead at the next feed()
};
std::string_view to_string(JsonEvent::Kind kind);

struct JsonOptions {
  // What may stand in strings. JSON that was itself the content of a JSON string needs Surrogates.
  Utf8 utf8 = Utf8::Strict;
  // The input may end anywhere: finish() is then never an error.
  bool fragment = false;
  // Any number of values one behind the other, white space between them: JSON lines.
  bool many_values = false;
};

class JsonScanner {
 public:
  explicit JsonScanner(JsonOptions options = {}) : options_(options), utf8_(options.utf8) {}

  // Appends events; at most one for each byte, so callers feed large documents in slices. A byte
  // order mark before the first value is skipped, as clients do. After a fault nothing more may be
  // fed.
  Result<void, JsonFault> feed(std::string_view bytes, std::vector<JsonEvent>& out);
  // The input has ended: may give the last Number.
  Result<void, JsonFault> finish(std::vector<JsonEvent>& out);

  std::uint64_t offset() const { return offset_; }  // bytes taken
  std::size_t depth() const { return open_.size(); }
  // The next byte, unless it is white space, begins an element of an array or ends the array.
  bool at_element() const {
    return !open_.empty() && open_.back() == Open::Array &&
           (state_ == State::Value || state_ == State::FirstElement);
  }
  // A value in a container has just ended.
  bool behind_value() const { return state_ == State::Separator; }
  // at_element(): takes an element unread. It must be one whole value, as a scanner has found
  // before.
  void skip_element(std::size_t size) {
    offset_ += size;
    end_value();
  }
  // Bytes of a number that has not ended: its event is still to come.
  std::size_t open_number() const { return state_ == State::Number ? number_.size() : 0; }
  // Inside a key or string: a piece may follow.
  bool in_string() const { return state_ == State::String; }

 private:
  enum class State {
    Value,         // a value must come
    FirstElement,  // behind "[": a value or "]"
    FirstKey,      // behind "{": a key or "}"
    Key,           // behind "," in an object
    Colon,
    Separator,  // behind a value in a container: "," or its end
    Done,       // behind the outermost value
    String,
    Number,
    Literal,
  };
  enum class InString { Plain, Escape, Hex };
  enum class InNumber {
    Start,
    Minus,
    Zero,
    Digits,
    Dot,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits
  };
  enum class Open { Object, Array };
  using Fault = Unexpected<JsonFault>;

  Result<std::size_t, JsonFault> step(std::string_view bytes, std::vector<JsonEvent>& out);
  Result<std::size_t, JsonFault> take_string(std::string_view bytes, std::vector<JsonEvent>& out);
  Result<std::size_t, JsonFault> take_number(std::string_view bytes, std::vector<JsonEvent>& out);
  Result<std::size_t, JsonFault> take_literal(std::string_view bytes, std::vector<JsonEvent>& out);
  Result<std::size_t, JsonFault> begin_value(std::string_view bytes, std::vector<JsonEvent>& out);
  Result<std::size_t, JsonFault> close(Open container, std::string_view bytes,
                                       std::vector<JsonEvent>& out);
  std::size_t begin_string(bool key, std::string_view bytes, std::vector<JsonEvent>& out);
  void end_number(std::string_view behind, std::vector<JsonEvent>& out);
  void end_value() { state_ = open_.empty() ? State::Done : State::Separator; }
  bool number_may_end() const;
  Fault fault(JsonError error, std::size_t ahead = 0) const {
    return Fault{{error, offset_ + ahead}};
  }

  JsonOptions options_;
  State state_ = State::Value;
  InString in_string_ = InString::Plain;
  InNumber in_number_ = InNumber::Start;
  bool key_ = false;         // the string is a key
  unsigned hex_left_ = 0;    // digits of \uXXXX still to come
  unsigned mark_taken_ = 0;  // bytes of a byte order mark
  Utf8Checker utf8_;
  std::uint64_t offset_ = 0;
  std::string number_;             // of a number that began in an earlier piece of the input
  std::string finished_number_;    // what the one Number event of such a number points into
  std::string_view literal_;       // what the literal must be
  std::size_t literal_taken_ = 0;  // bytes of it
  std::vector<Open> open_;
};

// Decodes the raw content of a JSON string. Each \uXXXX stands alone: halves of a surrogate pair
// come out as three bytes each (WTF-8), so that a pair survives when a text is split between its
// halves, as deltas are.
class JsonStringDecoder {
 public:
  // raw == decoded: that many plain bytes, one for one. Otherwise one escape, which cannot be
  // divided.
  struct Run {
    std::uint32_t raw = 0;
    std::uint32_t decoded = 0;
    friend bool operator==(const Run&, const Run&) = default;
  };
  // Appends decoded bytes and, in order, the runs that they came in. BadEscape where the content is
  // not JSON's; a scanner has seen to that already.
  Result<void, JsonError> feed(std::string_view raw, std::string& out, std::vector<Run>& runs);
  Result<void, JsonError> feed(std::string_view raw, std::string& out);
  // Raw bytes of an escape that is not complete yet.
  std::size_t pending() const { return escape_.size(); }
  void reset() { escape_.clear(); }

 private:
  Result<void, JsonError> decode(std::string_view raw, std::string& out, std::vector<Run>* runs);
  std::string escape_;
};

// Where the scanner is: which keys and indices lead to the value that the last event belongs to.
// Feed it every event.
class JsonPath {
 public:
  struct Component {
    bool is_index = false;
    std::size_t index = 0;
    std::string_view key;  // decoded; one over kLongestKey is cut and equals no pattern
  };
  // Long enough for every key that a pattern names; bounds what 256 nested keys can hold.
  static constexpr std::size_t kLongestKey = 1024;

  void on(const JsonEvent& event);
  // At a container's own Begin and End, and at a key until it ends, this is the container's path;
  // everywhere else it is the current member's.
  std::size_t depth() const;
  Component component(std::size_t index) const;
  // One pattern for each component: "[]" is any array index, "*" anything, all else that key.
  using Pattern = std::span<const std::string_view>;
  bool matches(Pattern pattern) const;
  bool starts_with(Pattern pattern) const;
  bool matches(std::initializer_list<std::string_view> pattern) const {
    return matches(Pattern(pattern.begin(), pattern.size()));
  }
  bool starts_with(std::initializer_list<std::string_view> pattern) const {
    return starts_with(Pattern(pattern.begin(), pattern.size()));
  }
  // content[0].text
  std::string to_string() const;

 private:
  struct Frame {
    bool is_array = false;
    bool set = false;  // it has a current member
    bool cut = false;  // its key is over kLongestKey
    std::size_t index = 0;
    std::size_t key_at = 0;  // in keys_
    std::size_t key_size = 0;
  };
  bool component_matches(std::size_t index, std::string_view pattern) const;
  void begin_value();
  void add_to_key(std::string_view raw);

  std::vector<Frame> frames_;
  std::string keys_;  // decoded keys of all frames, one behind the other
  JsonStringDecoder key_;
  bool in_key_ = false;
};

// Appends the bytes as the content of a JSON string, without quotes. Three-byte surrogate halves
// become \uXXXX again; other bytes that are no UTF-8 become U+FFFD.
void append_json_escaped(std::string_view bytes, std::string& out);

}  // namespace veilwire::wire
