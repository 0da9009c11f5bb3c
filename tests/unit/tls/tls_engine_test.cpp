// What a good connection does: both versions, any fragmentation, half-close, key update, large
// transfers.
#include "userspace/wire/tls_engine.h"

#include "tests/unit/tls/tls_harness.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using State = TlsEngine::State;

struct Pair {
  explicit Pair(const Credentials& c)
      : client(TlsEngine::client(c.client(), kHost, at(0s))),
        server(TlsEngine::server(c.server())) {}
  TlsEngine client, server;
};

TEST(TlsEngine, ShakesHandsWithItselfAndCarriesBytesBothWays) {
  const Credentials c;
  Pair p(c);
  shuttle(p.client, p.server);
  ASSERT_EQ(p.client.state(), State::Open) << p.client.error_detail();
  ASSERT_EQ(p.server.state(), State::Open) << p.server.error_detail();
  EXPECT_EQ(p.client.version(), "TLSv1.3");
  EXPECT_EQ(p.server.version(), "TLSv1.3");
  EXPECT_EQ(p.client.alpn(), "http/1.1");
  EXPECT_EQ(p.server.alpn(), "http/1.1");
  EXPECT_FALSE(p.client.resumed());
  EXPECT_TRUE(p.client.send("question"));
  EXPECT_TRUE(p.server.send("answer"));
  shuttle(p.client, p.server);
  EXPECT_EQ(received(p.server), "question");
  EXPECT_EQ(received(p.client), "answer");
}

TEST(TlsEngine, ServesAClientOfEitherVersionByteByByte) {
  const Credentials c;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawPeer client = RawPeer::client(version);
    TlsEngine server = TlsEngine::server(c.server());
    shuttle(client, server, 1);
    ASSERT_EQ(server.state(), State::Open) << server.error_detail();
    EXPECT_EQ(server.version(), SSL_get_version(client.ssl()));
    client.send("question");
    EXPECT_TRUE(server.send("answer"));
    shuttle(client, server, 1);
    EXPECT_EQ(received(server), "question");
    EXPECT_EQ(received(client), "answer");
  }
}

TEST(TlsEngine, ConnectsToAServerOfEitherVersionByteByByte) {
  const Credentials c;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawPeer server = RawPeer::server(c, version);
    TlsEngine client = TlsEngine::client(c.client(), kHost, at(0s));
    shuttle(client, server, 1);
    ASSERT_EQ(client.state(), State::Open) << client.error_detail();
    EXPECT_EQ(client.version(), SSL_get_version(server.ssl()));
    EXPECT_EQ(client.alpn(), "");  // the server speaks no ALPN
    server.send("answer");
    EXPECT_TRUE(client.send("question"));
    shuttle(client, server, 1);
    EXPECT_EQ(received(client), "answer");
    EXPECT_EQ(received(server), "question");
  }
}

TEST(TlsEngine, ReadsTheSameAtEveryRecordBoundary) {
  // One direction's bytes in pieces of every size up to two records.
  const Credentials c;
  for (std::size_t step = 1; step < 100; step += 7) {
    Pair p(c);
    shuttle(p.client, p.server, step);
    for (const char* text : {"a", "bc", "def"}) EXPECT_TRUE(p.client.send(text));
    shuttle(p.client, p.server, step);
    EXPECT_EQ(received(p.server), "abcdef") << step;
  }
}

TEST(TlsEngine, ServesAClientWithoutAlpnOrName) {
  const Credentials c;
  RawPeer client = RawPeer::client(TLS1_3_VERSION, "");
  TlsEngine server = TlsEngine::server(c.server());
  shuttle(client, server);
  EXPECT_EQ(server.state(), State::Open);
  EXPECT_EQ(server.alpn(), "");
}

TEST(TlsEngine, AgreesOnItsOwnFirstProtocol) {
  const Credentials c;
  TlsServerParameters parameters = c.server_parameters();
  parameters.alpn = {"h2", "http/1.1"};
  const auto context = std::move(TlsServerContext::make(parameters)).value();
  const auto offer = [&](std::string_view wire) {
    RawPeer client = RawPeer::client();
    SSL_set_alpn_protos(client.ssl(), reinterpret_cast<const unsigned char*>(wire.data()),
                        static_cast<unsigned>(wire.size()));
    TlsEngine server = TlsEngine::server(context);
    shuttle(client, server);
    return std::string(server.alpn());
  };
  EXPECT_EQ(offer("\x08http/1.1\x02h2"), "h2");
  EXPECT_EQ(offer("\x08http/1.1"), "http/1.1");
}

TEST(TlsEngine, ClosesEachDirectionOnItsOwn) {
  const Credentials c;
  Pair p(c);
  shuttle(p.client, p.server);
  EXPECT_TRUE(p.client.send("the last question"));
  p.client.close();
  EXPECT_FALSE(p.client.send("one more"));
  shuttle(p.client, p.server);
  EXPECT_EQ(received(p.server), "the last question");
  EXPECT_EQ(p.server.state(), State::PeerClosed);
  EXPECT_EQ(p.client.state(), State::Open);
  EXPECT_TRUE(p.server.send("the last answer"));
  p.server.close();
  shuttle(p.client, p.server);
  EXPECT_EQ(received(p.client), "the last answer");
  EXPECT_EQ(p.client.state(), State::PeerClosed);
  p.client.end_of_input();
  p.server.end_of_input();
  EXPECT_FALSE(p.client.truncated());
  EXPECT_FALSE(p.server.truncated());
  EXPECT_EQ(p.client.error(), TlsError::None);
}

