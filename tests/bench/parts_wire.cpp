// What reading and writing each format costs, apart from what is done with it.

#include "tests/bench/default_engine.h"
#include "tests/bench/exchange.h"
#include "userspace/crypto/random.h"
#include "userspace/wire/http1.h"
#include "userspace/wire/json_scanner.h"
#include "userspace/wire/leaf_cert.h"
#include "userspace/wire/sse.h"
#include "userspace/wire/tls_engine.h"

#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace veilwire::bench {
namespace {

constexpr std::size_t kEvents = 1000;

std::string streamed_answer() {
  std::string out;
  append_stream_begin(out);
  for (std::size_t n = 0; n < kEvents; ++n) append_stream_event(n, clock_ns(), out);
  append_stream_end(kEvents, out);
  return out;
}

// The body pieces of a streamed answer, an event each.
std::vector<std::string> event_bodies() {
  std::vector<std::string> bodies;
  for (std::size_t n = 0; n < kEvents; ++n) {
    std::string chunk;
    append_stream_event(n, clock_ns(), chunk);
    const std::size_t begin = chunk.find("\r\n") + 2;
    bodies.push_back(chunk.substr(begin, chunk.size() - begin - 2));
  }
  return bodies;
}

void http_response(benchmark::State& state) {
  const std::string answer = streamed_answer();
  std::vector<wire::HttpEvent> events;
  for (auto _ : state) {
    wire::ResponseReader reader;
    if (!reader.expect({})) return state.SkipWithError("expect");
    for (std::string_view rest = answer; !rest.empty();) {
      events.clear();
      rest.remove_prefix(reader.feed(rest.substr(0, 16 * 1024), events));
      if (reader.failed()) return state.SkipWithError("a fault");
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(answer.size()));
}
BENCHMARK(http_response)->Name("HTTP, a chunked answer of 1000 events");

void event_stream(benchmark::State& state) {
  const std::vector<std::string> bodies = event_bodies();
  wire::SseReader reader;
  std::vector<wire::SseEvent> events;
  std::size_t n = 0;
  for (auto _ : state) {
    events.clear();
    if (!reader.feed(bodies[n++ % kEvents], events) || events.size() != 1)
      return state.SkipWithError("a fault");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(event_stream)->Name("event stream, an event");

void json(benchmark::State& state) {
  const std::string body = json_body(1 << 18);
  std::vector<wire::JsonEvent> events;
  for (auto _ : state) {
    wire::JsonScanner scanner;
    for (std::size_t at = 0; at < body.size(); at += 16 * 1024) {
      events.clear();
      if (!scanner.feed(std::string_view(body).substr(at, 16 * 1024), events))
        return state.SkipWithError("a fault");
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(json)->Name("JSON, scanning");

// A client and a server in memory, with a certificate as the signer makes them.
struct TlsPair {
  TlsPair() {
    const WallTime now = wall_now();
    const WallTime end{now.since_epoch + std::chrono::hours(24)};
    const std::string serial = "0123456789abcdef";
    auto ca = wire::make_ca({"bench", {kHost}, now, end, serial});
    auto authority = wire::CertificateAuthority::load(ca->certificate_pem, ca->key_pem.reveal());
    auto leaf = authority->make_leaf({kHost, key.public_der(), now, end, serial});
    wire::TlsServerParameters parameters;
    parameters.host = kHost;
    parameters.chain = {leaf->der};
    parameters.key = &key;
    server_context = wire::TlsServerContext::make(parameters).value();
    wire::TlsClientParameters trusting;
    trusting.roots_pem = ca->certificate_pem;
    client_context = wire::TlsClientContext::make(trusting).value();
  }

  static WallTime wall_now() { return {std::chrono::system_clock::now().time_since_epoch()}; }

  void connect() {
    server.emplace(wire::TlsEngine::server(server_context));
    client.emplace(wire::TlsEngine::client(client_context, kHost, wall_now()));
    while (client->has_ciphertext() || server->has_ciphertext()) exchange();
  }
  void exchange() {
    move(*client, *server);
    move(*server, *client);
  }
  bool open() const {
    return client->state() == wire::TlsEngine::State::Open && server->state() == client->state();
  }

  void move(wire::TlsEngine& from, wire::TlsEngine& to) {
    bytes.clear();
    from.take_ciphertext(bytes);
    if (!bytes.empty()) to.receive(bytes);
  }

  static constexpr const char* kHost = "api.anthropic.com";
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  std::shared_ptr<const wire::TlsServerContext> server_context;
  std::shared_ptr<wire::TlsClientContext> client_context;
  std::optional<wire::TlsEngine> server, client;
  std::string bytes;
};

void tls_records(benchmark::State& state) {
  TlsPair pair;
  pair.connect();
  if (!pair.open()) return state.SkipWithError("no handshake");
  const std::string record(static_cast<std::size_t>(state.range(0)), 'x');
  std::string plain;
  for (auto _ : state) {
    if (!pair.server->send(record)) return state.SkipWithError("send");
    pair.move(*pair.server, *pair.client);
    plain.clear();
    pair.client->take_plaintext(plain);
    if (plain.size() != record.size()) return state.SkipWithError("lost bytes");
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(tls_records)->Name("TLS, a record written and read, bytes:")->Arg(160)->Arg(16'384);

void tls_handshake(benchmark::State& state) {
  TlsPair pair;
  for (auto _ : state) {
    pair.connect();
    if (!pair.open()) return state.SkipWithError("no handshake");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(tls_handshake)->Name("TLS, a handshake, both sides");

}  // namespace
}  // namespace veilwire::bench
