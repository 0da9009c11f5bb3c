// OCSF 1.8 events, each one line of JSON with its line feed: API Activity (6003, with the profile
// ai_operation) for calls, Data Security Finding (2006) for what was found, Authentication (3002)
// and Authorize Session (3003) for changes of who is asking, and the Base Event for all that has no
// class of its own, gaps among it. A sink takes records or exchanges, not both: each tells all of
// it. Tested by tests/unit/projection/ocsf_test.cpp and, against the published schema, by
// tests/projection/ocsf_test.py.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"

#include <string>
#include <vector>

namespace veilwire::projection {

// Empty where a sink of this level is not told.
std::vector<std::string> ocsf_lines(const audit::Parsed& record, const Source& source, Level level);
std::vector<std::string> ocsf_lines(const Exchange& exchange, const Source& source, Level level);

}  // namespace veilwire::projection
