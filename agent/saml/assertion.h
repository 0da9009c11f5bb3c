// What a verified assertion says, and whether it says it to us, about this sign-in, now. What is
// there and not understood is refused where it could restrict (conditions), and left out where it
// could not. Tested by tests/unit/saml/response_test.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "agent/saml/response.h"
#include "agent/saml/xml.h"
#include "userspace/base/result.h"
#include "userspace/identity/saml_assertion.h"

#include <initializer_list>
#include <string_view>

namespace veilwire::saml {

Result<identity::SamlAssertion, host::protocol::SamlRefused> read_assertion(
    const XmlNode* assertion, const Expected& expected);

enum class Times { Once, Many };
struct Step {
  std::string_view name_space;
  std::string_view name;
  Times times = Times::Once;
};
// Whether all children are of these, in this order, each at most as often as it says: the schema's
// sequence, whose members may be missing.
bool in_order(const XmlNode* node, std::initializer_list<Step> steps);

}  // namespace veilwire::saml
