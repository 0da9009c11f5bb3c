// One connection with real TLS on both sides, in memory: a client, the machine under test, an
// upstream.
#include "userspace/flow/connection.h"

#include "tests/unit/flow/relay_fixture.h"
#include "tests/unit/tls/hello_builder.h"
#include "tests/unit/tls/tls_harness.h"
#include "userspace/base/limits.h"

#include <deque>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using wire::testing::Credentials;
using wire::testing::kHost;

constexpr std::string_view kOnePolicy = R"(
[[host]]
name = "api.example.test"
speaks = "anthropic"
[[action]]
rule = "bad-word"
action = "block"
[uninspected]
no_server_name = "block"
not_tls = "block"
)";

class World : public testing::Test {
 protected:
  explicit World(std::string_view policy = kOnePolicy) : ruleset(make_ruleset(policy)) {
    now.wall = wire::testing::at({});
    begin(443);
  }

  void begin(std::uint16_t port) {
    Opening opening;
    opening.session = "0123456789abcdef";
    opening.destination = {"203.0.113.7", port};
    opening.peer.uid = 1000;
    opening.ruleset = ruleset;
    opening.upstream_tls = internet.client();
    connection = std::make_unique<Connection>(std::move(opening));
    Outputs outputs;
    connection->start(now, outputs);
    carry_out(outputs);
  }

  void give(const Input& input) {
    Outputs outputs;
    connection->handle(input, now, ruleset, outputs);
    carry_out(outputs);
  }

  void carry_out(Outputs& outputs) {
    for (Output& output : outputs) {
      if (auto* o = std::get_if<ToClient>(&output))
        to_client += o->bytes;
      else if (auto* u = std::get_if<ToUpstream>(&output))
        to_upstream += u->bytes;
      else if (auto* d = std::get_if<Dial>(&output))
        dials.push_back(*d);
      else if (auto* l = std::get_if<NeedLeaf>(&output))
        leaf_wanted = l->name;
      else if (std::get_if<NeedIdentity>(&output))
        ++identity_wanted;
      else if (auto* n = std::get_if<NeedCredential>(&output))
        credential_wanted = n->name;
      else if (auto* doubt = std::get_if<DoubtCredential>(&output))
        credential_doubted = doubt->name;
      else if (auto* r = std::get_if<PutRecord>(&output))
        records.push_back(r->record), strength = r->strength;
      else if (auto* e = std::get_if<ReadClient>(&output))
        reading_client = e->on;
      else if (auto* w = std::get_if<WakeAt>(&output))
        wake = w->time;
      else if (auto* c = std::get_if<CloseClient>(&output))
        client_closed = c->reset ? "reset" : "fin";
      else if (auto* x = std::get_if<CloseUpstream>(&output))
        upstream_closed = static_cast<int>(x->how);
      else if (std::get_if<Done>(&output))
        done = true;
    }
  }

