#include "userspace/wire/authority_facts.h"

#include "userspace/crypto/owned.h"
#include "userspace/crypto/private_key.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kNow = 1'780'000'000s;

NewCa ours() {
  CaParameters p;
  p.label = "test";
  p.hosts = {"api.example.com"};
  p.not_before = {kNow - 1h};
  p.not_after = {kNow + 24h};
  p.serial = "12345678";
  return std::move(make_ca(p)).value();
}

// A CA that somebody else made, with the extensions given as OpenSSL writes them.
struct Other {
  Owned<X509, X509_free> certificate{X509_new()};
  crypto::PrivateKey key = crypto::PrivateKey::generate();

  Other(const char* name, const Other* issuer, std::vector<std::pair<int, std::string>> extensions,
        std::chrono::seconds not_after = kNow + 48h) {
    X509* const x = certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    ASN1_TIME_set(X509_getm_notBefore(x), (kNow - 48h).count());
    ASN1_TIME_set(X509_getm_notAfter(x), not_after.count());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    const Other& above = issuer == nullptr ? *this : *issuer;
    X509_set_issuer_name(x, X509_get_subject_name(above.certificate.get()));
    X509_set_pubkey(x, key.handle());
    for (const auto& [nid, value] : extensions) {
      const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
          X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
      X509_add_ext(x, extension.get(), -1);
    }
    X509_sign(x, above.key.handle(), EVP_sha256());
  }
  std::string pem() const {
    const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    std::string text(BIO_ctrl_pending(bio.get()), '\0');
    BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
    return text;
  }
};

const std::pair<int, std::string> kCa{NID_basic_constraints, "critical,CA:TRUE"};
const std::pair<int, std::string> kNarrowCa{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"};
const std::pair<int, std::string> kNames{NID_name_constraints,
                                         "critical,permitted;DNS:api.example.com"};

TEST(AuthorityFacts, OurOwnAuthorityIsNarrowAndItsOwnRoot) {
  const NewCa made = ours();
  const auto facts = examine_authority("a comment\n" + made.certificate_pem);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->path_length, 0);
  EXPECT_TRUE(facts->constrained);
  EXPECT_EQ(facts->root_pem, made.certificate_pem);
  EXPECT_EQ(facts->chain_pem, made.certificate_pem);
  EXPECT_EQ(facts->not_after.since_epoch, kNow + 24h);
  EXPECT_NE(facts->subject.find("O=veilwire"), std::string::npos) << facts->subject;
}

TEST(AuthorityFacts, AChainHoldsAsLongAsItsShortestCertificate) {
  const Other root("root", nullptr, {kCa}, kNow + 12h);
  const Other issuer("issuer", &root, {kNarrowCa, kNames});
  const auto facts = examine_authority(issuer.pem() + root.pem());
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->not_after.since_epoch, kNow + 12h);
  EXPECT_EQ(facts->root_pem, root.pem());
  EXPECT_EQ(facts->subject, "CN=issuer");
}

TEST(AuthorityFacts, WhatIsNotCriticalOrCoversEverythingConstrainsNothing) {
  const Other lax("lax", nullptr,
                  {kNarrowCa, {NID_name_constraints, "permitted;DNS:api.example.com"}});
  const Other all("all", nullptr, {kNarrowCa, {NID_name_constraints, "critical,excluded;DNS:x"}});
  const Other wide("wide", nullptr, {kCa});
  EXPECT_FALSE(examine_authority(lax.pem())->constrained);
  EXPECT_FALSE(examine_authority(all.pem())->constrained);
  EXPECT_FALSE(examine_authority(wide.pem())->constrained);
  EXPECT_EQ(examine_authority(wide.pem())->path_length, std::nullopt);
}

TEST(AuthorityFacts, RefusesWhatIsNoAuthorityOrNoChain) {
  const Other root("root", nullptr, {kCa}), stranger("stranger", nullptr, {kCa});
  const Other leaf("leaf", &root, {{NID_basic_constraints, "critical,CA:FALSE"}});
  EXPECT_EQ(examine_authority("").error(), CertError::BadCertificate);
  EXPECT_EQ(examine_authority(leaf.pem() + root.pem()).error(), CertError::NotAnAuthority);
  const Other issuer("issuer", &root, {kNarrowCa, kNames});
  EXPECT_EQ(examine_authority(issuer.pem() + stranger.pem()).error(), CertError::BadCertificate);
}

TEST(AuthorityFacts, AChainWithoutItsRootIsFoundBelowOneOfABundle) {
  const Other root("root", nullptr, {kCa}), stranger("stranger", nullptr, {kCa});
  const Other namesake("root", nullptr, {kCa});
  const Other issuer("issuer", &root, {kNarrowCa, kNames});
  EXPECT_EQ(examine_authority(issuer.pem())->root_pem, "");
  EXPECT_TRUE(issued_below(issuer.pem(), stranger.pem() + root.pem()));
  EXPECT_FALSE(issued_below(issuer.pem(), stranger.pem()));
  EXPECT_FALSE(issued_below(issuer.pem(), namesake.pem()));
  EXPECT_FALSE(issued_below(issuer.pem(), ""));
}

}  // namespace
}  // namespace veilwire::wire
