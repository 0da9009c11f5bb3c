// An auditor's certificate: whether a session key may be wrapped for it, and how records name it.
// Who trusts it is the administrator, who put it there: no chain is verified. For auditors.cpp and
// key_wrap.cpp, whose tests are its own.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/sealing/error.h"
#include "userspace/sealing/format.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct x509_st;  // OpenSSL's X509

namespace veilwire::sealing {

struct FreeCertificate {
  void operator()(x509_st* certificate) const;
};
using Certificate = std::unique_ptr<x509_st, FreeCertificate>;

// NotACertificate is the only error.
Result<Certificate, SealingError> read_certificate(std::string_view pem);

bool is_rsa(const Certificate& certificate);
// nullopt: keys may be wrapped for it, as far as its key and its keyUsage go. Without a keyUsage it
// is for any use (RFC 5280, 4.2.1.3).
std::optional<SealingError> check_key(const Certificate& certificate);
std::optional<SealingError> check_time(const Certificate& certificate, WallTime now);

Recipient recipient_of(const Certificate& certificate);
std::string subject_of(const Certificate& certificate);     // RFC 2253, ASCII
std::string public_key_of(const Certificate& certificate);  // DER SubjectPublicKeyInfo

}  // namespace veilwire::sealing
