// An operator's word that a sink goes on from another record: told to the recorder, which cuts the
// sink's connection so that it begins there. Tested by tests/e2e/delivery_test.py.
#pragma once

#include "agent/host/protocol/delivery.h"
#include "userspace/base/result.h"

#include <cstdint>
#include <string>

namespace veilwire::forwarder {

// Waits for the answer: where the sink now stands. The error is a line for a person.
Result<std::uint64_t, std::string> rewind(const std::string& recorder_socket,
                                          const host::protocol::Rewind& what);

}  // namespace veilwire::forwarder
