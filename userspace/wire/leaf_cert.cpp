#include "userspace/wire/leaf_cert.h"

#include "userspace/base/ascii.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/owned.h"
#include "userspace/wire/authority_file.h"
#include "userspace/wire/host_name.h"
#include "userspace/wire/x509_builder.h"

#include <algorithm>
#include <climits>
#include <cstdlib>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;
using OwnedCert = Owned<X509, X509_free>;

// A chain is an issuer and a few above it; more would not fit a handshake, nor a reply of the
// signer.
constexpr std::size_t kMostCertificates = 6;

void require(bool ok) {
  if (!ok) std::abort();
}

OwnedCert new_certificate() {
  OwnedCert certificate(X509_new());
  require(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  return certificate;
}

bool is_label_text(std::string_view label) {
  return !label.empty() && label.size() <= 32 &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '-';
         });
}

std::string to_pem(X509* certificate) {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1);
  std::string pem(BIO_ctrl_pending(bio.get()), '\0');
  const int size = static_cast<int>(pem.size());
  require(BIO_read(bio.get(), pem.data(), size) == size);
  return pem;
}

// RFC 5280, 4.2.1.10: zero or more labels added on the left. A leading dot, which the RFC does not
// know for DNS names but authorities write, asks for at least one.
bool within(std::string_view name, std::string_view subtree) {
  if (subtree.empty()) return true;
  if (!name.ends_with(subtree)) return false;
  if (name.size() == subtree.size()) return !subtree.starts_with('.');
  return subtree.starts_with('.') || name[name.size() - subtree.size() - 1] == '.';
}

std::vector<std::string> dns_subtrees(const STACK_OF(GENERAL_SUBTREE) * subtrees) {
  std::vector<std::string> names;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i) {
    const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;
    if (base->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = base->d.dNSName;
    names.push_back(to_lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                              static_cast<std::size_t>(ASN1_STRING_length(text))}));
  }
  return names;
}

struct Constraints {
  std::vector<std::string> permitted;  // empty: everything
  std::vector<std::string> excluded;

  bool permit(std::string_view name) const {
    const auto covers = [name](const std::string& subtree) { return within(name, subtree); };
    if (std::any_of(excluded.begin(), excluded.end(), covers)) return false;
    return permitted.empty() || std::any_of(permitted.begin(), permitted.end(), covers);
  }
};

bool is_self_signed(X509* certificate) { return X509_self_signed(certificate, 0) == 1; }

}  // namespace

std::string_view to_string(CertError error) {
  switch (error) {
    case CertError::BadHost:
      return "not a DNS host name";
    case CertError::BadLabel:
      return "the label must be 1 to 32 letters, digits, dots or hyphens";
    case CertError::BadValidity:
      return "the validity ends before it begins";
    case CertError::BadSerial:
      return "the serial number must be 8 to 19 octets and not zero";
    case CertError::BadKey:
      return "not a usable key (P-256 for a leaf, P-256 or RSA for an authority)";
    case CertError::BadCertificate:
      return "not a chain of PEM certificates, each signed by the next";
    case CertError::NotAnAuthority:
      return "the first certificate may not sign certificates";
    case CertError::KeyMismatch:
      return "the private key is not that of the first certificate";
    case CertError::OutsideConstraints:
      return "the authority's name constraints do not permit this host";
    case CertError::OutsideValidity:
      return "the authority's certificate is not valid in this time";
  }
  std::abort();
}

