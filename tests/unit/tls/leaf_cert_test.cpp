#include "userspace/wire/leaf_cert.h"

#include "tests/unit/tls/verifier.h"
#include "userspace/wire/authority_file.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using namespace testing;
using namespace std::chrono_literals;

const std::string kSerial("0123456789abcdef");

CaParameters ca_parameters() {
  return {"g1", {"api.example.test", "*.wild.test"}, at(-1h), at(24h * 365), kSerial};
}

// An authority, its certificate, and a key to make leafs for.
struct Fixture {
  explicit Fixture(const CaParameters& parameters = ca_parameters())
      : made(std::move(make_ca(parameters)).value()),
        ca(std::move(CertificateAuthority::load(made.certificate_pem, made.key_pem.reveal()))
               .value()) {}

  Result<Leaf, CertError> leaf(std::string_view name, WallTime from = at(-1h),
                               WallTime to = at(24h)) const {
    return ca.make_leaf({name, spki, from, to, kSerial});
  }

  NewCa made;
  CertificateAuthority ca;
  std::string spki = crypto::PrivateKey::generate().public_der();
};

std::string text_of(int nid, X509* certificate) {
  const int index = X509_get_ext_by_NID(certificate, nid, -1);
  if (index < 0) return "absent";
  X509_EXTENSION* extension = X509_get_ext(certificate, index);
  const crypto::Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  X509V3_EXT_print(bio.get(), extension, 0, 0);
  std::string text(BIO_ctrl_pending(bio.get()), '\0');
  BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
  return (X509_EXTENSION_get_critical(extension) == 1 ? "critical, " : "") + text;
}

TEST(Leaf, IsAcceptedByAStrictVerifierForItsNameAlone) {
  const Fixture f;
  const auto leaf = f.leaf("api.example.test");
  ASSERT_TRUE(leaf);
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "api.example.test"), X509_V_OK);
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "other.example.test"),
            X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "sub.api.example.test"),
            X509_V_ERR_HOSTNAME_MISMATCH);
  const Fixture other;
  EXPECT_NE(verify(leaf->der, {}, other.made.certificate_pem, "api.example.test"), X509_V_OK);
}

TEST(ChainPermits, WhatTheAuthorityWithItsKeyPermits) {
  const Fixture f;
  for (const char* name : {"api.example.test", "API.example.test", "a.wild.test",
                           "other.example.test", "*.wild.test", ""}) {
    const auto permits = chain_permits(f.made.certificate_pem, name);
    ASSERT_TRUE(permits);
    EXPECT_EQ(*permits, f.ca.permits(name)) << name;
  }
  EXPECT_EQ(chain_permits("", "api.example.test").error(), CertError::BadCertificate);
  CaParameters other = ca_parameters();
  other.hosts = {"other.test"};
  const std::string both = f.made.certificate_pem + make_ca(other)->certificate_pem;
  EXPECT_TRUE(*chain_permits(both, "api.example.test")) << "the first of a file is the one";
  EXPECT_FALSE(*chain_permits(both, "other.test"));
}

TEST(Leaf, OfAWildcardHostIsForOneName) {
  const Fixture f;
  const auto leaf = f.leaf("MCP.wild.test");
  ASSERT_TRUE(leaf);
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "mcp.wild.test"), X509_V_OK);
  EXPECT_EQ(text_of(NID_subject_alt_name, parse_der(leaf->der).get()), "DNS:mcp.wild.test");
}

TEST(Leaf, IsValidInItsTimeOnly) {
  const Fixture f;
  const auto leaf = f.leaf("api.example.test", at(-1h), at(2h));
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->not_after, at(2h));
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "api.example.test", 2h + 1s),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "api.example.test", -1h - 1s),
            X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST(Leaf, NeverOutlivesItsAuthority) {
  const Fixture f;
  const auto leaf = f.leaf("api.example.test", at(-24h), at(24h * 700));
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->not_after, at(24h * 365));
  EXPECT_EQ(f.ca.not_after(), at(24h * 365));
  EXPECT_EQ(verify(leaf->der, {}, f.made.certificate_pem, "api.example.test", 24h * 364),
            X509_V_OK);
  EXPECT_EQ(f.leaf("api.example.test", at(24h * 366), at(24h * 367)).error(),
            CertError::OutsideValidity);
  EXPECT_EQ(f.leaf("api.example.test", at(1h), at(1h)).error(), CertError::BadValidity);
}

