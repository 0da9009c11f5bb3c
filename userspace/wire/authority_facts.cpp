#include "userspace/wire/authority_facts.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/owned.h"
#include "userspace/wire/x509_builder.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;
using OwnedCert = Owned<X509, X509_free>;

// An issuer and a few above it, as CertificateAuthority::load has it.
constexpr std::size_t kMostCertificates = 6;

void require(bool ok) {
  if (!ok) std::abort();
}

std::vector<OwnedCert> read_all(std::string_view pem) {
  std::vector<OwnedCert> certificates;
  if (pem.empty() || pem.size() > INT_MAX) return certificates;
  const Owned<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  while (OwnedCert next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    certificates.push_back(std::move(next));
  ERR_clear_error();  // that no further one was there
  return certificates;
}

std::string text_of(BIO* bio) {
  std::string text(BIO_ctrl_pending(bio), '\0');
  const int size = static_cast<int>(text.size());
  require(BIO_read(bio, text.data(), size) == size || size == 0);
  return text;
}

std::string to_pem(X509* certificate) {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

std::string subject_of(X509* certificate) {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return text_of(bio.get());
}

bool permits_only_some_names(X509* certificate) {
  int critical = 0;
  const Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free> names(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate, NID_name_constraints, &critical, nullptr)));
  if (!names || critical != 1) return false;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(names->permittedSubtrees); ++i) {
    const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(names->permittedSubtrees, i)->base;
    // An empty subtree stands for every name.
    if (base->type == GEN_DNS && ASN1_STRING_length(base->d.dNSName) > 0) return true;
  }
  return false;
}

}  // namespace

Result<AuthorityFacts, CertError> examine_authority(std::string_view chain_pem) {
  const std::vector<OwnedCert> chain = read_all(chain_pem);
  if (chain.empty() || chain.size() > kMostCertificates)
    return Unexpected{CertError::BadCertificate};
  X509* const first = chain.front().get();
  if (X509_check_ca(first) != 1) return Unexpected{CertError::NotAnAuthority};
  AuthorityFacts facts;
  if (const long length = X509_get_pathlen(first); length >= 0) facts.path_length = length;
  facts.constrained = permits_only_some_names(first);
  facts.not_before = {std::chrono::nanoseconds::min()};
  facts.not_after = {std::chrono::nanoseconds::max()};
  for (std::size_t i = 0; i < chain.size(); ++i) {
    X509* const link = chain[i].get();
    if (i != 0 && X509_verify(chain[i - 1].get(), X509_get0_pubkey(link)) != 1) {
      ERR_clear_error();
      return Unexpected{CertError::BadCertificate};
    }
    facts.not_before = std::max(facts.not_before, x509::to_wall_time(X509_get0_notBefore(link)));
    facts.not_after = std::min(facts.not_after, x509::to_wall_time(X509_get0_notAfter(link)));
    facts.chain_pem += to_pem(link);
  }
  if (X509_self_signed(chain.back().get(), 1) == 1) facts.root_pem = to_pem(chain.back().get());
  ERR_clear_error();
  facts.sha256 = crypto::hex_encode(crypto::sha256(x509::to_der(first)));
  facts.subject = subject_of(first);
  return facts;
}

bool issued_below(std::string_view chain_pem, std::string_view bundle_pem) {
  const std::vector<OwnedCert> chain = read_all(chain_pem);
  if (chain.empty()) return false;
  X509* const last = chain.back().get();
  const std::vector<OwnedCert> bundle = read_all(bundle_pem);
  return std::any_of(bundle.begin(), bundle.end(), [last](const OwnedCert& root) {
    if (X509_check_issued(root.get(), last) != X509_V_OK) return false;
    const bool signed_by = X509_verify(last, X509_get0_pubkey(root.get())) == 1;
    ERR_clear_error();
    return signed_by && X509_check_ca(root.get()) != 0;
  });
}

}  // namespace veilwire::wire