  // Everything that can happen without new input happens.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      if (client) {
        std::string bytes;
        client->take_ciphertext(bytes);
        if (!bytes.empty()) moved = true, give(FromClient{bytes});
        if (!to_client.empty()) moved = true, client->receive(std::exchange(to_client, {}));
        client->take_plaintext(client_got);
      }
      if (upstream) {
        if (!to_upstream.empty()) moved = true, upstream->receive(std::exchange(to_upstream, {}));
        upstream->take_plaintext(upstream_got);
        std::string bytes;
        upstream->take_ciphertext(bytes);
        if (!bytes.empty()) moved = true, give(FromUpstream{bytes});
      }
    }
  }

  void connect(const std::string& name = kHost) {
    client.emplace(wire::TlsEngine::client(trusting, name, now.wall));
    settle();
  }
  void grant() {
    give(LeafReady{internal.server()});
    identity::Person ada;
    ada.name = "ada";
    ada.valid_until = {std::chrono::hours(1)};
    give(IdentityKnown{ada});
    settle();
  }
  void answer_dial() {
    give(UpstreamConnected{});
    upstream.emplace(wire::TlsEngine::server(internet.server()));
    settle();
  }
  void open() {
    connect();
    grant();
    answer_dial();
  }
  static std::string post(std::string_view body) {
    return "POST /v1/messages HTTP/1.1\r\nHost: api.example.test\r\nContent-Type: "
           "application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  static std::string answer(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  void client_sends(std::string_view text) {
    ASSERT_TRUE(client->send(text));
    settle();
  }
  void upstream_sends(std::string_view text) {
    ASSERT_TRUE(upstream->send(text));
    settle();
  }
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const audit::Record& record : records)
      if (const T* one = std::get_if<T>(&record.body)) found.push_back(*one);
    return found;
  }

  Credentials internal;  // ours, which the client trusts
  Credentials internet;  // which we trust
  std::shared_ptr<wire::TlsClientContext> trusting = internal.client();
  Now now;
  std::shared_ptr<const Ruleset> ruleset;
  std::unique_ptr<Connection> connection;
  std::optional<wire::TlsEngine> client, upstream;
  std::string to_client, to_upstream, client_got, upstream_got, leaf_wanted, client_closed,
      credential_wanted, credential_doubted;
  std::vector<Dial> dials;
  std::vector<audit::Record> records;
  std::optional<policy::RecordStrength> strength;  // of the last one
  std::optional<Monotonic> wake;
  int identity_wanted = 0;
  int upstream_closed = -1;
  bool reading_client = true;
  bool done = false;
};

TEST_F(World, InterceptsWhatPolicyNamesAndMasksIt) {
  open();
  EXPECT_EQ(leaf_wanted, kHost);
  ASSERT_EQ(dials.size(), 1U);
  EXPECT_EQ(dials[0].name, kHost);
  client_sends(post("{}"));
  EXPECT_EQ(upstream_got, post("{}"));
  upstream_sends(answer(R"({"a":"KEY-12345678"})"));
  EXPECT_THAT(client_got, HasSubstr(R"({"a":"[MASKED:test-key:)"));
  const auto opens = all<audit::SessionOpen>();
  ASSERT_EQ(opens.size(), 1U);
  EXPECT_EQ(opens[0].handling, "intercepted");
  EXPECT_EQ(opens[0].tls, "TLSv1.3");
  EXPECT_EQ(opens[0].destination, "203.0.113.7:443");
}

TEST_F(World, DoesNotNeedTheUpstreamToFinishTheHandshakeFirst) {
  connect();
  grant();
  client_sends(post("{}"));
  answer_dial();
  EXPECT_EQ(upstream_got, post("{}"));
}

TEST_F(World, AClientThatLeavesInTheHandshakeIsOnRecord) {
  client.emplace(wire::TlsEngine::client(trusting, kHost, now.wall));
  std::string hello;
  client->take_ciphertext(hello);
  give(FromClient{hello});
  give(ClientEnded{});
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "client left in the handshake");
}

TEST_F(World, ACorruptRecordOfTheClientEndsItsExchange) {
  open();
  client_sends(post("{}"));
  ASSERT_TRUE(client->send("x"));
  std::string bytes;
  client->take_ciphertext(bytes);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  give(FromClient{bytes});
  settle();
  EXPECT_EQ(client_closed, "fin");
  EXPECT_EQ(upstream_closed, static_cast<int>(CloseUpstream::How::Reset));
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "client left");
}

TEST_F(World, ACorruptRecordOfTheUpstreamIsNotTakenForAnEnd) {
  open();
  client_sends(post(R"({"stream":true})"));
  upstream_sends("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  ASSERT_TRUE(upstream->send("data: {}\n\n"));
  std::string bytes;
  upstream->take_ciphertext(bytes);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  give(FromUpstream{bytes});
  settle();
  EXPECT_EQ(client_closed, "reset");
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "upstream ended early");
}

