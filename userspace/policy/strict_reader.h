// Reads a table of a document so that nothing in it can go unnoticed: each key that is asked for
// counts as known, and close() refuses every other one and names the nearest known key. Errors are
// collected, so that a person sees all of them at once, as from a compiler. Tested by
// tests/unit/policy/parse_test.cpp.
#pragma once

#include "userspace/policy/document.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::policy {

// The word among `known` that `word` was probably meant to be; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

// `; did you mean "mask"?` or nothing, then `. Allowed: "pass", "mask", "block"`.
std::string allowed_hint(std::string_view word, const std::vector<std::string_view>& known);

class Errors {
 public:
  explicit Errors(std::string_view file) : file_(file) {}
  void add(Place place, std::string message) {
    list_.push_back({file_, place.line, place.column, std::move(message)});
  }
  std::size_t count() const { return list_.size(); }
  // In the order of the file.
  std::vector<PolicyError> take() &&;

 private:
  std::string file_;
  std::vector<PolicyError> list_;
};

class StrictReader {
 public:
  // `name` stands in messages: "[default]"; empty for the document itself.
  StrictReader(const Value& table, std::string_view name, Errors& errors);

  // Each returns nothing when the key is absent or its value is refused (then an error has been
  // added).
  const Value* any(std::string_view key);
  const Value* of_kind(std::string_view key, Value::Kind kind);
  std::optional<std::string> text(std::string_view key);   // not empty
  std::vector<const Value*> texts(std::string_view key);   // a list of strings, none empty
  const Value* table(std::string_view key);                // [key]
  std::vector<const Value*> tables(std::string_view key);  // [[key]]

  template <class E, std::size_t N>
  std::optional<E> choice(std::string_view key,
                          const std::pair<std::string_view, E> (&allowed)[N]) {
    const Value* value = of_kind(key, Value::Kind::String);
    if (value == nullptr) return std::nullopt;
    std::vector<std::string_view> words;
    for (const auto& [word, meaning] : allowed) {
      if (value->text == word) return meaning;
      words.push_back(word);
    }
    refuse_word(key, *value, words);
    return std::nullopt;
  }

  // An error when the key is absent: what it says is "KEY is missing: WHY".
  void require(std::string_view key, std::string_view why);
  bool has(std::string_view key) const { return find(key) != nullptr; }
  Place place() const { return table_.place; }
  Place place_of(std::string_view key) const;

  // Refuses what has not been asked for. Call it last.
  void close();

 private:
  const Member* find(std::string_view key) const;
  std::string where() const;
  void refuse_word(std::string_view key, const Value& value,
                   const std::vector<std::string_view>& words);

  const Value& table_;
  std::string name_;
  Errors& errors_;
  std::vector<std::string> known_;
};

}  // namespace veilwire::policy
