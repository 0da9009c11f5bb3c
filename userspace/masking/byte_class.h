// The classes of bytes that expressions name, and sets of bytes put together. As in RE2, named
// classes hold ASCII alone. Tested by tests/unit/masking/expression_test.cpp.
#pragma once

#include "userspace/masking/expression.h"

#include <optional>
#include <string_view>

namespace veilwire::masking {

bool is_letter(unsigned byte);  // of ASCII
// lo to hi, both included; below 256.
void add_range(ByteSet& set, unsigned lo, unsigned hi);
// With the other case of every ASCII letter in it.
ByteSet folded(const ByteSet& set);

// \d, \s, \w and their complements; nullopt when the letter names no class.
std::optional<ByteSet> perl_class(char letter);
// "alpha" of [[:alpha:]]; nullopt when there is no such class.
std::optional<ByteSet> posix_class(std::string_view name);

}  // namespace veilwire::masking
