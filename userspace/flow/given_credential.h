// The organisation's credential for a host in the place of a client's own: of all that says who the
// client is, only this goes upstream. Everything else of the head stays as it is. Tested by
// tests/unit/flow/given_credential_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/masking/known_secret.h"
#include "userspace/policy/policy.h"
#include "userspace/wire/http.h"

#include <memory>
#include <string>
#include <string_view>

namespace veilwire::flow {

struct GivenCredential {
  std::string name;                     // as policy has it: this may stand in a record
  std::shared_ptr<const Secret> value;  // nullptr once it has gone out
  policy::Host host;                    // says which field carries it and which ones go
};

// Whether a field of this name goes where a credential is given for the host.
bool is_replaced(const policy::Host& host, std::string_view name);

// For trailers as well, where no server should look for one.
void drop_own(const policy::Host& host, wire::FieldSection& section);
// Drops the client's own and puts this one in its place. On an error the head must not go out.
// The head has room for what is written into it later, so that the credential stays in one place.
Result<void, wire::HttpError> give(const GivenCredential& credential, wire::RequestHead& head);
// What an upstream would say that repeats it: without the scheme that may stand before it. nullptr:
// too short to be told from what anybody says.
std::shared_ptr<const masking::KnownSecret> to_look_for(const GivenCredential& credential);

}  // namespace veilwire::flow