TEST_F(World, EndsProperlyAfterAClientHasClosed) {
  open();
  client_sends(post("{}"));
  upstream_sends(answer("{}"));
  client->close();
  settle();
  EXPECT_EQ(client_closed, "fin");
  give(ClientEnded{});
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_GT(all<audit::SessionClose>()[0].from_client, 0U);
}

TEST_F(World, APolicyThatNamesTheHostEndsItsSplice) {
  client.emplace(wire::TlsEngine::client(trusting, "other.example.test", now.wall));
  std::string hello;
  client->take_ciphertext(hello);
  give(FromClient{hello});
  give(UpstreamConnected{});
  ruleset = make_ruleset();  // another one that says the same
  give(FromUpstream{"anything"});
  EXPECT_EQ(to_client, "anything");
  EXPECT_FALSE(done);
  ruleset = make_ruleset(std::string(kPolicy) + R"(
[[host]]
name = "other.example.test"
speaks = "generic"
)");
  give(FromUpstream{"more"});
  EXPECT_EQ(to_client, "anything");
  EXPECT_TRUE(done);
  EXPECT_EQ(upstream_closed, static_cast<int>(CloseUpstream::How::Reset));
}

TEST_F(World, SplicesWhatPolicyDoesNotName) {
  client.emplace(wire::TlsEngine::client(trusting, "other.example.test", now.wall));
  std::string hello;
  client->take_ciphertext(hello);
  give(FromClient{hello});
  ASSERT_EQ(dials.size(), 1U);
  EXPECT_EQ(dials[0].name, "other.example.test");
  EXPECT_TRUE(dials[0].address_first);
  EXPECT_EQ(dials[0].destination.address, "203.0.113.7");
  give(UpstreamConnected{});
  EXPECT_EQ(to_upstream, hello);
  give(FromUpstream{"anything"});
  EXPECT_EQ(to_client, "anything");
  give(ClientEnded{});
  EXPECT_EQ(upstream_closed, static_cast<int>(CloseUpstream::How::HalfClose));
  EXPECT_FALSE(done);
  give(FromUpstream{" more"});
  EXPECT_EQ(to_client, "anything more");
  give(UpstreamEnded{});
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::Gap>().size(), 1U);
  EXPECT_EQ(all<audit::Gap>()[0].reason, "spliced");
  EXPECT_EQ(all<audit::Gap>()[0].bytes, hello.size() + 13);
}

TEST_F(World, ASpliceWithoutAnUpstreamIsResetAndOnRecord) {
  client.emplace(wire::TlsEngine::client(trusting, "other.example.test", now.wall));
  std::string hello;
  client->take_ciphertext(hello);
  give(FromClient{hello});
  give(UpstreamFailed{"connection refused"});
  EXPECT_EQ(client_closed, "reset") << "an end would be taken for an answer";
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::UpstreamError>().size(), 1U);
  EXPECT_EQ(all<audit::UpstreamError>()[0].reason, "connection refused");
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "upstream failed");
}

class Spliced : public World {
 protected:
  Spliced()
      : World(R"(
[[host]]
name = "api.example.test"
speaks = "anthropic"
[uninspected]
not_tls = "pass"
)") {}
};

TEST_F(Spliced, WhatComesBeforeThereIsAnUpstreamReachesItWithItsEnd) {
  give(FromClient{"one "});
  give(FromClient{"two"});
  give(ClientEnded{});
  EXPECT_EQ(to_upstream, "");
  EXPECT_EQ(upstream_closed, -1);
  give(UpstreamConnected{});
  EXPECT_EQ(to_upstream, "one two");
  EXPECT_EQ(upstream_closed, static_cast<int>(CloseUpstream::How::HalfClose));
  give(FromUpstream{"answer"});
  give(UpstreamEnded{});
  EXPECT_EQ(to_client, "answer");
  EXPECT_TRUE(done);
}

