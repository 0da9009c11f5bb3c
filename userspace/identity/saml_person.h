// An assertion as the other sources of identity say it: a VerifiedToken, so that the rules about
// who owns an account (owns_account), sessions and revocation are the same for SAML as for OpenID
// Connect. Attributes are its claims: one value is a text, several are a list.
//
// From there: owns_account(token, account, rules of this issuer), then SessionTable::add() with
// person_of(), idp_session = token.session, token = token.id, issued_at = token.issued_at,
// expires_at = *token.expires_at, and self_contained = true, because SAML has nobody to ask while
// the session lasts.
//
// Tested by tests/unit/identity/saml_person_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/claims.h"
#include "userspace/identity/person.h"
#include "userspace/identity/saml_assertion.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::identity {

struct SamlSettings {
  // The attribute that says who somebody is. Empty: the NameID, which must then be persistent, as
  // other formats name somebody else tomorrow (core, 8.3.7 and 8.3.8).
  std::string subject_attribute = {};
  std::string groups_attribute = {};  // empty: no groups are read
  std::string name_attribute = {};    // for display; empty, or not there: the subject
  // An IdP that says when its session ends is believed up to here; where it does not say, this is
  // how long a sign-in lasts.
  std::chrono::seconds session{8 * 3600};
};

enum class SamlFault : std::uint8_t {
  SubjectNotLasting,  // the NameID is not persistent and no attribute is configured
  NoSubject,          // the attribute is not there, or has several values
  TooManyGroups,      // over limits::kTokenGroups: one that is left out may be one that restricts
  SessionOver,        // the IdP says that it has ended
};
std::string_view to_string(SamlFault fault);  // a clause for a person

Result<VerifiedToken, SamlFault> token_of(const SamlAssertion& assertion,
                                          const SamlSettings& settings, WallTime now);

// Human, by "saml"; groups in order, none twice.
Person person_of(const VerifiedToken& token);

}  // namespace veilwire::identity
