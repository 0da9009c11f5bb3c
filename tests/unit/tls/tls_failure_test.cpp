// Every way in which a handshake or a connection fails, what we say about it, and what the peer is
// told.
#include "tests/unit/tls/hello_builder.h"
#include "tests/unit/tls/tls_harness.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using State = TlsEngine::State;

// The error that our client gives for a server of these credentials, at both versions.
TlsError client_error(const Credentials& server, const std::shared_ptr<TlsClientContext>& trust,
                      const std::string& asked = kHost, const std::string& shown = kHost) {
  std::optional<TlsError> first;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawPeer peer = RawPeer::server(server, version, shown);
    TlsEngine client = TlsEngine::client(trust, asked, at(0s));
    shuttle(client, peer);
    if (client.error() != TlsError::None) {
      EXPECT_EQ(client.state(), State::Failed);
      EXPECT_FALSE(client.send("never"));
      EXPECT_EQ(peer.error, SSL_ERROR_SSL);  // it was told by an alert
      EXPECT_GE(ERR_GET_REASON(peer.error_code), SSL_AD_REASON_OFFSET);
      EXPECT_FALSE(client.error_detail().empty());
    }
    if (!first) first = client.error();
    EXPECT_EQ(client.error(), *first);
  }
  return *first;
}

TEST(TlsClient, AcceptsAGoodCertificate) {
  const Credentials c;
  EXPECT_EQ(client_error(c, c.client()), TlsError::None);
}

TEST(TlsClient, RefusesAnExpiredOrFutureCertificate) {
  const Credentials expired(-48h, -1s), future(1s, 48h);
  EXPECT_EQ(client_error(expired, expired.client()), TlsError::CertificateExpired);
  EXPECT_EQ(client_error(future, future.client()), TlsError::CertificateNotYetValid);
}

TEST(TlsClient, RefusesAnUnknownIssuer) {
  const Credentials c, other;
  EXPECT_EQ(client_error(c, other.client()), TlsError::UnknownIssuer);
}

TEST(TlsClient, RefusesACertificateForAnotherName) {
  const Credentials c;
  EXPECT_EQ(client_error(c, c.client(), "other.example.test"), TlsError::NameMismatch);
  EXPECT_EQ(client_error(c, c.client(), "a.wild.test", "b.wild.test"), TlsError::NameMismatch);
  EXPECT_EQ(client_error(c, c.client(), "sub." + kHost), TlsError::NameMismatch);
}

// A certificate made by hand, to be wrong in ways that our authority cannot be.
struct HandMade {
  HandMade(const char* common_name, const char* alternative, EVP_PKEY* key)
      : certificate(X509_new()) {
    X509* x = certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    ASN1_TIME_set(X509_getm_notBefore(x), (kNoon - 1h).count());
    ASN1_TIME_set(X509_getm_notAfter(x), (kNoon + 1h).count());
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    if (alternative != nullptr) {
      const crypto::Owned<X509_EXTENSION, X509_EXTENSION_free> names(
          X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative));
      X509_add_ext(x, names.get(), -1);
    }
    X509_sign(x, key, EVP_sha256());
    const crypto::Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), x);
    pem.resize(BIO_ctrl_pending(bio.get()));
    BIO_read(bio.get(), pem.data(), static_cast<int>(pem.size()));
  }
  OwnedCert certificate;
  std::string pem;
};

TlsError error_for(const HandMade& shown, EVP_PKEY* key, const std::string& trusted_pem,
                   const std::string& name) {
  RawPeer peer = RawPeer::server(Credentials{});
  SSL_set_security_level(peer.ssl(), 0);
  SSL_certs_clear(peer.ssl());
  SSL_use_certificate(peer.ssl(), shown.certificate.get());
  SSL_use_PrivateKey(peer.ssl(), key);
  TlsClientParameters parameters;
  parameters.roots_pem = trusted_pem;
  TlsEngine client =
      TlsEngine::client(std::move(TlsClientContext::make(parameters)).value(), name, at(0s));
  shuttle(client, peer);
  return client.error();
}

TEST(TlsClient, RefusesASelfSignedCertificateUnlessItIsTrusted) {
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  const HandMade self_signed("x", "DNS:api.example.test", key.handle());
  EXPECT_EQ(error_for(self_signed, key.handle(), Credentials{}.made.certificate_pem, kHost),
            TlsError::SelfSigned);
  EXPECT_EQ(error_for(self_signed, key.handle(), self_signed.pem, kHost), TlsError::None);
}