TEST_F(Spliced, NobodyIsReadWithoutABoundBeforeThereIsAnUpstream) {
  give(FromClient{std::string(limits::kPeerBacklog, 'x')});
  EXPECT_TRUE(reading_client);
  give(FromClient{"x"});
  EXPECT_FALSE(reading_client);
  give(UpstreamConnected{});
  EXPECT_TRUE(reading_client);
  EXPECT_EQ(to_upstream.size(), limits::kPeerBacklog + 1);
}

TEST_F(World, APortThatPolicyDoesNotNameIsSplicedBeforeAnybodySpeaks) {
  begin(8443);
  ASSERT_EQ(dials.size(), 1U);
  EXPECT_EQ(dials[0].name, "");
  EXPECT_EQ(dials[0].destination.port, 8443);
  give(UpstreamConnected{});
  give(FromUpstream{"220 mail.example.test"});
  EXPECT_EQ(std::exchange(to_client, {}), "220 mail.example.test");
  connect();  // a host of the policy, but not there
  EXPECT_EQ(leaf_wanted, "");
  EXPECT_NE(to_upstream, "");
  give(UpstreamEnded{});
  give(ClientEnded{});
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::SessionOpen>().size(), 1U);
  EXPECT_EQ(all<audit::SessionOpen>()[0].handling, "spliced");
  EXPECT_EQ(all<audit::SessionOpen>()[0].destination, "203.0.113.7:8443");
  ASSERT_EQ(all<audit::Gap>().size(), 1U);
  EXPECT_EQ(all<audit::Gap>()[0].reason, "port not in the policy");
}

TEST_F(World, APortThatPolicyNamesIsReadWhicheverItIs) {
  ruleset = make_ruleset("ports = [443, 8443]" + std::string(kOnePolicy));
  begin(8443);
  connect();
  EXPECT_EQ(leaf_wanted, kHost);
}

TEST_F(World, AConnectionWithoutAByteLeavesNoTrace) {
  give(ClientEnded{});
  EXPECT_TRUE(done);
  EXPECT_TRUE(records.empty());
}

TEST_F(World, TlsWithoutAServerNameIsRefusedWithAnAlert) {
  give(FromClient{wire::testing::hello("")});
  EXPECT_EQ(to_client, (std::string{'\x15', '\x03', '\x01', '\x00', '\x02', '\x02', '\x70'}));
  EXPECT_EQ(client_closed, "fin");
  EXPECT_EQ(all<audit::Gap>()[0].reason, "no_server_name");
}

TEST_F(World, WhatIsNotTlsIsReset) {
  give(FromClient{"GET / HTTP/1.1\r\n\r\n"});
  EXPECT_EQ(client_closed, "reset");
  EXPECT_EQ(to_client, "");
  EXPECT_TRUE(done);
  EXPECT_EQ(all<audit::Gap>()[0].reason, "not_tls");
}