TEST(Leaf, HasTheExtensionsOfAServerAndNoCommonName) {
  const Fixture f;
  const auto leaf = parse_der(f.leaf("api.example.test")->der);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(text_of(NID_subject_alt_name, leaf.get()), "DNS:api.example.test");
  EXPECT_EQ(text_of(NID_key_usage, leaf.get()), "critical, Digital Signature");
  EXPECT_EQ(text_of(NID_ext_key_usage, leaf.get()), "TLS Web Server Authentication");
  EXPECT_EQ(text_of(NID_basic_constraints, leaf.get()), "absent");
  EXPECT_EQ(X509_NAME_get_index_by_NID(X509_get_subject_name(leaf.get()), NID_commonName, -1), -1);
  const auto ca = parse_pem(f.made.certificate_pem);
  EXPECT_EQ(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf.get()),
                                  X509_get0_subject_key_id(ca.get())),
            0);
  EXPECT_NE(X509_get0_subject_key_id(leaf.get()), nullptr);
  EXPECT_EQ(X509_get_version(leaf.get()), X509_VERSION_3);
}

TEST(Leaf, IsRefusedOutsideTheConstraints) {
  const Fixture f;
  for (const char* name : {"example.test", "evil.test", "api.example.test.evil.test",
                           "xapi.example.test", "wild.test.x"})
    EXPECT_EQ(f.leaf(name).error(), CertError::OutsideConstraints) << name;
  for (const char* name :
       {"", "*.wild.test", "127.0.0.1", "::1", "api.example.test.", "a b.wild.test", ".wild.test"})
    EXPECT_EQ(f.leaf(name).error(), CertError::BadHost) << name;
  EXPECT_EQ(f.leaf(std::string_view("api.example.test\0.wild.test", 27)).error(),
            CertError::BadHost);
}

TEST(Leaf, IsMadeForP256KeysAndRandomSerialsOnly) {
  const Fixture f;
  const auto with = [&](std::string_view spki, std::string_view serial) {
    return f.ca.make_leaf({"api.example.test", spki, at(0h), at(1h), serial}).error();
  };
  EXPECT_EQ(with("", kSerial), CertError::BadKey);
  EXPECT_EQ(with(f.spki + "x", kSerial), CertError::BadKey);
  const crypto::Owned<EVP_PKEY, EVP_PKEY_free> p384(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(p384.get(), &der);
  EXPECT_EQ(with({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)}, kSerial),
            CertError::BadKey);
  OPENSSL_free(der);
  EXPECT_EQ(with(f.spki, ""), CertError::BadSerial);
  EXPECT_EQ(with(f.spki, "1234567"), CertError::BadSerial);
  EXPECT_EQ(with(f.spki, std::string(20, 'x')), CertError::BadSerial);
  EXPECT_EQ(with(f.spki, std::string(16, '\0')), CertError::BadSerial);
}

TEST(Leaf, SerialIsPositiveWhateverItsFirstBit) {
  const Fixture f;
  const auto leaf = parse_der(
      f.ca.make_leaf({"api.example.test", f.spki, at(0h), at(1h), std::string(19, '\xff')})->der);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(ASN1_STRING_type(X509_get0_serialNumber(leaf.get())), V_ASN1_INTEGER);
}

TEST(Ca, HasTheExtensionsOfAConstrainedAuthority) {
  const Fixture f;
  const auto ca = parse_pem(f.made.certificate_pem);
  EXPECT_EQ(text_of(NID_basic_constraints, ca.get()), "critical, CA:TRUE, pathlen:0");
  EXPECT_EQ(text_of(NID_key_usage, ca.get()), "critical, Certificate Sign, CRL Sign");
  const std::string constraints = text_of(NID_name_constraints, ca.get());
  EXPECT_TRUE(constraints.starts_with("critical, Permitted:")) << constraints;
  for (const char* part :
       {"DNS:api.example.test", "DNS:wild.test", "Excluded:", "IP:0.0.0.0/0.0.0.0"})
    EXPECT_NE(constraints.find(part), constraints.npos) << constraints;
  EXPECT_EQ(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(ca.get()),
                                  X509_get0_subject_key_id(ca.get())),
            0);
  EXPECT_EQ(X509_self_signed(ca.get(), 1), 1);
}

TEST(Ca, EveryGenerationHasASubjectOfItsOwn) {
  const Fixture a, b;  // the same label, other keys
  EXPECT_NE(a.ca.subject(), b.ca.subject());
  EXPECT_TRUE(a.ca.subject().starts_with("CN=veilwire g1 ")) << a.ca.subject();
}

