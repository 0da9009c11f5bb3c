// Sessions: resumed on both sides and in both versions, bound to their host, forgotten in time.
#include "tests/unit/tls/tls_harness.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using State = TlsEngine::State;

using OwnedRawSession = crypto::Owned<SSL_SESSION, SSL_SESSION_free>;

// A client of plain OpenSSL that may offer a session; says whether it was resumed and gives the
// next one.
struct Visit {
  bool open = false, resumed = false, server_agrees = false;
  OwnedRawSession session;
};
Visit visit(const std::shared_ptr<const TlsServerContext>& context, int version,
            const std::string& name, SSL_SESSION* offered) {
  RawPeer client = RawPeer::client(version, name);
  if (offered != nullptr) SSL_set_session(client.ssl(), offered);
  TlsEngine server = TlsEngine::server(context);
  shuttle(client, server);
  Visit v;
  v.open = server.state() == State::Open;
  v.resumed = SSL_session_reused(client.ssl()) == 1;
  v.server_agrees = server.resumed() == v.resumed;
  v.session.reset(SSL_get1_session(client.ssl()));
  SSL_set_shutdown(client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  return v;
}

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

TEST(ServerResumption, WorksAcrossContextsOfOneHost) {
  const Credentials c;
  for (const int version : kVersions) {
    const Visit first = visit(c.server(), version, kHost, nullptr);
    EXPECT_TRUE(first.open);
    EXPECT_FALSE(first.resumed);
    // Another context, as after a renewed leaf certificate.
    const Visit second = visit(c.server(), version, kHost, first.session.get());
    EXPECT_TRUE(second.open);
    EXPECT_TRUE(second.resumed) << version;
    EXPECT_TRUE(second.server_agrees);
  }
}

TEST(ServerResumption, GoesOnFromConnectionToConnection) {
  const Credentials c;
  const auto server = c.server();
  const auto client = c.client();  // uses each TLS 1.3 ticket once
  for (int i = 0; i < 10; ++i) {
    TlsEngine from = TlsEngine::client(client, kHost, at(0s)), to = TlsEngine::server(server);
    shuttle(from, to);
    EXPECT_EQ(to.resumed(), i != 0) << i;
    EXPECT_EQ(from.resumed(), i != 0) << i;
  }
}

TEST(ServerResumption, OfAnotherHostIsAFullHandshake) {
  const Credentials c;
  for (const int version : kVersions) {
    const Visit first = visit(c.server("a.wild.test"), version, "a.wild.test", nullptr);
    for (const std::string name : {"a.wild.test", "b.wild.test"}) {  // whatever the client says
      const Visit second = visit(c.server("b.wild.test"), version, name, first.session.get());
      EXPECT_TRUE(second.open) << version;
      EXPECT_FALSE(second.resumed) << version;
    }
  }
}

TEST(ServerResumption, OutlivesOneRotationOfTheKeysAndNotTwo) {
  const Credentials c;
  const auto context = c.server();
  for (const int version : kVersions) {
    const Visit first = visit(context, version, kHost, nullptr);
    static Monotonic now{};
    now = now + TicketKeys::kPeriod;
    c.tickets->rotate(now);
    c.tickets->rotate(now);  // nothing is due
    const Visit second = visit(context, version, kHost, first.session.get());
    EXPECT_TRUE(second.resumed) << version;
    now = now + TicketKeys::kPeriod;
    c.tickets->rotate(now);
    const Visit third = visit(context, version, kHost, first.session.get());
    EXPECT_TRUE(third.open);
    EXPECT_FALSE(third.resumed) << version;
    // The second visit was given a ticket under the newer key.
    if (version == TLS1_2_VERSION) {
      EXPECT_TRUE(visit(context, version, kHost, second.session.get()).resumed);
    }
  }
}

TEST(ServerResumption, KeysLeftAloneForLongAreBothReplaced) {
  const Credentials c;
  const auto context = c.server();
  const Visit first = visit(context, TLS1_3_VERSION, kHost, nullptr);
  c.tickets->rotate(Monotonic{} + 2 * TicketKeys::kPeriod);
  EXPECT_FALSE(visit(context, TLS1_3_VERSION, kHost, first.session.get()).resumed);
}

TEST(ServerResumption, DoesNotHappenWithoutKeys) {
  const Credentials c;
  TlsServerParameters parameters = c.server_parameters();
  parameters.tickets = nullptr;
  const auto context = std::move(TlsServerContext::make(parameters)).value();
  for (const int version : kVersions) {
    const Visit first = visit(context, version, kHost, nullptr);
    EXPECT_FALSE(visit(context, version, kHost, first.session.get()).resumed);
  }
}

// An upstream of plain OpenSSL that keeps its keys over many connections.
struct Upstream {
  Upstream(const Credentials& c, int version) : ctx(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(ctx.get(), parse_der(c.leaf(kHost)).get());
    SSL_CTX_use_PrivateKey(ctx.get(), c.key.handle());
    SSL_CTX_set_max_proto_version(ctx.get(), version);
  }
  // Our engine connects; both ends are dropped without a close_notify, as upstreams do.
  bool resumed(const std::shared_ptr<TlsClientContext>& context, WallTime now,
               const std::string& name = kHost) {
    const crypto::Owned<SSL, SSL_free> ssl(SSL_new(ctx.get()));
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl.get());
    TlsEngine client = TlsEngine::client(context, name, now);
    for (int round = 0; round < 4; ++round) {
      std::string bytes;
      client.take_ciphertext(bytes);
      BIO_write(SSL_get_rbio(ssl.get()), bytes.data(), static_cast<int>(bytes.size()));
      char buffer[16384];
      SSL_read(ssl.get(), buffer, sizeof buffer);
      const int n = BIO_read(SSL_get_wbio(ssl.get()), buffer, sizeof buffer);
      if (n > 0) client.receive({buffer, static_cast<std::size_t>(n)});
    }
    EXPECT_EQ(client.state(), State::Open) << client.error_detail();
    SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return client.resumed();
  }
  crypto::Owned<SSL_CTX, SSL_CTX_free> ctx;
};