TEST_F(World, AMalformedHelloIsRefusedWithAnAlert) {
  give(FromClient{std::string_view("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)});
  EXPECT_THAT(to_client, StartsWith("\x15\x03\x01"));
  EXPECT_EQ(client_closed, "fin");
  ASSERT_EQ(all<audit::Gap>().size(), 1U);
  EXPECT_EQ(all<audit::Gap>()[0].reason, "malformed");
}

TEST_F(World, AClientThatDoesNotTrustUsIsOnRecord) {
  const Credentials stranger;
  trusting = stranger.client();
  connect();
  grant();
  EXPECT_EQ(client->state(), wire::TlsEngine::State::Failed);
  give(ClientEnded{});
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_THAT(all<audit::SessionClose>()[0].reason, HasSubstr("client handshake failed"));
}

TEST_F(World, AnUpstreamWithABadCertificateIsAClearErrorNeverAGoodLookingCertificate) {
  connect();
  grant();
  give(UpstreamConnected{});
  const Credentials impostor;
  upstream.emplace(wire::TlsEngine::server(impostor.server()));
  settle();
  client_sends(post("{\"key\":1}"));
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 502 "));
  EXPECT_THAT(client_got, HasSubstr("certificate"));
  EXPECT_THAT(client_got, HasSubstr("x-should-retry: false"));
  EXPECT_EQ(upstream_got, "");
}

TEST_F(World, AnUpstreamThatCannotBeDialledIsAClearError) {
  connect();
  grant();
  give(UpstreamFailed{"connection refused"});
  client_sends(post("{}"));
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 502 "));
  EXPECT_THAT(client_got, HasSubstr("connection refused"));
}

TEST_F(World, NoCertificateMeansAnAlertAndARecord) {
  connect();
  give(LeafFailed{"not permitted"});
  settle();
  EXPECT_EQ(client->state(), wire::TlsEngine::State::Failed);
  EXPECT_EQ(client_closed, "fin");
  give(ClientEnded{});
  EXPECT_THAT(all<audit::SessionClose>()[0].reason, HasSubstr("not permitted"));
}

TEST_F(World, ATruncatedStreamIsNotVouchedFor) {
  open();
  client_sends(post(R"({"stream":true})"));
  upstream_sends(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: ping\ndata: "
      "{\"type\":\"ping\"}\n\n");
  give(UpstreamEnded{});  // without close_notify
  settle();
  EXPECT_EQ(client_closed, "reset");
  EXPECT_TRUE(done);
}

TEST_F(World, AStreamThatTheUpstreamEndsProperlyEndsProperly) {
  open();
  client_sends(post(R"({"stream":true})"));
  upstream_sends(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: ping\ndata: "
      "{\"type\":\"ping\"}\n\n");
  upstream->close();
  settle();
  EXPECT_EQ(client_closed, "fin");
  EXPECT_EQ(client->state(), wire::TlsEngine::State::PeerClosed);
}

TEST_F(World, ASlowHelloIsNotWaitedForForever) {
  give(FromClient{std::string_view("\x16\x03\x01", 3)});
  ASSERT_TRUE(wake.has_value());
  now.mono = *wake;
  give(Tick{});
  EXPECT_EQ(client_closed, "fin");
}

TEST_F(World, AnIdleConnectionIsClosedInTheEnd) {
  open();
  client_sends(post("{}"));
  upstream_sends(answer("{}"));
  now.mono = now.mono + limits::kIdleConnection;
  give(Tick{});
  settle();
  EXPECT_EQ(client_closed, "fin");
  give(ClientEnded{});
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "idle");
}

TEST_F(World, AnIdleConnectionIsIdleOnlyAfterItsAnswer) {
  open();
  client_sends(post(R"({"stream":true})"));
  upstream_sends(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  now.mono = now.mono + limits::kIdleConnection;
  upstream_sends("0\r\n\r\n");
  give(Tick{});
  EXPECT_EQ(client_closed, "");
  now.mono = now.mono + limits::kIdleConnection;
  give(Tick{});
  EXPECT_EQ(client_closed, "fin");
}

TEST_F(World, AnUpstreamThatNeverFinishesItsHandshakeIsAClearError) {
  connect();
  grant();
  give(UpstreamConnected{});
  client_sends(post("{}"));
  EXPECT_EQ(client_got, "");
  now.mono = now.mono + limits::kHandshakeTime;
  ASSERT_TRUE(wake && *wake <= now.mono);
  give(Tick{});
  settle();
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 502 "));
  EXPECT_THAT(client_got, HasSubstr("no TLS handshake in time"));
  EXPECT_EQ(upstream_closed, static_cast<int>(CloseUpstream::How::Close));
}

TEST_F(World, AnUpstreamThatNeverAnswersIsNotWaitedForForever) {
  open();
  client_sends(post("{}"));
  now.mono = now.mono + limits::kAnswerTime;
  ASSERT_TRUE(wake && *wake <= now.mono);
  give(Tick{});
  settle();
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 504 "));
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "upstream silent");
}

class Generous : public World {
 protected:
  Generous()
      : World(R"(
[[host]]
name = "api.example.test"
speaks = "anthropic"
[uninspected]
over_limit = "pass"
)") {}
};

TEST_F(Generous, AnUploadIsNotReadWithoutABoundBeforeThereIsAnUpstream) {
  connect();
  grant();
  client_sends(
      "POST /v1/files HTTP/1.1\r\nHost: api.example.test\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(limits::kRequestBody + 2) + "\r\n\r\n");
  client_sends(std::string(limits::kRequestBody + 1, ' '));
  EXPECT_FALSE(reading_client);
  answer_dial();
  EXPECT_TRUE(reading_client);
  client_sends(" ");
  upstream_sends(answer("{}"));
  EXPECT_EQ(client_got, answer("{}"));
}

TEST_F(World, ARequestThatStopsInTheMiddleIsNotWaitedForForever) {
  open();
  client_sends("POST / HTTP/1.1\r\nHo");
  now.mono = now.mono + limits::kRequestHeadTime;
  ASSERT_TRUE(wake && *wake <= now.mono);
  give(Tick{});
  settle();
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 408 "));
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "request timed out");
  EXPECT_EQ(client_closed, "fin");
  EXPECT_FALSE(client->state() == wire::TlsEngine::State::Open);
}

TEST_F(World, AnAnswerThatIsCutBecauseTheAgentStopsSaysSo) {
  open();
  client_sends(post(R"({"stream":true})"));
  upstream_sends(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: ping\ndata: "
      "{\"type\":\"ping\"}\n\n");
  give(AgentStopped{});
  EXPECT_EQ(client_closed, "reset");
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "agent stopped");
  EXPECT_GT(all<audit::ExchangeClose>()[0].response_bytes, 0U);
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "agent stopped");
}

