// OpenSSL's own verifier as an independent judge of the certificates that we make.
#pragma once

#include "userspace/base/time.h"
#include "userspace/crypto/owned.h"

#include <string>
#include <string_view>
#include <vector>

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace veilwire::wire::testing {

using OwnedCert = crypto::Owned<X509, X509_free>;

inline constexpr std::chrono::seconds kNoon{1'800'000'000};  // 2027-01-15

inline WallTime at(std::chrono::seconds offset) { return {kNoon + offset}; }

inline OwnedCert parse_der(std::string_view der) {
  const auto* p = reinterpret_cast<const unsigned char*>(der.data());
  return OwnedCert(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
}

inline OwnedCert parse_pem(std::string_view pem) {
  const crypto::Owned<BIO, BIO_free_all> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return OwnedCert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// X509_V_OK or the verifier's error, for a TLS server called `host` at noon plus offset, strictly
// by RFC 5280.
inline int verify(std::string_view leaf_der, const std::vector<std::string>& intermediates_der,
                  std::string_view root_pem, const std::string& host,
                  std::chrono::seconds offset = {}) {
  const crypto::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const OwnedCert root = parse_pem(root_pem), leaf = parse_der(leaf_der);
  if (!root || !leaf) return -1;
  X509_STORE_add_cert(store.get(), root.get());
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  for (const auto& der : intermediates_der) sk_X509_push(untrusted, parse_der(der).release());
  const crypto::Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), untrusted);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_auth_level(parameters, 2);
  X509_VERIFY_PARAM_set_time(parameters, (kNoon + offset).count());
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), 0);
  const int ok = X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  sk_X509_pop_free(untrusted, X509_free);
  return ok == 1 ? X509_V_OK : error;
}

}  // namespace veilwire::wire::testing