// The constraint binds clients too: a leaf that somebody with the key makes outside it is
// worthless.
TEST(Ca, ConstraintIsEnforcedByTheVerifier) {
  const CaParameters wide{"g", {"evil.test"}, at(-1h), at(24h * 365), kSerial};
  const Fixture f, other(wide);
  // The other authority's leaf, signed again by the constrained key.
  const auto issuer = parse_pem(f.made.certificate_pem);
  const auto leaf = parse_der(other.leaf("evil.test")->der);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get()));
  X509_EXTENSION_free(X509_delete_ext(
      leaf.get(), X509_get_ext_by_NID(leaf.get(), NID_authority_key_identifier, -1)));
  X509_add1_ext_i2d(leaf.get(), NID_authority_key_identifier, nullptr, 0, X509V3_ADD_DELETE);
  const auto key = crypto::PrivateKey::from_pem(f.made.key_pem.reveal());
  X509_sign(leaf.get(), key->handle(), EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509(leaf.get(), &der);
  const std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  const crypto::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), issuer.get());
  const crypto::Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), kNoon.count());
  EXPECT_EQ(X509_verify_cert(context.get()), 0);
  EXPECT_EQ(X509_STORE_CTX_get_error(context.get()), X509_V_ERR_PERMITTED_VIOLATION);
}

TEST(Ca, IsNotMadeFromBadParameters) {
  const auto error_of = [](auto change) {
    CaParameters p = ca_parameters();
    change(p);
    return make_ca(p).error();
  };
  EXPECT_EQ(error_of([](auto& p) { p.hosts.clear(); }), CertError::BadHost);
  EXPECT_EQ(error_of([](auto& p) { p.hosts = {"10.0.0.1"}; }), CertError::BadHost);
  EXPECT_EQ(error_of([](auto& p) { p.hosts = {"*"}; }), CertError::BadHost);
  EXPECT_EQ(error_of([](auto& p) { p.hosts = {"*.*.test"}; }), CertError::BadHost);
  EXPECT_EQ(error_of([](auto& p) { p.hosts = {"a.test,DNS:b.test"}; }), CertError::BadHost);
  EXPECT_EQ(error_of([](auto& p) { p.label = ""; }), CertError::BadLabel);
  EXPECT_EQ(error_of([](auto& p) { p.label = "a/b"; }), CertError::BadLabel);
  EXPECT_EQ(error_of([](auto& p) { p.label = std::string(33, 'a'); }), CertError::BadLabel);
  EXPECT_EQ(error_of([](auto& p) { p.not_after = p.not_before; }), CertError::BadValidity);
  EXPECT_EQ(error_of([](auto& p) { p.serial = "x"; }), CertError::BadSerial);
}

TEST(Authority, IsLoadedOnlyWithItsOwnKeyAndChain) {
  const Fixture a, b;
  const auto error_of = [](std::string_view chain, std::string_view key) {
    return CertificateAuthority::load(chain, key).error();
  };
  EXPECT_EQ(error_of(a.made.certificate_pem, b.made.key_pem.reveal()), CertError::KeyMismatch);
  EXPECT_EQ(error_of("", a.made.key_pem.reveal()), CertError::BadCertificate);
  EXPECT_EQ(error_of({}, a.made.key_pem.reveal()), CertError::BadCertificate);
  EXPECT_EQ(error_of("garbage", a.made.key_pem.reveal()), CertError::BadCertificate);
  EXPECT_EQ(error_of(a.made.certificate_pem, ""), CertError::BadKey);
}

TEST(Authority, OfAFileWithSeveralIsTheOneThatTheKeyIsFor) {
  const Fixture a, b, c;
  const std::string both = a.made.certificate_pem + b.made.certificate_pem;
  for (const Fixture* one : {&a, &b}) {
    const auto loaded = CertificateAuthority::load(both, one->made.key_pem.reveal());
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->certificate_der(), one->made.certificate_der);
    EXPECT_TRUE(loaded->intermediates().empty());
  }
  EXPECT_EQ(CertificateAuthority::load(both, c.made.key_pem.reveal()).error(),
            CertError::KeyMismatch);
}

// An organisation's root signs our authority: clients trust the root, the chain carries the link.
struct Organisation {
  Organisation() : root(X509_new()), key(crypto::PrivateKey::generate()) {
    X509_set_version(root.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(root.get()), 7);
    ASN1_TIME_set(X509_getm_notBefore(root.get()), (kNoon - 24h).count());
    ASN1_TIME_set(X509_getm_notAfter(root.get()), (kNoon + 24h * 30).count());
    X509_set_pubkey(root.get(), key.handle());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(root.get()), "O", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("Example Org"), -1, -1, 0);
    X509_set_issuer_name(root.get(), X509_get_subject_name(root.get()));
    extend(root.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(root.get(), NID_key_usage, "critical,keyCertSign");
    extend(root.get(), NID_subject_key_identifier, "hash");
    X509_sign(root.get(), key.handle(), EVP_sha256());
  }