TEST_F(World, AnIdleClientIsToldGoodbyeWhenTheAgentStops) {
  open();
  client_sends(post("{}"));
  upstream_sends(answer("{}"));
  give(AgentStopped{});
  settle();
  EXPECT_EQ(client_closed, "fin");
  EXPECT_EQ(client->state(), wire::TlsEngine::State::PeerClosed);
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "complete");
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "agent stopped");
}

TEST_F(World, AnAnswerUnderWayEndsBeforeAnAgentThatIsAboutToStopSaysGoodbye) {
  open();
  client_sends(post("{}"));
  const std::string whole = answer("{}");
  upstream_sends(whole.substr(0, whole.size() - 1));
  give(AgentStopping{});
  EXPECT_EQ(client_closed, "");
  upstream_sends(whole.substr(whole.size() - 1));
  settle();
  EXPECT_EQ(client_closed, "fin");
  EXPECT_FALSE(done) << "what is written is still on its way";
  give(ClientEnded{});
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "complete");
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "agent stopped");
}

TEST_F(World, WhoHasJustConnectedIsAnsweredOnceByAnAgentThatIsAboutToStop) {
  connect();
  give(AgentStopping{});
  EXPECT_EQ(client_closed, "");
  grant();
  client_sends(post("{}"));
  answer_dial();
  upstream_sends(answer("{}"));
  settle();
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(client_closed, "fin");
  ASSERT_EQ(all<audit::ExchangeClose>().size(), 1U);
  EXPECT_EQ(all<audit::ExchangeClose>()[0].outcome, "complete");
}

TEST_F(World, AHandshakeIsNotWaitedForLongByAnAgentThatIsAboutToStop) {
  connect();
  give(AgentStopping{});
  now.mono = now.mono + std::chrono::seconds(2);
  ASSERT_TRUE(wake && *wake <= now.mono);
  give(Tick{});
  EXPECT_EQ(client_closed, "reset");
  EXPECT_TRUE(done);
}

