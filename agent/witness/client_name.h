// Who a client is by its certificate, which its TLS handshake has verified: the first DNS name that
// it is for (RFC 5280, 4.2.1.6), in lower case; where it has none, the last common name of its
// subject. Tested by tests/witness.
#pragma once

#include <string>

struct x509_st;

namespace veilwire::witness {

// "": it has neither, or something that is not printable ASCII without spaces.
std::string client_name(const x509_st* certificate);

}  // namespace veilwire::witness
