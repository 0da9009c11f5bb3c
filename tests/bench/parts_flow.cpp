// What a body, and a whole answer on its way through the relay, cost beyond TLS and sockets.

#include "tests/bench/default_engine.h"
#include "tests/bench/exchange.h"
#include "userspace/audit/record.h"
#include "userspace/flow/body_editor.h"
#include "userspace/flow/http_relay.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace veilwire::bench {
namespace {

constexpr const char* kHost = "api.anthropic.com";

std::string chunk_of(std::size_t n) {
  std::string chunk;
  append_stream_event(n, clock_ns(), chunk);
  return chunk;
}

std::unique_ptr<flow::BodyEditor> editor(std::string_view media_type, policy::Direction direction,
                                         std::shared_ptr<const masking::Engine> engine) {
  return flow::make_body_editor({.service = policy::Service::Anthropic,
                                 .direction = direction,
                                 .media_type = media_type,
                                 .target = "/v1/messages",
                                 .request_id = {},
                                 .mcp_method = {}},
                                std::move(engine));
}

void stream_editor(benchmark::State& state) {
  std::string begin;
  append_stream_begin(begin);
  const auto editing = editor("text/event-stream", policy::Direction::Response, default_engine());
  flow::Released released;
  const std::size_t head = begin.find("event:");
  editing->feed(std::string_view(begin).substr(head, begin.size() - head - 2), released);
  std::size_t n = 0;
  for (auto _ : state) {
    const std::string chunk = chunk_of(n++);
    const std::size_t at = chunk.find("\r\n") + 2;
    released.bytes.clear();
    editing->feed(std::string_view(chunk).substr(at, chunk.size() - at - 2), released);
    if (released.malformed) return state.SkipWithError("malformed");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(stream_editor)->Name("editing an event of a stream");

void json_editor(benchmark::State& state) {
  const std::string body = request(kHost, {.events = 1}, 1 << 18);
  const std::string_view document = std::string_view(body).substr(body.find("\r\n\r\n") + 4);
  const auto engine = default_engine();
  for (auto _ : state) {
    const auto editing = editor("application/json", policy::Direction::Request, engine);
    flow::Released released;
    editing->feed(document, released);
    editing->finish(released);
    if (released.bytes.size() != document.size()) return state.SkipWithError("bytes were changed");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(document.size()));
}
BENCHMARK(json_editor)->Name("editing a request of 256 kB");

// The tenth turn of a conversation of 500 kB: its messages have all been sent before but the last.
std::string conversation(std::size_t turns) {
  std::string messages;
  for (std::size_t n = 0; n < turns; ++n) {
    if (n > 0) messages += ',';
    messages += R"({"role":"user","content":[{"type":"text","text":")" + std::to_string(n) + " " +
                clean_text(50 * 1024) + R"("}]})";
  }
  const std::string body = R"({"model":"m","messages":[)" + messages + "]}";
  return "POST /v1/messages HTTP/1.1\r\nHost: " + std::string(kHost) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// Takes what the relay says, and makes the bytes of each record as the proxy does.
struct Sink final : flow::RelaySink {
  void to_client(std::string_view plain) override { client_bytes += plain.size(); }
  void to_upstream(std::string_view) override {}
  void record(std::uint64_t exchange, audit::Body body) override {
    ++records;
    if (!writing) return;
    const audit::Record record{{"host", "boot", "0123456789abcdef", exchange}, {}, std::move(body)};
    record_bytes += audit::canonical(record, "0123456789abcdef0123456789abcdef", records).size();
  }
  crypto::Digest head_digest(std::uint64_t, const audit::Body&) const override { return {}; }
  void need_identity(bool) override {}
  void need_credential(const std::string&) override {}
  void doubt_credential(const std::string&) override {}
  void need_upstream() override {}
  void drop_upstream() override {}
  void reset_upstream() override {}
  void read_client(bool) override {}
  void close_client(bool) override {}

  bool writing = false;
  std::size_t client_bytes = 0, records = 0, record_bytes = 0;
};

void relay_events(benchmark::State& state) {
  Sink sink;
  sink.writing = state.range(0) != 0;
  flow::HttpRelay relay({kHost, policy::Service::Anthropic}, default_ruleset(), sink);
  Now now;
  identity::Person person;
  person.issuer = "local";
  person.subject = person.name = "1000";
  person.valid_until = {std::chrono::hours(1)};
  relay.identity_known(person, now);
  relay.from_client(request(kHost, {.events = 1}, 1000), now);
  std::string begin;
  append_stream_begin(begin);
  relay.from_upstream(begin, now);
  const std::size_t before = sink.client_bytes;
  std::size_t n = 0;
  for (auto _ : state) relay.from_upstream(chunk_of(n++), now);
  if (sink.client_bytes == before) state.SkipWithError("nothing came out");
  state.SetItemsProcessed(state.iterations());
  state.counters["records per event"] = static_cast<double>(sink.records) / static_cast<double>(n);
}
BENCHMARK(relay_events)->Name("relaying an event, records made:")->Arg(0)->Arg(1);

void tenth_turn(benchmark::State& state) {
  const auto ruleset = default_ruleset(state.range(0) != 0 ? flow::ElementCache::kBytes : 0);
  const auto conversations =
      std::make_shared<flow::ConversationMemory>(crypto::sha256("a key of the benchmark"));
  const auto send = [&](const std::string& request) {
    Sink sink;
    flow::HttpRelay relay({kHost, policy::Service::Anthropic, {}, conversations}, ruleset, sink);
    Now now;
    identity::Person person;
    person.valid_until = {std::chrono::hours(1)};
    relay.identity_known(person, now);
    relay.from_client(request, now);
    return sink.records > 1;
  };
  if (!send(conversation(9))) return state.SkipWithError("nothing was sent");
  const std::string whole = conversation(10);
  std::size_t n = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::string request = whole;  // whose last message is always a new one
    const std::string mark = std::to_string(1000000 + n++);
    request.replace(request.size() - 20 - mark.size(), mark.size(), mark);
    state.ResumeTiming();
    if (!send(request)) return state.SkipWithError("nothing was sent");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(whole.size()));
}
BENCHMARK(tenth_turn)->Name("tenth turn of 500 kB, earlier ones known:")->Arg(0)->Arg(1);

}  // namespace
}  // namespace veilwire::bench

BENCHMARK_MAIN();
