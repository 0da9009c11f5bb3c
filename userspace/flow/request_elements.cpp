#include "userspace/flow/request_elements.h"

#include "userspace/wire/json_scanner.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace veilwire::flow {
namespace {

// A position in the document; every step says whether it could be taken.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  void back_to(std::size_t at) { at_ = at; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char c) {
    blanks();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  // The content of a string, escapes and all.
  bool string(std::string_view& content) {
    if (!take('"')) return false;
    const std::size_t begin = at_;
    if (!end_string()) return false;
    content = text_.substr(begin, at_ - 1 - begin);
    return true;
  }

  // One value of any kind.
  bool value() {
    blanks();
    if (peek() == '{' || peek() == '[') return container();
    std::string_view ignored;
    if (peek() == '"') return string(ignored);
    at_ = text_.find_first_of(",]} \t\r\n", at_);
    return at_ != std::string_view::npos;
  }

 private:
  // Behind the quote that ends the string: the next one with an even number of backslashes before.
  bool end_string() {
    for (;;) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) return false;
      std::size_t escapes = quote;
      while (escapes > at_ && text_[escapes - 1] == '\\') --escapes;
      at_ = quote + 1;
      if ((quote - escapes) % 2 == 0) return true;
    }
  }

  bool container() {
    std::size_t depth = 0;
    for (;;) {
      if (at_ == text_.size()) return false;
      switch (text_[at_++]) {
        case '"':
          if (!end_string()) return false;
          break;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (--depth == 0) return true;
          break;
        default:
          break;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// A message and whether its role is the assistant's. Of a repeated member the last counts, as for
// parsers.
bool message(Cursor& cursor, bool& assistant) {
  if (!cursor.take('{')) return false;
  if (cursor.take('}')) return true;
  do {
    std::string_view key, role;
    if (!cursor.string(key) || !cursor.take(':')) return false;
    cursor.blanks();
    if (key == "role" && cursor.peek() == '"') {
      if (!cursor.string(role)) return false;
      assistant = role == "assistant";
    } else if (!cursor.value()) {
      return false;
    }
  } while (cursor.take(','));
  return cursor.take('}');
}

// False where the array does not go on as one.
bool add_elements(Cursor& cursor, std::string_view document, message::Zone zone,
                  std::vector<RequestElement>& elements) {
  const auto add = [&](std::size_t begin, bool assistant) {
    elements.push_back({document.substr(begin, cursor.at() - begin), zone, assistant});
  };
  if (cursor.peek() == '"' && zone == message::Zone::AnthropicBlock) {
    const std::size_t begin = cursor.at();
    if (!cursor.value()) return false;
    add(begin, false);
    return true;
  }
  if (!cursor.take('[')) return cursor.value();
  if (cursor.take(']')) return true;
  for (;;) {
    cursor.blanks();
    const std::size_t begin = cursor.at();
    const bool object = cursor.peek() == '{';
    bool assistant = false;
    if (zone != message::Zone::AnthropicTurn || !message(cursor, assistant)) {
      cursor.back_to(begin);
      assistant = false;
      if (!cursor.value()) return false;
    }
    if (object) add(begin, assistant);
    if (cursor.take(']')) return true;
    if (!cursor.take(',')) return false;
  }
}

// Text: no elements of ours.
message::Zone zone_of(std::string_view key) {
  if (key == "messages") return message::Zone::AnthropicTurn;
  if (key == "system") return message::Zone::AnthropicBlock;
  return key == "tools" ? message::Zone::AnthropicTool : message::Zone::Text;
}

}  // namespace

std::vector<RequestElement> request_elements(std::string_view document) {
  std::vector<RequestElement> elements;
  Cursor cursor(document);
  if (!cursor.take('{')) return elements;
  do {
    std::string_view key;
    if (!cursor.string(key) || !cursor.take(':')) return elements;
    const message::Zone zone = zone_of(key);
    cursor.blanks();
    const bool good = zone == message::Zone::Text ? cursor.value()
                                                  : add_elements(cursor, document, zone, elements);
    if (!good) return elements;
  } while (cursor.take(','));
  return elements;
}

crypto::Digest said_in(const RequestElement& element) {
  using Kind = wire::JsonEvent::Kind;
  constexpr std::size_t kSlice = 4096;
  crypto::Sha256 hash;
  std::uint64_t length = 0;
  // A length behind each text: no two rows of texts read alike.
  const auto end_text = [&] {
    char bytes[sizeof(length)];
    std::memcpy(bytes, &length, sizeof(length));
    hash.update({bytes, sizeof(bytes)});
    length = 0;
  };
  message::FieldWalker walker(element.zone);
  wire::JsonScanner scanner({.utf8 = wire::Utf8::Any});
  std::vector<wire::JsonEvent> events;
  std::string head;
  bool text = false, key = false;
  for (std::string_view rest = element.bytes; !rest.empty();) {
    const std::string_view slice = rest.substr(0, kSlice);
    rest.remove_prefix(slice.size());
    events.clear();
    if (!scanner.feed(slice, events)) break;
    for (const wire::JsonEvent& event : events) {
      switch (event.kind) {
        case Kind::BeginObject:
          walker.begin_object();
          break;
        case Kind::BeginArray:
          walker.begin_array();
          break;
        case Kind::EndObject:
        case Kind::EndArray:
          walker.end();
          break;
        case Kind::BeginKey:
          head.clear();
          key = true;
          break;
        case Kind::BeginString:
          text = !message::is_kept(message::leaf(walker.zone()));
          break;
        case Kind::Piece:
          if (key && head.size() <= message::kLongestKnownKey) head += event.bytes;
          if (!key && text) {
            hash.update(event.bytes);
            length += event.bytes.size();
          }
          break;
        case Kind::EndKey:
          key = false;
          if (walker.key(head)) {  // it is a text itself
            hash.update(head);
            length = head.size();
            end_text();
          }
          break;
        case Kind::EndString:
          if (text) end_text();
          break;
        case Kind::Number:
        case Kind::True:
        case Kind::False:
        case Kind::Null:
          break;
      }
    }
  }
  return hash.finish();
}

}  // namespace veilwire::flow
