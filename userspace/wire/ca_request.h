// A request for the organisation's CA to sign ours: PKCS #10 (RFC 2986) that asks for exactly what
// make_ca() would give, so that whoever signs has nothing to add and sees what it is for. Tested by
// tests/unit/tls/ca_request_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/wire/leaf_cert.h"

#include <span>
#include <string>
#include <string_view>

namespace veilwire::wire {

// PEM. hosts: as CaParameters::hosts. The subject names the key, and no day: the same key and hosts
// are the same request but for the signature.
Result<std::string, CertError> make_ca_request(std::span<const std::string> hosts,
                                               std::string_view key_pem);

// Whether both ask for the same: all but the signatures.
bool same_request(std::string_view a_pem, std::string_view b_pem);

}  // namespace veilwire::wire