struct CertificateAuthority::State {
  crypto::PrivateKey key;
  OwnedCert certificate;
  std::string key_identifier;  // of the issuer; empty when an imported one has none
  std::vector<Constraints> constraints;
  std::vector<std::string> intermediates;
  WallTime not_before, not_after;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

namespace {

std::vector<OwnedCert> read_chain(std::string_view pem) {
  std::vector<OwnedCert> chain;
  if (pem.empty() || pem.size() > INT_MAX) return chain;
  const Owned<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  while (OwnedCert next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (chain.size() == kMostCertificates) return {};
    if (!chain.empty() && X509_verify(chain.back().get(), X509_get0_pubkey(next.get())) != 1)
      return {};
    chain.push_back(std::move(next));
  }
  return chain;
}

bool may_sign_certificates(X509* certificate) {
  // 1: a version 3 certificate with basicConstraints CA; other non-zero answers are guesses about
  // old ones.
  return X509_check_ca(certificate) == 1 &&
         (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) != 0;
}

Result<std::vector<Constraints>, CertError> read_constraints(const std::vector<OwnedCert>& chain) {
  std::vector<Constraints> all;
  for (const OwnedCert& link : chain) {
    int critical = -1;
    const Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free> names(static_cast<NAME_CONSTRAINTS*>(
        X509_get_ext_d2i(link.get(), NID_name_constraints, &critical, nullptr)));
    if (names)
      all.push_back(
          {dns_subtrees(names->permittedSubtrees), dns_subtrees(names->excludedSubtrees)});
    else if (critical != -1)  // they cannot be read, or stand twice
      return Unexpected{CertError::BadCertificate};
  }
  return all;
}

bool all_permit(const std::vector<Constraints>& constraints, std::string_view name) {
  if (!is_host_name(name)) return false;
  const std::string wanted = to_lower(name);
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](const Constraints& c) { return c.permit(wanted); });
}

}  // namespace

Result<bool, CertError> chain_permits(std::string_view file_pem, std::string_view name) {
  const auto chains = read_authorities(file_pem);
  if (!chains) return Unexpected{chains.error()};
  const std::vector<OwnedCert> chain = read_chain(chains->front().pem);
  if (chain.empty()) return Unexpected{CertError::BadCertificate};
  const auto constraints = read_constraints(chain);
  if (!constraints) return Unexpected{constraints.error()};
  return all_permit(*constraints, name);
}

Result<CertificateAuthority, CertError> CertificateAuthority::load(std::string_view file_pem,
                                                                   std::string_view key_pem) {
  const auto chains = read_authorities(file_pem);
  if (!chains) return load_chain({}, key_pem);
  auto first = load_chain(chains->front().pem, key_pem);
  for (std::size_t i = 1; !first && i < chains->size(); ++i)
    if (auto next = load_chain((*chains)[i].pem, key_pem)) return next;
  return first;
}

Result<CertificateAuthority, CertError> CertificateAuthority::load_chain(std::string_view chain_pem,
                                                                         std::string_view key_pem) {
  auto key = crypto::PrivateKey::from_pem(key_pem);
  if (!key) return Unexpected{CertError::BadKey};
  if (EVP_PKEY_is_a(key->handle(), "EC") != 1 && EVP_PKEY_is_a(key->handle(), "RSA") != 1)
    return Unexpected{CertError::BadKey};
  std::vector<OwnedCert> chain = read_chain(chain_pem);
  if (chain.empty()) return Unexpected{CertError::BadCertificate};
  if (!may_sign_certificates(chain.front().get())) return Unexpected{CertError::NotAnAuthority};
  if (X509_check_private_key(chain.front().get(), key->handle()) != 1)
    return Unexpected{CertError::KeyMismatch};

  auto state = std::make_unique<State>(State{std::move(*key), {}, {}, {}, {}, {}, {}});
  state->not_before = {std::chrono::nanoseconds::min()};
  state->not_after = {std::chrono::nanoseconds::max()};
  for (const OwnedCert& link : chain) {
    state->not_before =
        std::max(state->not_before, x509::to_wall_time(X509_get0_notBefore(link.get())));
    state->not_after =
        std::min(state->not_after, x509::to_wall_time(X509_get0_notAfter(link.get())));
    if (!is_self_signed(link.get())) state->intermediates.push_back(x509::to_der(link.get()));
  }
  auto constraints = read_constraints(chain);
  if (!constraints) return Unexpected{constraints.error()};
  state->constraints = std::move(constraints).value();
  if (const ASN1_OCTET_STRING* identifier = X509_get0_subject_key_id(chain.front().get()))
    state->key_identifier.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(identifier)),
                                 static_cast<std::size_t>(ASN1_STRING_length(identifier)));
  state->certificate = std::move(chain.front());
  return CertificateAuthority(std::move(state));
}

bool CertificateAuthority::permits(std::string_view name) const {
  return all_permit(state_->constraints, name);
}

