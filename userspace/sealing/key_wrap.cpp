#include "userspace/sealing/key_wrap.h"

#include "userspace/crypto/owned.h"
#include "userspace/crypto/private_key.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace veilwire::sealing {
namespace {

using crypto::Owned;
using OwnedCms = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using OwnedBio = Owned<BIO, BIO_free_all>;

// What OpenSSL leaves in its queue would be the error of the next TLS connection of this thread.
struct ClearErrors {
  ClearErrors() = default;
  ClearErrors(const ClearErrors&) = delete;
  ClearErrors& operator=(const ClearErrors&) = delete;
  ~ClearErrors() { ERR_clear_error(); }
};

bool add_recipient(CMS_ContentInfo* cms, const Certificate& certificate) {
  CMS_RecipientInfo* recipient = CMS_add1_recipient_cert(cms, certificate.get(), CMS_KEY_PARAM);
  if (recipient == nullptr) return false;
  EVP_PKEY_CTX* const context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  if (context == nullptr) return false;
  if (is_rsa(certificate))
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
  return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
}

// Where OpenSSL cannot say which digest it was given (its issues 19338 and 24004), it derives with
// SHA-1 without a word.
bool derives_with_sha256(CMS_ContentInfo* cms) {
  const STACK_OF(CMS_RecipientInfo)* recipients = CMS_get0_RecipientInfos(cms);
  for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); ++i) {
    CMS_RecipientInfo* recipient = sk_CMS_RecipientInfo_value(recipients, i);
    if (CMS_RecipientInfo_type(recipient) != CMS_RECIPINFO_AGREE) continue;
    X509_ALGOR* algorithm = nullptr;
    if (CMS_RecipientInfo_kari_get0_alg(recipient, &algorithm, nullptr) != 1) return false;
    const ASN1_OBJECT* name = nullptr;
    X509_ALGOR_get0(&name, nullptr, nullptr, algorithm);
    if (OBJ_obj2nid(name) != NID_dhSinglePass_stdDH_sha256kdf_scheme) return false;
  }
  return true;
}

// Not CMS_final(): it passes the key through buffers on the stack and the heap that nobody wipes.
bool put_content(CMS_ContentInfo* cms, std::string_view bytes) {
  const OwnedBio chain(CMS_dataInit(cms, nullptr));
  const int size = static_cast<int>(bytes.size());
  return chain && BIO_write(chain.get(), bytes.data(), size) == size &&
         BIO_flush(chain.get()) == 1 && CMS_dataFinal(cms, chain.get()) == 1;
}

// Not CMS_decrypt(), for the same reason.
std::optional<SessionKey> get_content(CMS_ContentInfo* cms) {
  const OwnedBio chain(CMS_dataInit(cms, nullptr));
  if (!chain) return std::nullopt;
  SecretBuilder content;
  while (content.size() <= kSessionKey) {
    char some[kSessionKey] = {};
    const int n = BIO_read(chain.get(), some, sizeof some);
    if (n <= 0) break;
    content.append({some, static_cast<std::size_t>(n)});
    wipe(some, sizeof some);
  }
  if (BIO_get_cipher_status(chain.get()) != 1) return std::nullopt;
  return SessionKey::from_bytes(content.take());
}

OwnedCms parse(std::string_view der) {
  if (der.size() > kWrappedKey) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  OwnedCms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
  if (!cms || at != end || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_enveloped)
    return nullptr;
  const ASN1_OBJECT* content = CMS_get0_eContentType(cms.get());
  if (content == nullptr || OBJ_obj2nid(content) != NID_pkcs7_data) return nullptr;
  return cms;
}

bool names(CMS_RecipientInfo* recipient, X509* certificate) {
  if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_TRANS)
    return CMS_RecipientInfo_ktri_cert_cmp(recipient, certificate) == 0;
  if (CMS_RecipientInfo_type(recipient) != CMS_RECIPINFO_AGREE) return false;
  const STACK_OF(CMS_RecipientEncryptedKey)* keys = CMS_RecipientInfo_kari_get0_reks(recipient);
  for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); ++i)
    if (CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(keys, i),
                                           certificate) == 0)
      return true;
  return false;
}

bool is_for(CMS_ContentInfo* cms, X509* certificate) {
  const STACK_OF(CMS_RecipientInfo)* recipients = CMS_get0_RecipientInfos(cms);
  for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); ++i)
    if (names(sk_CMS_RecipientInfo_value(recipients, i), certificate)) return true;
  return false;
}

}  // namespace

Result<std::string, SealingError> wrap_key(const SessionKey& key,
                                           std::span<const Certificate> certificates) {
  const ClearErrors at_the_end;
  const auto cannot = Unexpected{SealingError::CannotWrap};
  const OwnedCms cms(CMS_encrypt(nullptr, nullptr, EVP_aes_256_cbc(), CMS_PARTIAL | CMS_BINARY));
  if (!cms) return cannot;
  for (const Certificate& certificate : certificates)
    if (!add_recipient(cms.get(), certificate)) return cannot;
  if (!put_content(cms.get(), key.bytes().reveal()) || !derives_with_sha256(cms.get()))
    return cannot;
  unsigned char* der = nullptr;
  const int size = i2d_CMS_ContentInfo(cms.get(), &der);
  if (size <= 0) return cannot;
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  if (out.size() > kWrappedKey) return cannot;
  return out;
}

Result<SessionKey, SealingError> unwrap_key(const WrappedKey& wrapped,
                                            std::string_view certificate_pem,
                                            std::string_view private_key_pem) {
  const ClearErrors at_the_end;
  const auto certificate = read_certificate(certificate_pem);
  if (!certificate) return Unexpected{certificate.error()};
  const auto private_key = crypto::PrivateKey::from_pem(private_key_pem);
  if (!private_key || X509_check_private_key(certificate->get(), private_key->handle()) != 1)
    return Unexpected{SealingError::NotAPrivateKey};
  const OwnedCms cms = parse(wrapped.cms);
  if (!cms) return Unexpected{SealingError::NotWrapped};
  if (!is_for(cms.get(), certificate->get())) return Unexpected{SealingError::NotARecipient};
  // OpenSSL says yes to an RSA recipient's key that does not open (so that nobody can ask it for
  // many): the id tells.
  if (CMS_decrypt_set1_pkey(cms.get(), private_key->handle(), certificate->get()) != 1)
    return Unexpected{SealingError::CannotUnwrap};
  auto key = get_content(cms.get());
  if (!key) return Unexpected{SealingError::CannotUnwrap};
  if (key->id() != wrapped.id) return Unexpected{SealingError::OtherKey};
  return std::move(*key);
}

}  // namespace veilwire::sealing
