// A relay whose decisions are written down in order, with a rule pack whose secrets look like
// KEY-12345678 (masked) and BAD-1234 (blocked).
#pragma once

#include "userspace/audit/head_digest.h"
#include "userspace/flow/http_relay.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/policy/policy.h"
#include "userspace/wire/http1.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {

inline constexpr std::string_view kPack = R"(
[[rules]]
id = "test-key"
description = "a key that the tests know"
regex = 'KEY-[0-9]{8}'
keywords = ["key-"]

[[rules]]
id = "bad-word"
description = "what may not pass at all"
regex = 'BAD-[0-9]{4}'
keywords = ["bad-"]

[[rules]]
id = "stars"
description = "a replacement that names nothing"
regex = 'HIDE-[0-9]{4}'
keywords = ["hide-"]
replacement = "***"

[[rules]]
id = "card"
description = "digits alone"
regex = '7700[0-9]{8}'
keywords = ["7700"]
)";

inline constexpr std::string_view kPolicy = R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"

[[host]]
name = "mcp.example.com"
speaks = "mcp"

[[action]]
rule = "bad-word"
action = "block"

[default]
request = "mask"
response = "mask"
)";

// Events of a streamed message.
inline std::string delta(std::string_view text) {
  return "event: content_block_delta\ndata: "
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
         "\"text\":\"" +
         std::string(text) + "\"}}\n\n";
}

inline const std::string kOpening =
    "event: message_start\ndata: "
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
    "\"assistant\",\"content\":[],\"model\":\"m\",\"stop_reason\":null,\"usage\":{\"input_tokens\":"
    "1,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: "
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}}\n\n";

inline std::shared_ptr<const Ruleset> make_ruleset(std::string_view policy_text = kPolicy) {
  auto policy = policy::parse(policy_text, "policy.toml");
  if (!policy) {
    ADD_FAILURE() << policy::to_string(policy.error());
    return nullptr;
  }
  auto pack = masking::parse_rule_pack(kPack, "pack.toml");
  if (!pack) {
    ADD_FAILURE() << "pack.toml:" << pack.error().line << ": " << pack.error().message;
    return nullptr;
  }
  std::vector<masking::RulePack> packs;
  packs.push_back(std::move(pack).value());
  auto ruleset = Ruleset::build(std::move(policy).value(), std::move(packs),
                                Secret(std::string("0123456789abcdef0123456789abcdef")));
  if (!ruleset) {
    ADD_FAILURE() << ruleset.error();
    return nullptr;
  }
  return std::move(ruleset).value();
}

struct SinkLog final : RelaySink {
  std::string client, upstream;
  std::vector<audit::Body> records;
  std::vector<std::uint64_t> exchanges;  // of each of them
  std::vector<std::string> credentials_asked, credentials_doubted;
  std::vector<std::string> order;  // "record request.head", "client", "upstream", ...
  int identity_asked = 0, upstream_asked = 0, upstream_dropped = 0, upstream_reset = 0;
  bool closed = false, reset = false, reading = true, asked_at_once = false;

  void to_client(std::string_view plain) override { client += plain, order.emplace_back("client"); }
  void to_upstream(std::string_view plain) override {
    upstream += plain, order.emplace_back("upstream");
  }
  void record(std::uint64_t exchange, audit::Body body) override {
    const audit::Record record{{"", "", "", exchange}, {}, body};
    order.push_back("record " + std::string(audit::kind(record)));
    records.push_back(std::move(body));
    exchanges.push_back(exchange);
  }
  crypto::Digest head_digest(std::uint64_t exchange, const audit::Body& head) const override {
    return audit::head_digest(audit::Record{{"", "", "", exchange}, {}, head});
  }
  void need_identity(bool at_once) override { ++identity_asked, asked_at_once = at_once; }
  void need_credential(const std::string& name) override {
    credentials_asked.push_back(name);
    order.emplace_back("need credential");
  }
  void doubt_credential(const std::string& name) override { credentials_doubted.push_back(name); }
  void need_upstream() override { ++upstream_asked; }
  void drop_upstream() override { ++upstream_dropped; }
  void reset_upstream() override { ++upstream_dropped, ++upstream_reset; }
  void read_client(bool on) override { reading = on; }
  void close_client(bool with_reset) override { closed = true, reset = with_reset; }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const audit::Body& body : records)
      if (const T* one = std::get_if<T>(&body)) found.push_back(*one);
    return found;
  }
  // What the record says that the client was given.
  std::string recorded_response() const {
    std::string text;
    for (const auto& fragment : all<audit::ResponseFragment>()) text += fragment.content;
    return text;
  }
  std::string recorded_request() const {
    std::string text;
    for (const auto& piece : all<audit::RequestBody>()) text += piece.content;
    return text;
  }
  std::string outcome() const {
    const auto closes = all<audit::ExchangeClose>();
    return closes.empty() ? "" : closes.back().outcome;
  }
};

class RelayTest : public ::testing::Test {
 protected:
  explicit RelayTest(std::string host = "api.anthropic.com",
                     policy::Service service = policy::Service::Anthropic,
                     std::string_view policy = kPolicy)
      : ruleset(make_ruleset(policy)), relay({std::move(host), service}, ruleset, sink) {
    relay.identity_known(person(), now);
  }

  static identity::Person person() {
    identity::Person p;
    p.issuer = "local";
    p.subject = "1000";
    p.name = "ada";
    p.valid_until = {std::chrono::hours(1)};
    return p;
  }

  static std::string post(std::string_view body, std::string_view extra = "",
                          std::string_view target = "/v1/messages") {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: api.anthropic.com\r\n" +
           std::string(extra) +
           "content-type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
  }
  static std::string answer(std::string_view body, std::string_view extra = "") {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + std::string(extra) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  void client(std::string_view bytes) { relay.from_client(bytes, now); }
  void upstream(std::string_view bytes) { relay.from_upstream(bytes, now); }

  Now now;
  std::shared_ptr<const Ruleset> ruleset;
  SinkLog sink;
  HttpRelay relay;
};

// A body in one chunk, without the last chunk.
inline std::string chunk(std::string_view bytes) {
  std::string out;
  wire::encode_chunk(bytes, out);
  return out;
}

// The body of the last response in `bytes`, chunked coding removed.
inline std::string dechunk(std::string_view bytes) {
  std::string body;
  bytes.remove_prefix(bytes.find("\r\n\r\n") + 4);
  while (!bytes.empty()) {
    const std::size_t line = bytes.find("\r\n");
    const std::size_t size = std::stoul(std::string(bytes.substr(0, line)), nullptr, 16);
    if (size == 0) break;
    body += bytes.substr(line + 2, size);
    bytes.remove_prefix(line + 2 + size + 2);
  }
  return body;
}

}  // namespace veilwire::flow
