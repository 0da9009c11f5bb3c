#include "userspace/flow/request_elements.h"

#include <cstddef>

namespace veilwire::flow {
namespace {

// A position in the document; every step says whether it could be taken.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
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

// False where the array does not go on as one.
bool add_elements(Cursor& cursor, std::string_view document,
                  std::vector<std::string_view>& elements) {
  if (!cursor.take('[')) return cursor.value();
  if (cursor.take(']')) return true;
  for (;;) {
    cursor.blanks();
    const std::size_t begin = cursor.at();
    const bool object = cursor.peek() == '{';
    if (!cursor.value()) return false;
    if (object) elements.push_back(document.substr(begin, cursor.at() - begin));
    if (cursor.take(']')) return true;
    if (!cursor.take(',')) return false;
  }
}

}  // namespace

std::vector<std::string_view> request_elements(std::string_view document) {
  std::vector<std::string_view> elements;
  Cursor cursor(document);
  if (!cursor.take('{')) return elements;
  do {
    std::string_view key;
    if (!cursor.string(key) || !cursor.take(':')) return elements;
    const bool wanted = key == "messages" || key == "system" || key == "tools";
    cursor.blanks();
    if (!(wanted ? add_elements(cursor, document, elements) : cursor.value())) return elements;
  } while (cursor.take(','));
  return elements;
}

}  // namespace veilwire::flow
