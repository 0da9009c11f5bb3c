// Auditors with certificates of every kind, good and bad, and the openssl command as the program
// that an auditor has besides ours.
#pragma once

#include "tests/unit/ctl/scratch_folder.h"
#include "userspace/base/time.h"
#include "userspace/crypto/owned.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::sealing::testing {

using veilwire::testing::ScratchFolder;

inline constexpr std::chrono::seconds kNoon{1'800'000'000};  // 2027-01-15
inline WallTime at(std::chrono::seconds offset = {}) { return {kNoon + offset}; }

using Key = std::shared_ptr<EVP_PKEY>;
inline Key own(EVP_PKEY* key) {
  EXPECT_NE(key, nullptr);
  return {key, EVP_PKEY_free};
}
inline Key p256() { return own(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }
inline Key rsa(std::size_t bits = 2048) {
  return own(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
}

struct CertificateForm {
  std::string name = "Ada";
  long serial = 1;
  std::string usage = {};  // as OpenSSL's configuration has it; empty: no such extension
  std::chrono::seconds from = -std::chrono::hours(1), to = std::chrono::hours(1);
};

struct MadeAuditor {
  std::string certificate, key;  // PEM
};

template <class Write>
std::string pem_of(Write write) {
  const crypto::Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(write(bio.get()), 1);
  std::string pem(BIO_ctrl_pending(bio.get()), '\0');
  BIO_read(bio.get(), pem.data(), static_cast<int>(pem.size()));
  return pem;
}

inline std::string key_pem(const Key& key, const char* password = nullptr) {
  return pem_of([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(
        bio, key.get(), password == nullptr ? nullptr : EVP_aes_256_cbc(), password,
        password == nullptr ? 0 : static_cast<int>(std::string(password).size()), nullptr, nullptr);
  });
}

// Signed by a P-256 key that is nobody's.
inline MadeAuditor make_auditor(const Key& key, const CertificateForm& form = {}) {
  static const Key authority = p256();
  const crypto::Owned<X509, X509_free> x(X509_new());
  X509_set_version(x.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x.get()), form.serial);
  ASN1_TIME_set(X509_getm_notBefore(x.get()), (kNoon + form.from).count());
  ASN1_TIME_set(X509_getm_notAfter(x.get()), (kNoon + form.to).count());
  const auto name = [](X509_NAME* to, const std::string& text) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  };
  name(X509_get_subject_name(x.get()), form.name);
  name(X509_get_issuer_name(x.get()), "Audit, Authority");
  X509_set_pubkey(x.get(), key.get());
  if (!form.usage.empty()) {
    const crypto::Owned<X509_EXTENSION, X509_EXTENSION_free> usage(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_key_usage, form.usage.c_str()));
    EXPECT_EQ(X509_add_ext(x.get(), usage.get(), -1), 1);
  }
  EXPECT_GT(X509_sign(x.get(), authority.get(), EVP_sha256()), 0);
  return {pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, x.get()); }), key_pem(key)};
}

// One of each kind, made once.
inline const MadeAuditor& ada() {
  static const MadeAuditor auditor = make_auditor(p256(), {.name = "Ada", .serial = 0xada});
  return auditor;
}
inline const MadeAuditor& bob() {
  static const MadeAuditor auditor = make_auditor(rsa(), {.name = "Bob", .serial = 0xb0b});
  return auditor;
}
inline const MadeAuditor& cleo() {
  static const MadeAuditor auditor = make_auditor(p256(), {.name = "Cleo", .serial = 0xc1e0});
  return auditor;
}

// What the openssl command writes to its standard output. nullopt: it fails.
inline std::optional<std::string> openssl(const std::string& arguments) {
  // NOLINTNEXTLINE(cert-env33-c): our own words
  FILE* pipe = ::popen(("openssl " + arguments + " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  char some[4096];
  for (std::size_t n = 0; (n = std::fread(some, 1, sizeof some, pipe)) != 0;) out.append(some, n);
  return ::pclose(pipe) == 0 ? std::optional(out) : std::nullopt;
}

}  // namespace veilwire::sealing::testing
