// Why a TLS connection failed, as one flat answer that flow can turn into a record and a message
// for a person. Tested by tests/unit/tls/tls_failure_test.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace veilwire::wire {

enum class TlsError : std::uint8_t {
  None,
  // Judged by us, about the certificate of an upstream.
  CertificateExpired,
  CertificateNotYetValid,
  UnknownIssuer,    // no chain to a trusted root
  SelfSigned,       // the chain ends in a root that is not trusted
  NameMismatch,     // valid, but for other names
  WeakCertificate,  // key or digest below security level 2
  BadCertificate,   // every other defect: purpose, constraints, signature, encoding
  // Said by the peer.
  PeerRejectedCertificate,  // an alert about the certificate that we showed: it does not trust our
                            // CA
  PeerAlert,                // any other fatal alert
  // Found by either side.
  UnsupportedVersion,  // no TLS 1.2 or later in common
  NoCommonParameters,  // no cipher suite, group or signature algorithm in common
  NoCommonProtocol,    // both sides name application protocols and none is shared
  HandshakeCut,        // the transport ended before the handshake did
  Protocol,            // bytes that are no TLS, or not at this point
  // Ours.
  BadServerName,   // asked to connect to what is no host name
  BadCredentials,  // a chain that cannot be parsed, or a key that does not belong to it
  BadTrustStore,   // no usable root certificate
};

std::string_view to_string(TlsError error);  // a clause for a person: "the certificate has expired"

// From OpenSSL's numbers.
TlsError from_verify_result(long result);
TlsError from_alert(int alert);                   // RFC 8446, 6.2
TlsError from_library_error(unsigned long code);  // of ERR_get_error

}  // namespace veilwire::wire