  void extend(X509* certificate, int nid, const char* value) const {
    X509V3_CTX context;
    X509V3_set_ctx(&context, root.get(), certificate, nullptr, nullptr, 0);
    const crypto::Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    X509_add_ext(certificate, extension.get(), -1);
  }

  // The certificate of `made`, issued again by this organisation.
  std::string sign(const NewCa& made) const {
    const auto link = parse_pem(made.certificate_pem);
    X509_set_issuer_name(link.get(), X509_get_subject_name(root.get()));
    X509_EXTENSION_free(X509_delete_ext(
        link.get(), X509_get_ext_by_NID(link.get(), NID_authority_key_identifier, -1)));
    extend(link.get(), NID_authority_key_identifier, "keyid");
    X509_sign(link.get(), key.handle(), EVP_sha256());
    return pem(link.get());
  }

  static std::string pem(X509* certificate) {
    const crypto::Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    std::string text(BIO_ctrl_pending(bio.get()), '\0');
    BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
    return text;
  }

  OwnedCert root;
  crypto::PrivateKey key;
};

TEST(Authority, BelowAnOrganisationSendsItsChainWithoutTheRoot) {
  const Organisation organisation;
  const Fixture f;
  const std::string root_pem = Organisation::pem(organisation.root.get());
  const std::string chain = organisation.sign(f.made) + root_pem;
  const auto ca = CertificateAuthority::load(chain, f.made.key_pem.reveal());
  ASSERT_TRUE(ca);
  const auto both = read_authorities(chain + f.made.certificate_pem);
  ASSERT_TRUE(both);
  ASSERT_EQ(both->size(), 2U);
  EXPECT_EQ(both->front().anchor, root_pem);
  EXPECT_EQ(both->front().pem, chain);
  ASSERT_EQ(ca->intermediates().size(), 1U);
  EXPECT_EQ(ca->not_after(), at(24h * 30));
  const auto leaf = ca->make_leaf({"api.example.test", f.spki, at(-1h), at(24h * 60), kSerial});
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->not_after, at(24h * 30));
  EXPECT_EQ(verify(leaf->der, ca->intermediates(), root_pem, "api.example.test"), X509_V_OK);
  EXPECT_NE(verify(leaf->der, {}, root_pem, "api.example.test"), X509_V_OK);
  EXPECT_FALSE(ca->permits("evil.test"));
}

TEST(Authority, MayEndLaterThanAClockCanSay) {
  Organisation organisation;
  ASN1_TIME_set_string(X509_getm_notAfter(organisation.root.get()), "99991231235959Z");
  X509_sign(organisation.root.get(), organisation.key.handle(), EVP_sha256());
  const auto ca = CertificateAuthority::load(Organisation::pem(organisation.root.get()),
                                             organisation.key.to_pem().reveal());
  ASSERT_TRUE(ca);
  EXPECT_EQ(ca->not_after().since_epoch, std::chrono::nanoseconds::max());
  const std::string spki = crypto::PrivateKey::generate().public_der();
  const auto leaf = ca->make_leaf({"any.example", spki, at(0h), at(1h), kSerial});
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->not_after, at(1h));
}

TEST(Authority, WithoutConstraintsPermitsEveryHostName) {
  const Organisation organisation;
  const auto ca = CertificateAuthority::load(Organisation::pem(organisation.root.get()),
                                             organisation.key.to_pem().reveal());
  ASSERT_TRUE(ca);
  EXPECT_TRUE(ca->permits("any.example"));
  EXPECT_FALSE(ca->constrained());
  EXPECT_TRUE(Fixture().ca.constrained());
  EXPECT_FALSE(ca->permits("192.0.2.1"));
}

TEST(Authority, IsNoLeaf) {
  const Fixture f;
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  const auto leaf = f.ca.make_leaf({"api.example.test", key.public_der(), at(0h), at(1h), kSerial});
  const auto loaded = CertificateAuthority::load(Organisation::pem(parse_der(leaf->der).get()),
                                                 key.to_pem().reveal());
  EXPECT_EQ(loaded.error(), CertError::NotAnAuthority);
}

}  // namespace
}  // namespace veilwire::wire
