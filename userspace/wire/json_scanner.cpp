// The tokenizer; see json_scanner.h. Tested by tests/unit/wire/json_scanner_test.cpp.
#include "userspace/wire/json_scanner.h"

#include <algorithm>

namespace veilwire::wire {
namespace {

using Kind = JsonEvent::Kind;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

}  // namespace

std::string_view to_string(JsonError error) {
  switch (error) {
    case JsonError::UnexpectedByte:
      return "unexpected byte";
    case JsonError::BadLiteral:
      return "bad literal";
    case JsonError::BadNumber:
      return "bad number";
    case JsonError::NumberTooLong:
      return "number too long";
    case JsonError::BadEscape:
      return "bad escape";
    case JsonError::BadUtf8:
      return "bad UTF-8";
    case JsonError::ControlInString:
      return "control byte in string";
    case JsonError::TooDeep:
      return "nested too deep";
    case JsonError::EndedEarly:
      return "ended early";
  }
  return "unknown";
}

std::string_view to_string(JsonEvent::Kind kind) {
  switch (kind) {
    case Kind::BeginObject:
      return "begin object";
    case Kind::EndObject:
      return "end object";
    case Kind::BeginArray:
      return "begin array";
    case Kind::EndArray:
      return "end array";
    case Kind::BeginKey:
      return "begin key";
    case Kind::EndKey:
      return "end key";
    case Kind::BeginString:
      return "begin string";
    case Kind::EndString:
      return "end string";
    case Kind::Piece:
      return "piece";
    case Kind::Number:
      return "number";
    case Kind::True:
      return "true";
    case Kind::False:
      return "false";
    case Kind::Null:
      return "null";
  }
  return "unknown";
}

Result<void, JsonFault> JsonScanner::feed(std::string_view bytes, std::vector<JsonEvent>& out) {
  while (!bytes.empty()) {
    const auto taken = step(bytes, out);
    if (!taken) return Unexpected{taken.error()};
    offset_ += *taken;
    bytes.remove_prefix(*taken);
  }
  return {};
}

// Takes at least one byte, or none but leaves the state Number for good.
Result<std::size_t, JsonFault> JsonScanner::step(std::string_view bytes,
                                                 std::vector<JsonEvent>& out) {
  if (state_ == State::String) return take_string(bytes, out);
  if (state_ == State::Number) return take_number(bytes, out);
  if (state_ == State::Literal) return take_literal(bytes, out);
  const char c = bytes.front();
  if (offset_ == mark_taken_ && mark_taken_ < kByteOrderMark.size() &&
      c == kByteOrderMark[mark_taken_]) {
    return ++mark_taken_, std::size_t{1};
  }
  if (offset_ == mark_taken_ && mark_taken_ % kByteOrderMark.size() != 0) {
    return fault(JsonError::UnexpectedByte);
  }
  if (is_white(c)) {
    return static_cast<std::size_t>(std::find_if_not(bytes.begin(), bytes.end(), is_white) -
                                    bytes.begin());
  }
  switch (state_) {
    case State::FirstElement:
      if (c == ']') return close(Open::Array, bytes, out);
      return begin_value(bytes, out);
    case State::Value:
      return begin_value(bytes, out);
    case State::Done:
      if (options_.many_values) return begin_value(bytes, out);
      break;
    case State::FirstKey:
      if (c == '}') return close(Open::Object, bytes, out);
      if (c == '"') return begin_string(true, bytes, out);
      break;
    case State::Key:
      if (c == '"') return begin_string(true, bytes, out);
      break;
    case State::Colon:
      if (c != ':') break;
      state_ = State::Value;
      return std::size_t{1};
    case State::Separator:
      if (c == '}') return close(Open::Object, bytes, out);
      if (c == ']') return close(Open::Array, bytes, out);
      if (c != ',') break;
      state_ = open_.back() == Open::Object ? State::Key : State::Value;
      return std::size_t{1};
    case State::String:
    case State::Number:
    case State::Literal:
      break;
  }
  return fault(JsonError::UnexpectedByte);
}

Result<std::size_t, JsonFault> JsonScanner::begin_value(std::string_view bytes,
                                                        std::vector<JsonEvent>& out) {
  const char c = bytes.front();
  switch (c) {
    case '"':
      return begin_string(false, bytes, out);
    case '{':
    case '[':
      if (open_.size() == limits::kJsonDepth) return fault(JsonError::TooDeep);
      open_.push_back(c == '{' ? Open::Object : Open::Array);
      out.push_back({c == '{' ? Kind::BeginObject : Kind::BeginArray, offset_, bytes.substr(0, 1)});
      state_ = c == '{' ? State::FirstKey : State::FirstElement;
      return std::size_t{1};
    case 't':
    case 'f':
    case 'n':
      literal_ = c == 't' ? "true" : c == 'f' ? "false" : "null";
      literal_taken_ = 0;
      state_ = State::Literal;
      return std::size_t{0};
    default:
      if (c != '-' && !is_digit(c)) return fault(JsonError::UnexpectedByte);
      number_.clear();
      in_number_ = InNumber::Start;
      state_ = State::Number;
      return std::size_t{0};
  }
}

Result<std::size_t, JsonFault> JsonScanner::close(Open container, std::string_view bytes,
                                                  std::vector<JsonEvent>& out) {
  if (open_.back() != container) return fault(JsonError::UnexpectedByte);
  open_.pop_back();
  const Kind kind = container == Open::Object ? Kind::EndObject : Kind::EndArray;
  out.push_back({kind, offset_, bytes.substr(0, 1)});
  end_value();
  return std::size_t{1};
}

std::size_t JsonScanner::begin_string(bool key, std::string_view bytes,
                                      std::vector<JsonEvent>& out) {
  key_ = key;
  in_string_ = InString::Plain;
  state_ = State::String;
  out.push_back({key ? Kind::BeginKey : Kind::BeginString, offset_, bytes.substr(0, 1)});
  return 1;
}

Result<std::size_t, JsonFault> JsonScanner::take_string(std::string_view bytes,
                                                        std::vector<JsonEvent>& out) {
  const auto piece = [&](std::size_t size) {
    if (size != 0) out.push_back({Kind::Piece, offset_, bytes.substr(0, size)});
  };
  // Whatever came before the offending byte is given first: the events must not depend on where the
  // input was cut.
  const auto refuse = [&](JsonError error, std::size_t at) {
    piece(at);
    return fault(error, at);
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (in_string_ == InString::Plain && utf8_.complete()) {
      while (i < bytes.size() && is_plain(bytes[i])) ++i;
      if (i == bytes.size()) break;
    }
    const char c = bytes[i];
    const auto byte = static_cast<unsigned char>(c);
    if (in_string_ == InString::Escape) {
      if (c == 'u') {
        in_string_ = InString::Hex;
        hex_left_ = 4;
      } else if (c != '\0' && std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) {
        in_string_ = InString::Plain;
      } else {
        return refuse(JsonError::BadEscape, i);
      }
    } else if (in_string_ == InString::Hex) {
      if (!is_hex(c)) return refuse(JsonError::BadEscape, i);
      if (--hex_left_ == 0) in_string_ = InString::Plain;
    } else if (byte >= 0x80 || !utf8_.complete()) {
      if (!utf8_.take(byte)) return refuse(JsonError::BadUtf8, i);
    } else if (c == '\\') {
      in_string_ = InString::Escape;
    } else if (c == '"') {
      piece(i);
      out.push_back({key_ ? Kind::EndKey : Kind::EndString, offset_ + i, bytes.substr(i, 1)});
      if (key_) {
        state_ = State::Colon;
      } else {
        end_value();
      }
      return i + 1;
    } else {
      return refuse(JsonError::ControlInString, i);
    }
  }
  piece(bytes.size());
  return bytes.size();
}

bool JsonScanner::number_may_end() const {
  return in_number_ == InNumber::Zero || in_number_ == InNumber::Digits ||
         in_number_ == InNumber::Fraction || in_number_ == InNumber::ExponentDigits;
}

Result<std::size_t, JsonFault> JsonScanner::take_number(std::string_view bytes,
                                                        std::vector<JsonEvent>& out) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const bool digit = is_digit(c);
    const bool exponent = c == 'e' || c == 'E';
    InNumber next = InNumber::Start;  // stays so where the byte is not part of the number
    switch (in_number_) {
      case InNumber::Start:
        if (c == '-') next = InNumber::Minus;
        [[fallthrough]];
      case InNumber::Minus:
        if (digit) next = c == '0' ? InNumber::Zero : InNumber::Digits;
        break;
      case InNumber::Digits:
        if (digit) next = InNumber::Digits;
        [[fallthrough]];
      case InNumber::Zero:
        if (digit && in_number_ == InNumber::Zero) return fault(JsonError::BadNumber, i);
        if (c == '.') next = InNumber::Dot;
        if (exponent) next = InNumber::Exponent;
        break;
      case InNumber::Dot:
        if (digit) next = InNumber::Fraction;
        break;
      case InNumber::Fraction:
        if (digit) next = InNumber::Fraction;
        if (exponent) next = InNumber::Exponent;
        break;
      case InNumber::Exponent:
        if (c == '+' || c == '-') next = InNumber::ExponentSign;
        [[fallthrough]];
      case InNumber::ExponentSign:
      case InNumber::ExponentDigits:
        if (digit) next = InNumber::ExponentDigits;
        break;
    }
    if (next == InNumber::Start) {
      if (!number_may_end()) return fault(JsonError::BadNumber, i);
      end_number(bytes.substr(0, i), out);
      return i;
    }
    if (number_.size() + i == kJsonNumber) return fault(JsonError::NumberTooLong, i);
    in_number_ = next;
  }
  number_ += bytes;
  return bytes.size();
}