Result<Leaf, CertError> CertificateAuthority::make_leaf(const LeafParameters& parameters) const {
  if (!is_host_name(parameters.name)) return Unexpected{CertError::BadHost};
  if (!permits(parameters.name)) return Unexpected{CertError::OutsideConstraints};
  if (!crypto::is_p256_public_key(parameters.spki)) return Unexpected{CertError::BadKey};
  if (!(parameters.not_before < parameters.not_after)) return Unexpected{CertError::BadValidity};
  const WallTime not_before = std::max(parameters.not_before, state_->not_before);
  const WallTime not_after = std::min(parameters.not_after, state_->not_after);
  if (!(not_before < not_after)) return Unexpected{CertError::OutsideValidity};

  const OwnedCert leaf = new_certificate();
  if (!x509::set_serial(leaf.get(), parameters.serial)) return Unexpected{CertError::BadSerial};
  if (!x509::set_validity(leaf.get(), not_before, not_after))
    return Unexpected{CertError::BadValidity};
  const auto* spki = reinterpret_cast<const unsigned char*>(parameters.spki.data());
  const Owned<EVP_PKEY, EVP_PKEY_free> key(
      d2i_PUBKEY(nullptr, &spki, static_cast<long>(parameters.spki.size())));
  require(key != nullptr && X509_set_pubkey(leaf.get(), key.get()) == 1);
  // Says to a person what they look at. No common name: some client could match it.
  x509::add_name_part(X509_get_subject_name(leaf.get()), "O", "veilwire interception");
  require(X509_set_issuer_name(leaf.get(), X509_get_subject_name(state_->certificate.get())) == 1);
  x509::add_key_usage(leaf.get(), x509::Usage::SignHandshakes);
  x509::add_server_auth(leaf.get());
  x509::add_dns_name(leaf.get(), to_lower(parameters.name));
  x509::add_subject_key_identifier(leaf.get(), x509::key_identifier(leaf.get()));
  if (!state_->key_identifier.empty())
    x509::add_authority_key_identifier(leaf.get(), state_->key_identifier);
  require(X509_sign(leaf.get(), state_->key.handle(), EVP_sha256()) > 0);
  return Leaf{x509::to_der(leaf.get()), not_after};
}

const std::vector<std::string>& CertificateAuthority::intermediates() const {
  return state_->intermediates;
}
bool CertificateAuthority::constrained() const {
  return std::any_of(state_->constraints.begin(), state_->constraints.end(),
                     [](const Constraints& c) { return !c.permitted.empty(); });
}

std::string CertificateAuthority::certificate_der() const {
  return x509::to_der(state_->certificate.get());
}

WallTime CertificateAuthority::not_after() const { return state_->not_after; }

std::string CertificateAuthority::subject() const {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(state_->certificate.get()), 0,
                     XN_FLAG_RFC2253);
  std::string text(BIO_ctrl_pending(bio.get()), '\0');
  BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

Result<NewCa, CertError> make_ca(const CaParameters& parameters) {
  if (!is_label_text(parameters.label)) return Unexpected{CertError::BadLabel};
  if (parameters.hosts.empty()) return Unexpected{CertError::BadHost};
  std::vector<std::string> permitted;
  for (const std::string& host : parameters.hosts) {
    const std::string_view name = std::string_view(host).substr(host.starts_with("*.") ? 2 : 0);
    if (!is_host_name(name)) return Unexpected{CertError::BadHost};
    permitted.push_back(to_lower(name));
  }

  const OwnedCert certificate = new_certificate();
  X509* const x = certificate.get();
  if (!x509::set_serial(x, parameters.serial)) return Unexpected{CertError::BadSerial};
  if (!x509::set_validity(x, parameters.not_before, parameters.not_after))
    return Unexpected{CertError::BadValidity};
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  require(X509_set_pubkey(x, key.handle()) == 1);
  const std::string identifier = x509::key_identifier(x);
  X509_NAME* subject = X509_get_subject_name(x);
  x509::add_name_part(subject, "O", "veilwire");
  x509::add_name_part(subject, "CN",
                      "veilwire " + parameters.label + " " +
                          crypto::hex_encode(std::string_view(identifier).substr(0, 8)));
  require(X509_set_issuer_name(x, subject) == 1);
  x509::add_basic_constraints(x);
  x509::add_key_usage(x, x509::Usage::SignCertificates);
  x509::add_name_constraints(x, permitted);
  x509::add_subject_key_identifier(x, identifier);
  x509::add_authority_key_identifier(x, identifier);
  require(X509_sign(x, key.handle(), EVP_sha256()) > 0);
  return NewCa{to_pem(x), x509::to_der(x), key.to_pem()};
}

}  // namespace veilwire::wire
