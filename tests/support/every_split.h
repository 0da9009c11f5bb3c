// The contract of every byte filter: however its input is cut, the result in sum is the same.
// Checks all two-way cuts (an empty first or last piece included) and byte by byte against the
// whole input in one piece.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::testing {

using Pieces = std::vector<std::string_view>;

// run: Pieces -> a value that compares with ==; it makes a fresh filter, feeds the pieces in order,
// ends it, and returns everything that came out, an error included. Quadratic in the input: a few
// kB are plenty.
template <class Run>
void every_split(std::string_view input, Run run) {
  const auto whole = run(Pieces{input});
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    const auto cut_once = run(Pieces{input.substr(0, cut), input.substr(cut)});
    ASSERT_EQ(cut_once, whole) << "cut at " << cut << " of " << input.size();
  }
  Pieces octets;
  for (std::size_t i = 0; i < input.size(); ++i) octets.push_back(input.substr(i, 1));
  const auto byte_by_byte = run(octets);
  ASSERT_EQ(byte_by_byte, whole) << "byte by byte";
}

}  // namespace veilwire::testing
