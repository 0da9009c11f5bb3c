#include "userspace/wire/authority_file.h"

#include "userspace/crypto/owned.h"
#include "userspace/wire/x509_builder.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdlib>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;
using OwnedCert = Owned<X509, X509_free>;

// One that signs, one that waits, and a few above each.
constexpr std::size_t kMostCertificates = 12;

void require(bool ok) {
  if (!ok) std::abort();
}

std::string text_of(BIO* bio) {
  std::string text(BIO_ctrl_pending(bio), '\0');
  const int size = static_cast<int>(text.size());
  require(size == 0 || BIO_read(bio, text.data(), size) == size);
  return text;
}

Owned<BIO, BIO_free_all> new_text() {
  Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr);
  return bio;
}

std::string to_pem(X509* certificate) {
  const auto bio = new_text();
  require(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

std::string subject_of(X509* certificate) {
  const auto bio = new_text();
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return text_of(bio.get());
}

bool signed_by(X509* certificate, X509* issuer) {
  return X509_self_signed(certificate, 0) != 1 &&
         X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
}

void append(AuthorityChain& chain, X509* link) {
  chain.anchor = to_pem(link);
  chain.pem += chain.anchor;
  chain.rooted = X509_self_signed(link, 1) == 1;
  chain.not_before = std::max(chain.not_before, x509::to_wall_time(X509_get0_notBefore(link)));
  chain.not_after = std::min(chain.not_after, x509::to_wall_time(X509_get0_notAfter(link)));
}

}  // namespace

Result<std::vector<AuthorityChain>, CertError> read_authorities(std::string_view pem) {
  std::vector<AuthorityChain> chains;
  if (pem.empty() || pem.size() > INT_MAX) return Unexpected{CertError::BadCertificate};
  const Owned<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  OwnedCert last;
  std::size_t read = 0;
  while (OwnedCert next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (++read > kMostCertificates) return Unexpected{CertError::BadCertificate};
    if (!last || !signed_by(last.get(), next.get())) {
      AuthorityChain& chain = chains.emplace_back();
      chain.der = x509::to_der(next.get());
      chain.subject = subject_of(next.get());
      chain.not_before = {std::chrono::nanoseconds::min()};
      chain.not_after = {std::chrono::nanoseconds::max()};
    }
    append(chains.back(), next.get());
    last = std::move(next);
  }
  ERR_clear_error();  // the end of the text, and what did not sign
  if (chains.empty()) return Unexpected{CertError::BadCertificate};
  return chains;
}

}  // namespace veilwire::wire
