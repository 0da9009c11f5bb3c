// Finds the elements of the arrays that a client sends again with every turn: messages, system and
// tools of a Messages API request. It only pairs brackets and quotes; whether the document is one,
// and what a position means, is judged by the scanner that reads it. Tested by
// tests/unit/flow/element_cache_test.cpp.
#pragma once

#include <string_view>
#include <vector>

namespace veilwire::flow {

// The objects among them, in order, as they stand in the document. In what is no JSON, or is not
// whole: those before the place where that shows.
std::vector<std::string_view> request_elements(std::string_view document);

}  // namespace veilwire::flow
