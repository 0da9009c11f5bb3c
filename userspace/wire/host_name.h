// What counts as a host name, wherever one comes from outside: a ClientHello, a certificate, a
// request to the signer. Tested by tests/unit/tls/client_hello_test.cpp.
#pragma once

#include <string_view>

namespace veilwire::wire {

// A host name as TLS may carry it: RFC 1123 labels (and '_', which names in use have), at most 253
// bytes, no trailing dot, no IP address in any spelling, either case.
bool is_host_name(std::string_view name);

}  // namespace veilwire::wire
