// What a verified assertion of a SAML 2.0 IdP says, as plain text: all that leaves the process that
// reads XML. Texts are printable and at most limits::kTokenText long.
#pragma once

#include "userspace/base/time.h"

#include <optional>
#include <string>
#include <vector>

namespace veilwire::identity {

// NameID formats, after their common prefixes (SAML 2.0 core, 8.3).
inline constexpr const char* kSamlPersistent =
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
inline constexpr const char* kSamlTransient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
inline constexpr const char* kSamlUnspecified =
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

struct SamlAttribute {
  std::string name;                 // no name twice
  std::vector<std::string> values;  // in their order, empty ones left out
  friend bool operator==(const SamlAttribute&, const SamlAttribute&) = default;
};

struct SamlAssertion {
  std::string issuer;  // the entity id of the IdP
  std::string id;
  std::string subject;         // NameID
  std::string subject_format;  // its Format; kSamlUnspecified where none is named
  std::string session_index;   // empty: none is named
  std::string authn_context;   // AuthnContextClassRef
  WallTime issued_at;
  WallTime signed_in_at;                    // AuthnInstant
  WallTime usable_until;                    // for a sign-in: minutes, mostly
  std::optional<WallTime> session_ends_at;  // SessionNotOnOrAfter
  std::vector<SamlAttribute> attributes;
  friend bool operator==(const SamlAssertion&, const SamlAssertion&) = default;
};

}  // namespace veilwire::identity
