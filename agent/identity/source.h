// Where a person comes from. The local user database is one source; an identity provider is
// another. Whatever is behind it may be slow: a source is asked on threads of its own.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/local.h"
#include "userspace/identity/person.h"

#include <string>

namespace veilwire::agent_identity {

class IdentitySource {
 public:
  virtual ~IdentitySource() = default;
  // Blocks as long as it takes; called from several threads at once. The person's valid_until is
  // set by the caller.
  virtual Result<identity::Person, identity::Refusal> identify(const identity::Peer& peer) = 0;
  // What of a peer the answer depends on: peers of one key share one question and one answer.
  virtual std::string key(const identity::Peer& peer) const = 0;
};

}  // namespace veilwire::agent_identity
