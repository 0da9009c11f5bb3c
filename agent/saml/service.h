// What veilwire-saml answers: one sign-in begun, or one response read. Time comes with the
// question, randomness is an argument. Tested by tests/unit/saml/service_test.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "agent/saml/idp.h"
#include "agent/saml/lasso_sp.h"
#include "agent/saml/replay_table.h"
#include "agent/saml/signature.h"
#include "userspace/crypto/random.h"

#include <cstdint>
#include <string>

namespace veilwire::saml {

class Service {
 public:
  // metadata: of the IdP. Throws std::runtime_error: start-up only.
  Service(SpSettings settings, const std::string& metadata, crypto::RandomSource random);

  host::protocol::SamlAnswer answer(const host::protocol::SamlQuestion& question);

  struct Counters {
    std::uint64_t begun = 0, finished = 0, refused = 0;
  };
  const Counters& counters() const { return counters_; }
  const std::string& idp() const { return idp_.entity_id; }

 private:
  Result<identity::SamlAssertion, host::protocol::SamlRefused> finish(
      const host::protocol::SamlFinish& question);

  SpSettings settings_;
  Idp idp_;
  PinnedKeys keys_;
  LassoSp lasso_;
  crypto::RandomSource random_;
  ReplayTable used_;
  Counters counters_;
};

}  // namespace veilwire::saml
