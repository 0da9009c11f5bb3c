// The one IdP, out of its metadata: a file that an administrator has put there, which pins the keys
// that may sign. Certificates are containers for keys here: who issued them and until when says
// nothing (SAML V2.0 Metadata Interoperability Profile, 2.6.1). Tested by
// tests/unit/saml/idp_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace veilwire::saml {

struct Idp {
  std::string entity_id;
  std::string sign_in;  // where browsers are sent with a request; "": nowhere by HTTP-Redirect
  std::vector<std::string> certificates;  // DER, of RSA keys of 2048 bits or more; at least one
};

// Throws std::runtime_error that says what is missing: start-up only.
Idp read_idp(std::string_view metadata);

}  // namespace veilwire::saml
