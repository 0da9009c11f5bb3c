// Fields that an operator wants to stand in every request, from a file with a "Name: value" a line:
// a collector's token among them, so that it is in no configuration. Tested by
// tests/unit/forwarder/header_lines_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::forwarder {

using HeaderFields = std::vector<std::pair<std::string_view, std::string_view>>;

// Points into text. Empty lines and such as begin with "#" are left out. The error names the line
// and never its value.
Result<HeaderFields, std::string> read_header_lines(std::string_view text);

}  // namespace veilwire::forwarder
