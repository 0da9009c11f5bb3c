#include "userspace/crypto/hkdf.h"

#include "userspace/crypto/owned.h"

#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace veilwire::crypto {
namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

// OpenSSL's parameters take no const, and it writes nothing to these.
OSSL_PARAM parameter(const char* name, std::string_view bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size());
}

}  // namespace

Secret hkdf_sha256(std::string_view key, std::string_view salt, std::string_view info,
                   std::size_t size) {
  require(!key.empty() && size != 0 && size <= kHkdfMost);
  const Owned<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const Owned<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(kdf.get()));
  require(context != nullptr);
  char digest[] = "SHA256";
  std::array<OSSL_PARAM, 5> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      parameter(OSSL_KDF_PARAM_KEY, key)};
  std::size_t count = 2;
  if (!salt.empty()) parameters[count++] = parameter(OSSL_KDF_PARAM_SALT, salt);
  if (!info.empty()) parameters[count++] = parameter(OSSL_KDF_PARAM_INFO, info);
  parameters[count] = OSSL_PARAM_construct_end();
  std::string out(size, '\0');
  require(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), size,
                         parameters.data()) == 1);
  return Secret(std::move(out));
}

}  // namespace veilwire::crypto