TEST(TlsClient, NeverLooksAtTheCommonName) {
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  const HandMade only_common("api.example.test", nullptr, key.handle());
  EXPECT_EQ(error_for(only_common, key.handle(), only_common.pem, kHost), TlsError::NameMismatch);
}

TEST(TlsClient, TakesAWildcardForOneWholeLabelOnly) {
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  const HandMade whole("x", "DNS:*.example.test", key.handle());
  EXPECT_EQ(error_for(whole, key.handle(), whole.pem, kHost), TlsError::None);
  EXPECT_EQ(error_for(whole, key.handle(), whole.pem, "a.b.example.test"), TlsError::NameMismatch);
  EXPECT_EQ(error_for(whole, key.handle(), whole.pem, "example.test"), TlsError::NameMismatch);
  const HandMade partial("x", "DNS:a*.example.test", key.handle());
  EXPECT_EQ(error_for(partial, key.handle(), partial.pem, kHost), TlsError::NameMismatch);
}

TEST(TlsClient, RefusesAWeakKey) {
  const crypto::Owned<EVP_PKEY, EVP_PKEY_free> rsa(EVP_RSA_gen(1024));
  const HandMade weak("x", "DNS:api.example.test", rsa.get());
  EXPECT_EQ(error_for(weak, rsa.get(), weak.pem, kHost), TlsError::WeakCertificate);
}

TEST(TlsClient, NeverTrustsOurOwnAuthorityUpstream) {
  const Credentials ours, organisation;
  TlsClientParameters parameters;
  const std::string both = organisation.made.certificate_pem + ours.made.certificate_pem;
  parameters.roots_pem = both;
  parameters.never_trust_pem = ours.made.certificate_pem;
  const auto context = std::move(TlsClientContext::make(parameters)).value();
  EXPECT_EQ(client_error(ours, context), TlsError::UnknownIssuer);
  EXPECT_EQ(client_error(organisation, context), TlsError::None);
}

TEST(TlsClient, DoesNotConnectToWhatIsNoHostName) {
  const Credentials c;
  for (const char* name : {"", "127.0.0.1", "a b", "*.example.test"}) {
    TlsEngine client = TlsEngine::client(c.client(), name, at(0s));
    EXPECT_EQ(client.error(), TlsError::BadServerName) << name;
    EXPECT_FALSE(client.has_ciphertext());
    client.receive("bytes");
    client.end_of_input();
    EXPECT_EQ(client.error(), TlsError::BadServerName);
  }
}

TEST(TlsClient, RefusesAnOldServer) {
  const Credentials c;
  RawPeer peer = RawPeer::server(c, TLS1_1_VERSION);
  SSL_set_min_proto_version(peer.ssl(), TLS1_VERSION);
  SSL_set_security_level(peer.ssl(), 0);
  TlsEngine client = TlsEngine::client(c.client(), kHost, at(0s));
  shuttle(client, peer);
  EXPECT_EQ(client.error(), TlsError::UnsupportedVersion);
}

TEST(TlsServer, RefusesAnOldClient) {
  const Credentials c;
  RawPeer peer = RawPeer::client(TLS1_1_VERSION);
  SSL_set_min_proto_version(peer.ssl(), TLS1_VERSION);
  SSL_set_security_level(peer.ssl(), 0);
  TlsEngine server = TlsEngine::server(c.server());
  shuttle(peer, server);
  EXPECT_EQ(server.error(), TlsError::UnsupportedVersion);
  EXPECT_EQ(ERR_GET_REASON(peer.error_code), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
}

TEST(TlsServer, RefusesAClientWithoutSuitesInCommon) {
  const Credentials c;
  RawPeer peer = RawPeer::client(TLS1_2_VERSION);
  SSL_set_cipher_list(peer.ssl(), "AES128-SHA");
  TlsEngine server = TlsEngine::server(c.server());
  shuttle(peer, server);
  EXPECT_EQ(server.error(), TlsError::NoCommonParameters);
}

TEST(TlsServer, RefusesAClientThatSpeaksAnotherProtocol) {
  const Credentials c;
  RawPeer peer = RawPeer::client();
  const std::string_view offered = "\x02h2";
  SSL_set_alpn_protos(peer.ssl(), reinterpret_cast<const unsigned char*>(offered.data()), 3);
  TlsEngine server = TlsEngine::server(c.server());
  shuttle(peer, server);
  EXPECT_EQ(server.error(), TlsError::NoCommonProtocol);
}

TEST(TlsServer, LearnsThatItsCertificateIsNotTrusted) {
  const Credentials c, other;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawPeer peer = RawPeer::client(version);
    SSL_set_verify(peer.ssl(), SSL_VERIFY_PEER, nullptr);  // trusts nobody
    TlsEngine server = TlsEngine::server(c.server());
    shuttle(peer, server);
    EXPECT_EQ(server.state(), State::Failed);
    EXPECT_EQ(server.error(), TlsError::PeerRejectedCertificate) << server.error_detail();
  }
}

