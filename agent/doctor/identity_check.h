// The identity provider and the clocks. Tested by tests/unit/doctor/identity_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <chrono>
#include <optional>
#include <string>

namespace veilwire::doctor {

// What an identity provider answered to the question for its discovery document.
struct ProviderAnswer {
  std::string problem;                        // "": it has answered with 200
  std::optional<std::chrono::seconds> ahead;  // its clock before ours, from its Date; nullopt: none
};
struct IdentityFacts {
  std::string provider;                  // "local", "oidc", "saml"
  std::string issuer;                    // whom to ask; with SAML where people sign in; "": none
  std::string metadata_problem = {};     // with SAML: what veilwire-saml finds wrong
  std::optional<ProviderAnswer> answer;  // nullopt: it was not asked
  std::optional<bool> synchronised;      // the kernel's word on our clock
  std::string document;                  // veilwire-identity's status
};

Findings check_identity(const IdentityFacts& facts);

}  // namespace veilwire::doctor
