// What an entry of the index is found by, and what became of it. The numbers stand in ledgers: add,
// never change. Tested by tests/unit/recorder/exchange_index_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::recorder {

enum class TermKind : std::int64_t {
  Person = 1,  // subject, name and uid, each
  Group = 2,
  Server = 3,
  Rule = 4,
  Category = 5,
  Tool = 6,  // or the method of MCP
  Model = 7,
  Decision = 8,
};

// An entry can have several; it has none while it is open and nothing has been decided.
enum class Decision : std::int64_t {
  Blocked = 1,    // by a rule
  Masked = 2,     // something was masked
  Denied = 4,     // refused for another reason than a rule: who it was, what could not be inspected
  Gap = 8,        // something was not inspected or not recorded
  Passed = 16,    // an exchange that has ended and has none of the others
  Observed = 32,  // something would have been masked, blocked or denied, and went out as it came
};

inline constexpr std::array<std::pair<Decision, std::string_view>, 6> kDecisions = {{
    {Decision::Blocked, "blocked"},
    {Decision::Masked, "masked"},
    {Decision::Denied, "denied"},
    {Decision::Gap, "gap"},
    {Decision::Passed, "passed"},
    {Decision::Observed, "observed"},
}};

constexpr bool has(std::int64_t decisions, Decision decision) {
  return (decisions & static_cast<std::int64_t>(decision)) != 0;
}

// The name of a host is the same in capitals.
inline std::string server_term(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

}  // namespace veilwire::recorder