TEST_F(World, WhoAsksNothingIsNotWaitedForLongByAnAgentThatIsAboutToStop) {
  open();
  give(AgentStopping{});
  EXPECT_EQ(client_closed, "");
  now.mono = now.mono + std::chrono::seconds(2);
  ASSERT_TRUE(wake && *wake <= now.mono);
  give(Tick{});
  settle();
  EXPECT_EQ(client_closed, "fin");
}

TEST_F(World, WhatIsSplicedGoesOnUntilTheAgentStops) {
  client.emplace(wire::TlsEngine::client(trusting, "other.example.test", now.wall));
  std::string hello;
  client->take_ciphertext(hello);
  give(FromClient{hello});
  give(UpstreamConnected{});
  give(AgentStopping{});
  give(FromUpstream{"more"});
  EXPECT_EQ(to_client, "more");
  EXPECT_FALSE(done);
}

TEST_F(World, AHandshakeThatTheAgentsStopCutsIsOnRecord) {
  connect();
  give(AgentStopped{});
  EXPECT_EQ(client_closed, "reset");
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::SessionClose>().size(), 1U);
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "agent stopped");
}

TEST_F(World, WhatIsSplicedIsCountedWhenTheAgentStops) {
  client.emplace(wire::TlsEngine::client(trusting, "other.example.test", now.wall));
  std::string hello;
  client->take_ciphertext(hello);
  give(FromClient{hello});
  give(UpstreamConnected{});
  give(AgentStopped{});
  EXPECT_EQ(client_closed, "reset");
  EXPECT_TRUE(done);
  ASSERT_EQ(all<audit::Gap>().size(), 1U);
  EXPECT_EQ(all<audit::Gap>()[0].bytes, hello.size());
  EXPECT_EQ(all<audit::SessionClose>()[0].reason, "agent stopped");
}

TEST_F(World, AConnectionWithoutAByteLeavesNoTraceWhenTheAgentStops) {
  give(AgentStopped{});
  EXPECT_EQ(client_closed, "reset");
  EXPECT_TRUE(done);
  EXPECT_TRUE(records.empty());
}

TEST_F(World, RecordsAreAsStrongAsThePolicyOfTheMomentSays) {
  open();
  EXPECT_EQ(strength, policy::RecordStrength::Handed);
  ruleset = make_ruleset(std::string(kOnePolicy) + "[record]\nstrength = \"committed\"\n");
  client_sends(post("{}"));
  EXPECT_EQ(strength, policy::RecordStrength::Committed);
}

TEST_F(World, EveryCutOfTheCiphertextGivesTheSame) {
  open();
  ASSERT_TRUE(client->send(post("{}")));
  std::string bytes;
  client->take_ciphertext(bytes);
  for (const char c : bytes) give(FromClient{{&c, 1}});
  settle();
  EXPECT_EQ(upstream_got, post("{}"));
  ASSERT_TRUE(upstream->send(answer(R"({"a":"KEY-12345678"})")));
  bytes.clear();
  upstream->take_ciphertext(bytes);
  for (const char c : bytes) give(FromUpstream{{&c, 1}});
  settle();
  EXPECT_THAT(client_got, HasSubstr("[MASKED:test-key:"));
  EXPECT_THAT(client_got, Not(HasSubstr("KEY-12345678")));
}

TEST_F(World, AsksAgainBeforeTheFirstRequestWhereWhatWasSaidIsDoubted) {
  connect();
  identity::Person ada;
  ada.valid_until = {std::chrono::hours(1)};
  give(IdentityKnown{ada});
  EXPECT_EQ(identity_wanted, 1);
  give(IdentityDoubted{});
  EXPECT_EQ(identity_wanted, 2);
  give(IdentityDoubted{});
  EXPECT_EQ(identity_wanted, 2);
}

TEST_F(World, ARefusalFromLongBeforeTheRequestIsNotItsAnswer) {
  connect();
  give(LeafReady{internal.server()});
  give(IdentityRefused{"nobody has signed in", false, true});
  settle();
  answer_dial();
  now.mono.since_start += std::chrono::minutes(5);
  client_sends(post("{}"));
  EXPECT_EQ(client_got, "");
  EXPECT_EQ(identity_wanted, 2);
  grant();
  EXPECT_EQ(upstream_got, post("{}"));
}

