// What a chain says about the authority at its head, beyond what signing with it needs: whether it
// is as narrow as one that lies on every host should be, when it holds, and where trust in it
// begins. For set-up, which refuses what a CA of the organisation signed too widely. Tested by
// tests/unit/tls/authority_facts_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/wire/leaf_cert.h"

#include <optional>
#include <string>
#include <string_view>

namespace veilwire::wire {

struct AuthorityFacts {
  std::optional<long> path_length;  // of the first certificate; nullopt: it says none
  // The first certificate permits only some DNS names, and says so in a critical extension.
  bool constrained = false;
  WallTime not_before, not_after;  // in which every certificate of the chain holds
  // The self-signed certificate at the end, PEM; empty: the chain ends before one.
  std::string root_pem;
  std::string chain_pem;  // the certificates alone, without what stands around them
  std::string sha256;     // of the first certificate, hex
  std::string subject;    // of the first certificate, RFC 2253
};

Result<AuthorityFacts, CertError> examine_authority(std::string_view chain_pem);

// Whether the chain ends below a certificate of this bundle (PEM, as a system keeps it), by names,
// signatures and CA bits; no dates.
bool issued_below(std::string_view chain_pem, std::string_view bundle_pem);

}  // namespace veilwire::wire