TEST(TlsEngine, SaysWhenTheEndIsNotTheEnd) {
  const Credentials c;
  Pair p(c);
  shuttle(p.client, p.server);
  EXPECT_TRUE(p.server.send("half of an ans"));
  shuttle(p.client, p.server);
  p.client.end_of_input();
  EXPECT_TRUE(p.client.truncated());
  EXPECT_EQ(p.client.state(), State::PeerClosed);
  EXPECT_EQ(received(p.client), "half of an ans");
  EXPECT_TRUE(p.client.send("the peer may still read"));
}

TEST(TlsEngine, IgnoresWhatComesAfterTheClose) {
  const Credentials c;
  Pair p(c);
  shuttle(p.client, p.server);
  p.client.close();
  std::string bytes;
  p.client.take_ciphertext(bytes);
  p.server.receive(bytes + "garbage behind the close_notify");
  EXPECT_EQ(p.server.state(), State::PeerClosed);
  p.server.receive("and more");
  EXPECT_EQ(p.server.error(), TlsError::None);
  EXPECT_EQ(received(p.server), "");
}

TEST(TlsEngine, FollowsAKeyUpdateInBothRoles) {
  const Credentials c;
  RawPeer raw_client = RawPeer::client();
  TlsEngine server = TlsEngine::server(c.server());
  shuttle(raw_client, server);
  SSL_key_update(raw_client.ssl(), SSL_KEY_UPDATE_REQUESTED);
  raw_client.send("after");
  shuttle(raw_client, server);
  EXPECT_EQ(received(server), "after");
  EXPECT_TRUE(server.send("with new keys"));
  shuttle(raw_client, server);
  EXPECT_EQ(received(raw_client), "with new keys");

  RawPeer raw_server = RawPeer::server(c);
  TlsEngine client = TlsEngine::client(c.client(), kHost, at(0s));
  shuttle(client, raw_server);
  SSL_key_update(raw_server.ssl(), SSL_KEY_UPDATE_REQUESTED);
  raw_server.send("after");
  shuttle(client, raw_server);
  EXPECT_EQ(received(client), "after");
  EXPECT_TRUE(client.send("with new keys"));
  shuttle(client, raw_server);
  EXPECT_EQ(received(raw_server), "with new keys");
}

TEST(TlsEngine, CarriesALargeTransferInBoundedMemory) {
  const Credentials c;
  Pair p(c);
  shuttle(p.client, p.server);
  const std::string piece(50'000, 'x');
  std::size_t sent = 0, got = 0;
  std::string wire, text;
  while (sent < 20'000'000) {
    ASSERT_TRUE(p.server.send(piece));
    sent += piece.size();
    wire.clear();
    p.server.take_ciphertext(wire);
    EXPECT_LT(wire.capacity(), 200'000U);
    for (std::size_t i = 0; i < wire.size(); i += 16'000) {
      p.client.receive(std::string_view(wire).substr(i, 16'000));
      text.clear();
      p.client.take_plaintext(text);
      EXPECT_LE(text.size(), 16'000U + 16'384U);
      EXPECT_LT(text.capacity(), 100'000U);
      got += text.size();
    }
  }
  EXPECT_EQ(got, sent);
}

TEST(TlsEngine, CanBeMovedAtAnyPoint) {
  const Credentials c;
  Pair p(c);
  TlsEngine client = std::move(p.client);
  shuttle(client, p.server);
  TlsEngine server = std::move(p.server);
  EXPECT_TRUE(client.send("text"));
  shuttle(client, server);
  EXPECT_EQ(received(server), "text");
}

TEST(TlsEngine, OutlivesItsContextsOnTheCallersSide) {
  std::optional<TlsEngine> client, server;
  {
    const Credentials c;
    client = TlsEngine::client(c.client(), kHost, at(0s));
    server = TlsEngine::server(c.server());
  }
  shuttle(*client, *server);
  EXPECT_EQ(server->state(), State::Open);
}

TEST(TlsServerContext, IsNotMadeFromBadCredentials) {
  const Credentials a, b;
  const auto error_of = [](auto change, TlsServerParameters p) {
    change(p);
    return TlsServerContext::make(p).error();
  };
  EXPECT_EQ(error_of([](auto& p) { p.chain.clear(); }, a.server_parameters()),
            TlsError::BadCredentials);
  EXPECT_EQ(error_of([](auto& p) { p.chain[0] += "x"; }, a.server_parameters()),
            TlsError::BadCredentials);
  EXPECT_EQ(error_of([](auto& p) { p.chain[0] = "x"; }, a.server_parameters()),
            TlsError::BadCredentials);
  EXPECT_EQ(error_of([&](auto& p) { p.key = &b.key; }, a.server_parameters()),
            TlsError::BadCredentials);
  EXPECT_EQ(error_of([](auto& p) { p.key = nullptr; }, a.server_parameters()),
            TlsError::BadCredentials);
}

TEST(TlsClientContext, IsNotMadeWithoutARoot) {
  const Credentials c;
  TlsClientParameters p;
  EXPECT_EQ(TlsClientContext::make(p).error(), TlsError::BadTrustStore);
  p.roots_pem = "garbage";
  EXPECT_EQ(TlsClientContext::make(p).error(), TlsError::BadTrustStore);
  p.roots_pem = c.made.certificate_pem;
  p.never_trust_pem = c.made.certificate_pem;
  EXPECT_EQ(TlsClientContext::make(p).error(), TlsError::BadTrustStore);
}

}  // namespace
}  // namespace veilwire::wire
