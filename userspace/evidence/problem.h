// What does not hold, as reports list it: the first few in words, and how many in all. Tested by
// tests/unit/evidence/log_check_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace veilwire::evidence {

inline constexpr std::size_t kMostProblems = 100;

struct Problem {
  std::uint64_t record = 0;  // its number, from 1; 0: of the whole
  std::string what;          // a clause for a person
};

// To a LogReport or a BundleReport.
template <class Report>
void add_problem(Report& report, std::uint64_t record, std::string what) {
  ++report.problem_count;
  if (report.problems.size() < kMostProblems) report.problems.push_back({record, std::move(what)});
}

}  // namespace veilwire::evidence
