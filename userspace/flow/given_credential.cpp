#include "userspace/flow/given_credential.h"

#include "userspace/base/ascii.h"

#include <algorithm>

namespace veilwire::flow {
namespace {

// A Content-Length and what else is written behind it.
constexpr std::size_t kRoom = 256;
// Shorter ones stand in ordinary text.
constexpr std::size_t kShortestLookedFor = 8;

}  // namespace

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
  head.raw.reserve(head.raw.size() + credential.host.credential_field.size() +
                   field.reveal().size() + kRoom);
  return wire::append_field(head, credential.host.credential_field, field.reveal());
}

std::shared_ptr<const masking::KnownSecret> to_look_for(const GivenCredential& credential) {
  std::string_view value = credential.value->reveal();
  value.remove_prefix(value.rfind(' ') + 1);
  if (value.size() < kShortestLookedFor) return nullptr;
  return std::make_shared<const masking::KnownSecret>(Secret(std::string(value)));
}

}  // namespace veilwire::flow