TEST(ClientResumption, WorksInBothVersions) {
  const Credentials c;
  for (const int version : kVersions) {
    Upstream upstream(c, version);
    const auto context = c.client();
    EXPECT_FALSE(upstream.resumed(context, at(0s)));
    EXPECT_GT(context->sessions(), 0U);
    EXPECT_TRUE(upstream.resumed(context, at(1s))) << version;
    EXPECT_TRUE(upstream.resumed(context, at(2s))) << version;
  }
}

TEST(ClientResumption, EndsWithTheCertificateThatWasVerified) {
  const Credentials c(-1h, 1h);
  Upstream upstream(c, TLS1_2_VERSION);
  const auto context = c.client();
  EXPECT_FALSE(upstream.resumed(context, at(3590s)));
  EXPECT_TRUE(upstream.resumed(context, at(3599s)));
  TlsEngine late = TlsEngine::client(context, kHost, at(3600s));
  EXPECT_EQ(context->sessions(), 0U);
}

TEST(ClientResumption, KeepsABoundedNumberOfSessions) {
  const Credentials c;
  Upstream upstream(c, TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(upstream.ctx.get(), 50);
  const auto context = c.client();
  EXPECT_FALSE(upstream.resumed(context, at(0s)));
  EXPECT_LE(context->sessions(), 4U);
}

TEST(ClientResumption, OfAnotherNameIsNotTried) {
  const Credentials c;
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  Upstream upstream(c, TLS1_2_VERSION);
  const auto context = c.client();
  EXPECT_FALSE(upstream.resumed(context, at(0s)));
  RawPeer other = RawPeer::server(c, TLS1_2_VERSION, "a.wild.test");
  TlsEngine client = TlsEngine::client(context, "a.wild.test", at(0s));
  shuttle(client, other);
  EXPECT_EQ(client.state(), State::Open);
  EXPECT_FALSE(client.resumed());
}

}  // namespace
}  // namespace veilwire::wire
