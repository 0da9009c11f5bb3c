// [[identity.transmitter]]: who tells us of events about sessions, where we ask for them, and whose
// people they are about. Tested by tests/unit/identity/event_settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "userspace/identity/event_poll.h"
#include "userspace/identity/security_event.h"
#include "userspace/identity/url.h"

#include <optional>
#include <string>
#include <vector>

namespace veilwire::agent_identity {

struct TransmitterSettings {
  identity::PollSettings poll;
  identity::EventExpectation expected;
  std::optional<identity::Url> keys;  // nothing: where its document says (SSF 1.0, 7)
  std::string token_file;             // with what it knows us by, a bearer token
};

// `section`: [identity]. issuer: whose people events are about where a table says nothing else;
// nothing: each has to say it. Throws std::runtime_error.
std::vector<TransmitterSettings> read_transmitters(const host::ConfigSection& section,
                                                   const std::optional<identity::Url>& issuer);

// "Bearer ...", out of the token file. Throws std::runtime_error that says what to do.
Secret read_bearer(const std::string& token_file);

}  // namespace veilwire::agent_identity