TEST(TlsServer, LearnsThatTheClientLeftInTheHandshake) {
  const Credentials c;
  TlsEngine server = TlsEngine::server(c.server());
  RawPeer peer = RawPeer::client();
  std::string bytes;
  peer.take_ciphertext(bytes);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{10}, bytes.size()}) {
    TlsEngine cut_off = TlsEngine::server(c.server());
    cut_off.receive(std::string_view(bytes).substr(0, cut));
    EXPECT_EQ(cut_off.state(), State::Handshaking);
    cut_off.end_of_input();
    EXPECT_EQ(cut_off.error(), TlsError::HandshakeCut);
    EXPECT_TRUE(cut_off.truncated());
    cut_off.receive(bytes);  // too late
    EXPECT_EQ(cut_off.error(), TlsError::HandshakeCut);
  }
}

TEST(TlsEngine, FailsOnGarbage) {
  const Credentials c;
  const std::string garbage[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                 std::string(100, '\0'),
                                 std::string("\x16\x03\x01\xff\xff") + std::string(100, 'x'),
                                 record(message("too short")),
                                 std::string("\x17\x03\x03\x00\x05hello", 10),
                                 std::string("\x14\x03\x03\x00\x01\x01", 6)};
  for (const auto& bytes : garbage) {
    TlsEngine server = TlsEngine::server(c.server());
    server.receive(bytes);
    server.receive(std::string(20'000, 'x'));
    EXPECT_EQ(server.state(), State::Failed);
    EXPECT_NE(server.error(), TlsError::None);
    EXPECT_EQ(received(server), "");
    TlsEngine client = TlsEngine::client(c.client(), kHost, at(0s));
    client.receive(bytes);
    client.receive(std::string(20'000, 'x'));
    EXPECT_EQ(client.state(), State::Failed);
  }
}

TEST(TlsEngine, FailsOnABitThatFlips) {
  const Credentials c;
  TlsEngine server = TlsEngine::server(c.server());
  TlsEngine client = TlsEngine::client(c.client(), kHost, at(0s));
  shuttle(client, server);
  ASSERT_TRUE(client.send("text"));
  std::string bytes;
  client.take_ciphertext(bytes);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  server.receive(bytes);
  EXPECT_EQ(server.state(), State::Failed);
  EXPECT_EQ(server.error(), TlsError::Protocol);
  EXPECT_EQ(received(server), "");
  shuttle(server, client);
  EXPECT_EQ(client.error(), TlsError::PeerAlert);
  EXPECT_FALSE(client.send("more"));
  client.close();
  EXPECT_FALSE(client.has_ciphertext());
}

TEST(TlsEngine, DoesNotRenegotiate) {
  const Credentials c;
  RawPeer raw_client = RawPeer::client(TLS1_2_VERSION);
  TlsEngine server = TlsEngine::server(c.server());
  shuttle(raw_client, server);
  SSL_renegotiate(raw_client.ssl());
  SSL_do_handshake(raw_client.ssl());
  shuttle(raw_client, server);
  EXPECT_EQ(ERR_GET_REASON(raw_client.error_code), SSL_R_NO_RENEGOTIATION);

  RawPeer raw_server = RawPeer::server(c, TLS1_2_VERSION);
  TlsEngine client = TlsEngine::client(c.client(), kHost, at(0s));
  shuttle(client, raw_server);
  SSL_renegotiate(raw_server.ssl());
  SSL_do_handshake(raw_server.ssl());
  shuttle(client, raw_server);
  EXPECT_NE(raw_server.error, SSL_ERROR_NONE);
}

TEST(TlsError, HasWordsForEveryValue) {
  for (int e = 0; e <= static_cast<int>(TlsError::BadTrustStore); ++e)
    EXPECT_FALSE(to_string(static_cast<TlsError>(e)).empty());
}

}  // namespace
}  // namespace veilwire::wire
