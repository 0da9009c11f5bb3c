#include "userspace/sealing/certificate.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/owned.h"
#include "userspace/crypto/public_key.h"

#include <chrono>
#include <climits>
#include <cstdlib>
#include <ctime>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::sealing {
namespace {

using crypto::Owned;
using OwnedBio = Owned<BIO, BIO_free_all>;

void require(bool ok) {
  if (!ok) std::abort();
}

// An encrypted file would make OpenSSL ask the terminal for a password.
int no_password(char*, int, int, void*) { return -1; }

bool is_p256(const EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

std::string to_text(const X509_NAME* name) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr);
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  std::string text(BIO_ctrl_pending(bio.get()), '\0');
  BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

}  // namespace

void FreeCertificate::operator()(X509* certificate) const { X509_free(certificate); }

Result<Certificate, SealingError> read_certificate(std::string_view pem) {
  if (pem.empty() || pem.size() > INT_MAX) return Unexpected{SealingError::NotACertificate};
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  Certificate first(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  const Certificate second(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();  // the end of the text is one
  if (!first || second) return Unexpected{SealingError::NotACertificate};
  return first;
}

bool is_rsa(const Certificate& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  return key != nullptr && EVP_PKEY_is_a(key, "RSA") == 1;
}

std::optional<SealingError> check_key(const Certificate& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  const bool rsa = is_rsa(certificate);
  if (key == nullptr || (!rsa && !is_p256(key))) return SealingError::UnknownKey;
  const int bits = EVP_PKEY_get_bits(key);
  if (rsa && (bits < static_cast<int>(crypto::kSmallestRsaBits) ||
              bits > static_cast<int>(limits::kRsaModulusBits)))
    return SealingError::RsaSize;
  // All bits where there is no such extension, none where the extensions cannot be read.
  const std::uint32_t wanted = rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
  if ((X509_get_key_usage(certificate.get()) & wanted) == 0) return SealingError::WrongUsage;
  return std::nullopt;
}

std::optional<SealingError> check_time(const Certificate& certificate, WallTime now) {
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(now.since_epoch).count();
  // -1: at this second or before it, 1: behind it, 0: not a time.
  if (X509_cmp_time(X509_get0_notBefore(certificate.get()), &seconds) >= 0)
    return SealingError::NotYetValid;
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &seconds) <= 0)
    return SealingError::Expired;
  return std::nullopt;
}

Recipient recipient_of(const Certificate& certificate) {
  const Owned<BIGNUM, BN_free> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr));
  require(number != nullptr);
  std::string octets(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(octets.data()));
  if (octets.empty()) octets.assign(1, '\0');
  crypto::Digest fingerprint{};
  unsigned int size = 0;
  require(X509_digest(certificate.get(), EVP_sha256(), fingerprint.data(), &size) == 1);
  return {.subject = subject_of(certificate),
          .issuer = to_text(X509_get_issuer_name(certificate.get())),
          .serial = (BN_is_negative(number.get()) == 1 ? "-" : "") + crypto::hex_encode(octets),
          .fingerprint = crypto::hex_encode(fingerprint)};
}

std::string subject_of(const Certificate& certificate) {
  return to_text(X509_get_subject_name(certificate.get()));
}

std::string public_key_of(const Certificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  require(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace veilwire::sealing
