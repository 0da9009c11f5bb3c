// An input in pieces of a length that the fuzzer chooses.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace veilwire::fuzz {

// length: at least 1.
template <class Feed>
void in_pieces(std::string_view input, std::size_t length, Feed feed) {
  while (!input.empty()) {
    feed(input.substr(0, length));
    input.remove_prefix(std::min(length, input.size()));
  }
}

}  // namespace veilwire::fuzz
