#include "userspace/policy/strict_reader.h"

#include "userspace/base/ascii.h"

#include <algorithm>
#include <cstddef>

namespace veilwire::policy {
namespace {

// Edits (insert, remove, replace, swap of neighbours count one) between two short words, without
// regard to case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1,
                         last[j - 1] + (to_lower(a[i - 1]) == to_lower(b[j - 1]) ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(last, row);
  }
  return last[b.size()];
}

std::string quoted(std::string_view word) {
  std::string s;
  s += '"';
  for (const char c : word.substr(0, 64)) s += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  if (word.size() > 64) s += "...";
  s += '"';
  return s;
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t kLongestWord =
      64;  // beyond it nothing is a misspelling, and the distance is quadratic
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t best_distance = 1 + std::max<std::size_t>(1, word.size() / 3);
  for (const std::string_view candidate : known) {
    if (candidate.size() > kLongestWord) continue;
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

std::string allowed_hint(std::string_view word, const std::vector<std::string_view>& known) {
  std::string hint;
  if (const std::string_view meant = nearest(word, known); !meant.empty())
    hint += "; did you mean " + quoted(meant) + "?";
  else
    hint += ".";
  hint += " Allowed: ";
  for (std::size_t i = 0; i < known.size(); ++i) hint += (i == 0 ? "" : ", ") + quoted(known[i]);
  return hint;
}

std::vector<PolicyError> Errors::take() && {
  std::stable_sort(list_.begin(), list_.end(), [](const PolicyError& a, const PolicyError& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return std::move(list_);
}

StrictReader::StrictReader(const Value& table, std::string_view name, Errors& errors)
    : table_(table), name_(name), errors_(errors) {}

const Member* StrictReader::find(std::string_view key) const {
  for (const Member& member : table_.members)
    if (member.key == key) return &member;
  return nullptr;
}

std::string StrictReader::where() const { return name_.empty() ? "" : " in " + name_; }

Place StrictReader::place_of(std::string_view key) const {
  const Member* member = find(key);
  return member == nullptr ? table_.place : member->value.place;
}

const Value* StrictReader::any(std::string_view key) {
  known_.emplace_back(key);
  const Member* member = find(key);
  return member == nullptr ? nullptr : &member->value;
}

const Value* StrictReader::of_kind(std::string_view key, Value::Kind kind) {
  const Value* value = any(key);
  if (value == nullptr || value->kind == kind) return value;
  errors_.add(value->place, std::string(key) + where() + " must be " +
                                std::string(to_string(kind)) + ", not " +
                                std::string(to_string(value->kind)));
  return nullptr;
}

std::optional<std::string> StrictReader::text(std::string_view key) {
  const Value* value = of_kind(key, Value::Kind::String);
  if (value == nullptr) return std::nullopt;
  if (value->text.empty()) {
    errors_.add(value->place,
                std::string(key) + where() + " is empty: give it a value or remove the line");
    return std::nullopt;
  }
  return value->text;
}

std::vector<const Value*> StrictReader::texts(std::string_view key) {
  std::vector<const Value*> found;
  const Value* list = of_kind(key, Value::Kind::Array);
  if (list == nullptr) return found;
  for (const Value& item : list->items) {
    if (item.kind != Value::Kind::String)
      errors_.add(item.place, std::string(key) + where() + " is a list of strings; this is " +
                                  std::string(to_string(item.kind)));
    else if (item.text.empty())
      errors_.add(item.place, "an empty string" + where() + " in the list " + std::string(key));
    else
      found.push_back(&item);
  }
  return found;
}

const Value* StrictReader::table(std::string_view key) {
  const Value* value = any(key);
  if (value == nullptr || value->kind == Value::Kind::Table) return value;
  errors_.add(value->place,
              std::string(key) + " is a section: write [" + std::string(key) + "] once");
  return nullptr;
}

std::vector<const Value*> StrictReader::tables(std::string_view key) {
  std::vector<const Value*> found;
  const Value* list = any(key);
  if (list == nullptr) return found;
  const std::string header = "[[" + std::string(key) + "]]";
  if (list->kind != Value::Kind::Array) {
    errors_.add(list->place,
                std::string(key) + " is a list: write " + header + " before each entry");
    return found;
  }
  for (const Value& item : list->items) {
    if (item.kind == Value::Kind::Table)
      found.push_back(&item);
    else
      errors_.add(item.place, std::string(key) + " is a list of tables: write " + header +
                                  " before each entry");
  }
  return found;
}

void StrictReader::require(std::string_view key, std::string_view why) {
  if (!has(key))
    errors_.add(table_.place, std::string(key) + " is missing" + where() + ": " + std::string(why));
}

void StrictReader::refuse_word(std::string_view key, const Value& value,
                               const std::vector<std::string_view>& words) {
  errors_.add(value.place, quoted(value.text) + " is no value of " + std::string(key) + where() +
                               allowed_hint(value.text, words));
}

void StrictReader::close() {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const Member& member : table_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    errors_.add(member.place,
                "unknown key " + quoted(member.key) + where() + allowed_hint(member.key, known));
  }
}

}  // namespace veilwire::policy
