#include "userspace/wire/ca_request.h"

#include "userspace/crypto/owned.h"
#include "userspace/crypto/private_key.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;

std::string shown(const std::string& pem) {
  const Owned<BIO, BIO_free_all> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Owned<X509_REQ, X509_REQ_free> request(
      PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr));
  if (!request || X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())) != 1)
    return "no valid request";
  const Owned<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  X509_REQ_print(out.get(), request.get());
  std::string text(BIO_ctrl_pending(out.get()), '\0');
  BIO_read(out.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

TEST(CaRequest, AsksForANarrowAuthorityAndSignsItself) {
  const Secret key = crypto::PrivateKey::generate().to_pem();
  const auto made =
      make_ca_request(std::vector<std::string>{"API.anthropic.com", "*.example.com"}, key.reveal());
  ASSERT_TRUE(made.has_value());
  const std::string text = shown(*made);
  for (const char* wanted :
       {"CA:TRUE, pathlen:0", "Basic Constraints: critical", "Name Constraints: critical",
        "DNS:api.anthropic.com", "DNS:example.com", "Certificate Sign", "O=veilwire"})
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << '\n' << text;
}

TEST(CaRequest, IsTheSameForTheSameKeyAndHostsAlone) {
  const Secret key = crypto::PrivateKey::generate().to_pem();
  const Secret other = crypto::PrivateKey::generate().to_pem();
  const std::vector<std::string> hosts{"a.example"}, more{"a.example", "b.example"};
  const std::string made = make_ca_request(hosts, key.reveal()).value();
  EXPECT_TRUE(same_request(made, make_ca_request(hosts, key.reveal()).value()));
  EXPECT_FALSE(same_request(made, make_ca_request(more, key.reveal()).value()));
  EXPECT_FALSE(same_request(made, make_ca_request(hosts, other.reveal()).value()));
  EXPECT_FALSE(same_request("", ""));
  EXPECT_FALSE(same_request("no request", "no request"));
}

TEST(CaRequest, RefusesWhatNoAuthorityCouldBeFor) {
  const Secret key = crypto::PrivateKey::generate().to_pem();
  EXPECT_EQ(make_ca_request({}, key.reveal()).error(), CertError::BadHost);
  EXPECT_EQ(make_ca_request(std::vector<std::string>{"10.0.0.1"}, key.reveal()).error(),
            CertError::BadHost);
  EXPECT_EQ(make_ca_request(std::vector<std::string>{"a.example"}, "no key").error(),
            CertError::BadKey);
}

}  // namespace
}  // namespace veilwire::wire