TEST_F(World, AStreamIsCutWithTheEndOfItsSession) {
  open();
  client_sends(post(R"({"stream":true})"));
  upstream_sends(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
      "chunked\r\n\r\n" +
      chunk("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
  give(IdentityDoubted{});
  EXPECT_EQ(identity_wanted, 2);
  upstream_closed = -1;
  give(IdentityRefused{"ada has signed out; sign in again"});
  settle();
  EXPECT_THAT(client_got, HasSubstr("event: error\ndata: {\"type\":\"error\""));
  EXPECT_THAT(client_got, HasSubstr("ada has signed out; sign in again"));
  EXPECT_EQ(client_closed, "fin");
  EXPECT_NE(upstream_closed, -1);
  EXPECT_EQ(all<audit::ExchangeClose>().back().outcome, "identity lost");
}

class WithCredential : public World {
 protected:
  WithCredential()
      : World(R"(
[[host]]
name = "api.example.test"
speaks = "anthropic"
[[host.credential]]
use = "everybody"
)") {}
  void give_credential(std::string_view value) {
    give(CredentialKnown{std::exchange(credential_wanted, {}),
                         std::make_shared<const Secret>(std::string(value))});
    settle();
  }
};

TEST_F(WithCredential, EachRequestOfAConnectionGetsItAndTheClientNeverSeesIt) {
  open();
  for (const std::string_view value : {"sk-of-the-organisation-1", "sk-of-the-organisation-2"}) {
    upstream_got.clear();
    std::string request = post("{}");
    client_sends(request.insert(request.find("\r\n") + 2, "x-api-key: sk-of-a-client\r\n"));
    EXPECT_EQ(credential_wanted, "everybody");
    EXPECT_EQ(upstream_got, "");
    give_credential(value);
    EXPECT_THAT(upstream_got, HasSubstr("\r\nx-api-key: " + std::string(value) + "\r\n"));
    EXPECT_THAT(upstream_got, Not(HasSubstr("sk-of-a-client")));
    upstream_sends(answer("{}"));
  }
  EXPECT_THAT(client_got, Not(HasSubstr("sk-of")));
  EXPECT_EQ(all<audit::RequestHead>().size(), 2U);
  for (const audit::Record& record : records)
    EXPECT_THAT(audit::canonical(record, "w", 1), Not(HasSubstr("sk-of")));
}

TEST_F(WithCredential, WaitsForAnUpstreamThatIsNotThereYet) {
  connect();
  grant();
  client_sends(post("{}"));
  give_credential("sk-of-the-organisation");
  EXPECT_EQ(upstream_got, "");
  answer_dial();
  EXPECT_THAT(upstream_got, HasSubstr("\r\nx-api-key: sk-of-the-organisation\r\n"));
  upstream_sends(answer("{}"));
  EXPECT_THAT(client_got, EndsWith("{}"));
}

TEST_F(WithCredential, OneThatItsHostRefusesIsDoubtedAndNotShown) {
  open();
  client_sends(post("{}"));
  give_credential("sk-of-the-organisation");
  upstream_sends(
      "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n"
      R"({"not":"sk-of-the-organisation"})");
  EXPECT_EQ(credential_doubted, "everybody");
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(client_got, HasSubstr("[MASKED:organisation-credential:"));
  EXPECT_THAT(client_got, Not(HasSubstr("sk-of")));
}

TEST_F(WithCredential, OneThatCannotBeHadIsAnAnswerOfOurs) {
  open();
  client_sends(post("{}"));
  give(CredentialRefused{credential_wanted, "no file"});
  settle();
  EXPECT_THAT(client_got, StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(upstream_got, "");
}

}  // namespace
}  // namespace veilwire::flow
