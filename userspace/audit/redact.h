// Credentials in a head never reach a record: their place is taken by a keyed digest, so that an
// auditor sees that two requests used the same key and nobody can guess which.
// Tested by tests/unit/audit/redact_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/secret.h"

#include <string>
#include <string_view>

namespace veilwire::audit {

// Whether a field of this name carries a credential: the known ones and names that end like one
// ("x-vendor-api-key", "x-csrf-token"). name in any case.
bool is_credential_field(std::string_view name);

// Whether a query parameter of this name carries one.
bool is_credential_parameter(std::string_view name);

// "digest:" and the first 16 hex digits of HMAC-SHA-256 under the site key: the digest that the
// masking engine gives the same secret in text.
std::string redacted(std::string_view credential, const Secret& site_key);

// Values of credential fields become their digest; of "Bearer x" it is the digest of x, so that one
// key has one digest wherever it stands. In fields that hold a URL (location, referer) the URL is
// treated by redact_target.
void redact_fields(Fields& fields, const Secret& site_key);

// Values of query parameters that carry a credential (key, access_token, sig, ...) become their
// digest, as does the user information of an absolute URL.
std::string redact_target(std::string_view target, const Secret& site_key);

}  // namespace veilwire::audit
