#include "userspace/wire/ca_request.h"

#include "userspace/base/ascii.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/owned.h"
#include "userspace/crypto/private_key.h"
#include "userspace/wire/host_name.h"
#include "userspace/wire/x509_builder.h"

#include <climits>
#include <cstdlib>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;

void require(bool ok) {
  if (!ok) std::abort();
}

std::string signed_part(std::string_view pem) {
  if (pem.empty() || pem.size() > INT_MAX) return {};
  const Owned<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  const Owned<X509_REQ, X509_REQ_free> request(
      PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!request) return {};
  unsigned char* der = nullptr;
  const int size = i2d_re_X509_REQ_tbs(request.get(), &der);
  require(size > 0);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

Result<std::string, CertError> make_ca_request(std::span<const std::string> hosts,
                                               std::string_view key_pem) {
  const auto key = crypto::PrivateKey::from_pem(key_pem);
  if (!key) return Unexpected{CertError::BadKey};
  if (hosts.empty()) return Unexpected{CertError::BadHost};
  std::vector<std::string> permitted;
  for (const std::string& host : hosts) {
    const std::string_view name = std::string_view(host).substr(host.starts_with("*.") ? 2 : 0);
    if (!is_host_name(name)) return Unexpected{CertError::BadHost};
    permitted.push_back(to_lower(name));
  }

  // The extensions are built where certificates have theirs, and copied.
  const Owned<X509, X509_free> pattern(X509_new());
  require(pattern != nullptr && X509_set_pubkey(pattern.get(), key->handle()) == 1);
  const std::string identifier = x509::key_identifier(pattern.get());
  x509::add_basic_constraints(pattern.get());
  x509::add_key_usage(pattern.get(), x509::Usage::SignCertificates);
  x509::add_name_constraints(pattern.get(), permitted);
  x509::add_subject_key_identifier(pattern.get(), identifier);

  const Owned<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  require(request != nullptr && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1);
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  x509::add_name_part(subject, "O", "veilwire");
  x509::add_name_part(subject, "CN",
                      "veilwire " + crypto::hex_encode(std::string_view(identifier).substr(0, 8)));
  require(X509_REQ_set_pubkey(request.get(), key->handle()) == 1);
  const Owned<STACK_OF(X509_EXTENSION),
              [](STACK_OF(X509_EXTENSION) * stack) { sk_X509_EXTENSION_free(stack); }>
      extensions(sk_X509_EXTENSION_dup(X509_get0_extensions(pattern.get())));
  require(extensions != nullptr && X509_REQ_add_extensions(request.get(), extensions.get()) == 1);
  require(X509_REQ_sign(request.get(), key->handle(), EVP_sha256()) > 0);

  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_X509_REQ(bio.get(), request.get()) == 1);
  std::string pem(BIO_ctrl_pending(bio.get()), '\0');
  const int size = static_cast<int>(pem.size());
  require(BIO_read(bio.get(), pem.data(), size) == size);
  return pem;
}

bool same_request(std::string_view a_pem, std::string_view b_pem) {
  const std::string a = signed_part(a_pem);
  return !a.empty() && a == signed_part(b_pem);
}

}  // namespace veilwire::wire
