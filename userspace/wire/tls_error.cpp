#include "userspace/wire/tls_error.h"

#include <cstdlib>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace veilwire::wire {

std::string_view to_string(TlsError error) {
  switch (error) {
    case TlsError::None:
      return "no error";
    case TlsError::CertificateExpired:
      return "the certificate has expired";
    case TlsError::CertificateNotYetValid:
      return "the certificate is not valid yet";
    case TlsError::UnknownIssuer:
      return "the certificate's issuer is not known";
    case TlsError::SelfSigned:
      return "the certificate chain ends in a root that is not trusted";
    case TlsError::NameMismatch:
      return "the certificate is for another name";
    case TlsError::WeakCertificate:
      return "the certificate's key or signature is too weak";
    case TlsError::BadCertificate:
      return "the certificate is not acceptable";
    case TlsError::PeerRejectedCertificate:
      return "the peer does not accept our certificate";
    case TlsError::PeerAlert:
      return "the peer sent a fatal alert";
    case TlsError::UnsupportedVersion:
      return "no TLS version of 1.2 or later in common";
    case TlsError::NoCommonParameters:
      return "no cipher suite, group or signature algorithm in common";
    case TlsError::NoCommonProtocol:
      return "no application protocol in common";
    case TlsError::HandshakeCut:
      return "the connection ended during the handshake";
    case TlsError::Protocol:
      return "the peer broke the TLS protocol";
    case TlsError::BadServerName:
      return "the server's name is not a host name";
    case TlsError::BadCredentials:
      return "the certificate chain or its key is not usable";
    case TlsError::BadTrustStore:
      return "the store of root certificates is not usable";
  }
  std::abort();
}

TlsError from_verify_result(long result) {
  switch (result) {
    case X509_V_OK:
      return TlsError::None;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TlsError::CertificateExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TlsError::CertificateNotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return TlsError::UnknownIssuer;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return TlsError::SelfSigned;
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return TlsError::NameMismatch;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return TlsError::WeakCertificate;
    default:
      return TlsError::BadCertificate;
  }
}

TlsError from_alert(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
      return TlsError::PeerRejectedCertificate;
    case SSL_AD_PROTOCOL_VERSION:
      return TlsError::UnsupportedVersion;
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return TlsError::NoCommonProtocol;
    default:
      return TlsError::PeerAlert;
  }
}

TlsError from_library_error(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return TlsError::Protocol;
  const int reason = ERR_GET_REASON(code);
  // OpenSSL adds 1000 to the number of an alert that it received.
  if (reason >= SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
    return from_alert(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
      return TlsError::UnsupportedVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SUITABLE_GROUPS:
      return TlsError::NoCommonParameters;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return TlsError::NoCommonProtocol;
    default:
      return TlsError::Protocol;
  }
}

}  // namespace veilwire::wire
