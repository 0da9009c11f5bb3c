// An IdP of the tests: it signs whatever it is told to, as one that is honest never would.
#pragma once

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/owned.h"
#include "userspace/identity/jwk_set.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace veilwire::identity {

inline std::string base64url(std::string_view bytes) { return crypto::base64url_encode(bytes); }

class TestIssuer {
 public:
  TestIssuer() : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
    std::string x(32, '\0');
    std::size_t size = x.size();
    EXPECT_EQ(EVP_PKEY_get_raw_public_key(key_.get(), octets(x), &size), 1);
    x_ = base64url(x);
  }

  // `more` is further keys, each behind a comma.
  JwkSet keys(const std::string& more = {}) const {
    return JwkSet::parse(R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":")" + x_ + "\"}" +
                         more + "]}")
        .value();
  }
  std::string sign(std::string_view header, std::string_view payload) const {
    return sign_parts(base64url(header), base64url(payload));
  }
  std::string sign_parts(const std::string& header, const std::string& payload) const {
    const std::string input = header + '.' + payload;
    const crypto::Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), octets(signature), &size,
                             reinterpret_cast<const unsigned char*>(input.data()), input.size()),
              1);
    return input + '.' + base64url(signature);
  }

 private:
  static unsigned char* octets(std::string& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
  }
  crypto::Owned<EVP_PKEY, EVP_PKEY_free> key_;
  std::string x_;
};

}  // namespace veilwire::identity
