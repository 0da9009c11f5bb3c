// Certificates of the internal CA: the authority itself, made once at set-up, and the short-lived
// leaf certificates that clients are shown for intercepted hosts. X.509 profile of RFC 5280; host
// names only in the subject alternative name (RFC 6125, 6.4.4). Tested by
// tests/unit/tls/leaf_cert_test.cpp, where OpenSSL's verifier judges every certificate.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/crypto/private_key.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

enum class CertError : std::uint8_t {
  BadHost,      // not a DNS host name (or "*." and one, where a CA is constrained)
  BadLabel,     // a generation label that is empty, longer than 32 bytes or not of [A-Za-z0-9.-]
  BadValidity,  // ends before it begins, or lies outside what X.509 can say
  BadSerial,    // zero, or not of 8 to 19 octets
  BadKey,  // a public key that is not a valid point of P-256, or no private key where one is due
  BadCertificate,      // not a chain of PEM certificates, each signed by the next
  NotAnAuthority,      // the first certificate may not sign certificates
  KeyMismatch,         // the private key is not that of the first certificate
  OutsideConstraints,  // the authority's name constraints do not permit the host
  OutsideValidity,     // nothing is left of the wanted time within the authority's own
};
std::string_view to_string(CertError error);

struct CaParameters {
  // Names this generation; the subject also holds a hash of the key, so two authorities never share
  // a subject. Clients that find an issuer by its subject would otherwise take the old certificate
  // for the new key.
  std::string label;
  // Permitted subtrees: "api.example.com", or "*.example.com" for what lies below it. RFC 5280 lets
  // every permitted name stand for its subdomains too. At least one.
  std::vector<std::string> hosts;
  WallTime not_before, not_after;
  std::string serial;  // 8 to 19 random octets
};

struct LeafParameters {
  std::string_view name;  // the one host name
  std::string_view spki;  // its public key, DER SubjectPublicKeyInfo on P-256
  // Cut to the authority's own validity.
  WallTime not_before, not_after;
  std::string_view serial;  // 8 to 19 random octets
};

struct Leaf {
  std::string der;
  WallTime not_after;  // after cutting
};

class CertificateAuthority {
 public:
  // The issuer's certificate first, then what connects it to a root that clients trust (none for a
  // self-signed one). Of several such chains (authority_file.h) the one that the key is for.
  static Result<CertificateAuthority, CertError> load(std::string_view file_pem,
                                                      std::string_view key_pem);

  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  // By the name constraints of every certificate of the chain: no permitted DNS subtree permits
  // all.
  bool permits(std::string_view name) const;
  // Whether some permitted DNS subtree limits it at all.
  bool constrained() const;
  Result<Leaf, CertError> make_leaf(const LeafParameters& parameters) const;

  // What a server sends behind the leaf, DER: the chain without self-signed certificates, which
  // clients hold already.
  const std::vector<std::string>& intermediates() const;
  WallTime not_after() const;           // the earliest of the chain
  std::string certificate_der() const;  // of the issuer
  std::string subject() const;          // RFC 2253, for a log line

 private:
  struct State;
  explicit CertificateAuthority(std::unique_ptr<State> state);
  static Result<CertificateAuthority, CertError> load_chain(std::string_view chain_pem,
                                                            std::string_view key_pem);
  std::unique_ptr<State> state_;
};

// What CertificateAuthority::permits() says, from the certificates alone, of the first chain of a
// file: for who holds no key.
Result<bool, CertError> chain_permits(std::string_view file_pem, std::string_view name);

// A new self-signed authority: path length 0, may only sign certificates, only for its hosts and
// for no IP address.
struct NewCa {
  std::string certificate_pem;
  std::string certificate_der;
  Secret key_pem;
};
Result<NewCa, CertError> make_ca(const CaParameters& parameters);

}  // namespace veilwire::wire
