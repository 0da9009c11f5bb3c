// What the kernel counts of this process, as a JSON object: {"cpu_seconds", "resident_bytes",
// "open_fds", "max_fds", "start_time"} (seconds since 1970). Told by each program of itself, since
// none sees the others in /proc. Tested by tests/unit/ctl/status_protocol_test.cpp.
#pragma once

#include <string>

namespace veilwire::host {

std::string process_usage();

}  // namespace veilwire::host
