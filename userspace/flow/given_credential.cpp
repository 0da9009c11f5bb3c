#include "userspace/flow/given_credential.h"

#include "userspace/base/ascii.h"

#include <algorithm>

namespace veilwire::flow {

bool is_replaced(const policy::Host& host, std::string_view name) {
  const auto is = [name](std::string_view one) { return equal_ignoring_case(name, one); };
  return is("authorization") || is("x-api-key") || is(host.credential_field) ||
         std::ranges::any_of(host.drops, is);
}

void drop_own(const policy::Host& host, wire::FieldSection& section) {
  for (std::size_t i = section.fields.size(); i-- > 0;)
    if (is_replaced(host, section.name(section.fields[i]))) wire::remove_field(section, i);
}

Result<void, wire::HttpError> give(const GivenCredential& credential, wire::RequestHead& head) {
  drop_own(credential.host, head);
  SecretBuilder value;
  if (credential.host.credential_bearer) value.append("Bearer ");
  const Secret field = value.append(credential.value->reveal()).take();
  return wire::append_field(head, credential.host.credential_field, field.reveal());
}

}  // namespace veilwire::flow
