// What a response of the IdP says, if it is one to this sign-in: the order of the checks is that of
// the trust in what is read. Everything that is given out comes from the one assertion that was
// verified, out of the tree in which it was (SAML 2.0 core, 2 and 3.3.3; profiles, 4.1.4.3). Tested
// by tests/unit/saml/response_test.cpp and wrapping_test.cpp, and tests/fuzz/saml_response.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "agent/saml/xml.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/saml_assertion.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::saml {

struct Expected {
  std::string issuer;    // the IdP's entity id
  std::string audience;  // ours
  std::string recipient;
  std::string in_response_to;
  WallTime now;
};

// Whether an element is signed: PinnedKeys::verify in the program.
using Verify = std::function<Result<void, host::protocol::SamlError>(XmlNode* element)>;

struct Response {
  identity::SamlAssertion assertion;
  // The response again, with nothing in it but the signed assertion and what it must have around
  // it: all of it is the IdP's word or ours.
  std::string xml;
};

// xml: decoded. said names the place, where there is one, or what the IdP says about a refusal.
Result<Response, host::protocol::SamlRefused> read_response(std::string_view xml,
                                                            const Expected& expected,
                                                            const Verify& verify);

// xs:dateTime in UTC, as SAML has it (core, 1.3.3), from 1970 to 2200.
std::optional<WallTime> read_time(std::string_view text);

}  // namespace veilwire::saml