// `behind` is what of the number lies in the present piece of the input; offset_ is where that
// begins.
void JsonScanner::end_number(std::string_view behind, std::vector<JsonEvent>& out) {
  const std::uint64_t begin = offset_ - number_.size();
  std::string_view text = behind;
  if (!number_.empty()) {
    finished_number_ = number_;
    finished_number_ += behind;
    text = finished_number_;
  }
  number_.clear();
  out.push_back({Kind::Number, begin, text});
  end_value();
}

Result<std::size_t, JsonFault> JsonScanner::take_literal(std::string_view bytes,
                                                         std::vector<JsonEvent>& out) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != literal_[literal_taken_]) return fault(JsonError::BadLiteral, i);
    if (++literal_taken_ < literal_.size()) continue;
    const Kind kind = literal_ == "true"    ? Kind::True
                      : literal_ == "false" ? Kind::False
                                            : Kind::Null;
    out.push_back({kind, offset_ + i + 1 - literal_.size(), literal_});
    end_value();
    return i + 1;
  }
  return bytes.size();
}

Result<void, JsonFault> JsonScanner::finish(std::vector<JsonEvent>& out) {
  if (state_ == State::Number && number_may_end()) end_number({}, out);
  if (options_.fragment || state_ == State::Done) return {};
  const bool nothing = state_ == State::Value && open_.empty();
  if (nothing && options_.many_values && mark_taken_ % kByteOrderMark.size() == 0) return {};
  return fault(JsonError::EndedEarly);
}

}  // namespace veilwire::wire
