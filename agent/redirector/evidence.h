// What a process really runs, read from /proc: the second opinion on a label that a name or an
// argument gave. Tested by tests/unit/redirector/evidence_test.cpp.
#pragma once

#include "agent/redirector/config.h"

#include <cstdint>
#include <string>

namespace veilwire::redirector {

enum class Evidence : std::uint8_t {
  Client,       // the executable is an intercepted client: its key may be learnt
  Interpreted,  // an interpreter runs a client's script: this process is one, the executable is not
  Nothing,
  Gone,  // no such process, or nothing that we may read about it
};

// proc is "/proc", or a test's copy of its layout. A process may change its arguments at any time:
// they only ever add to what is intercepted.
Evidence look_at_process(const Settings& settings, const std::string& proc, std::uint32_t tgid);

}  // namespace veilwire::redirector
