// Exchanges as a ledger gives them back: every record goes through its canonical bytes. Some are
// what real clients send, some are what a peer sends that wants to break a format.
#pragma once

#include "tests/unit/audit/sample_records.h"
#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"

#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::projection {

inline constexpr std::string_view kSampleWriter = "0123456789abcdef0123456789abcdef";

inline audit::Parsed as_read(audit::Record record, std::uint64_t seq) {
  auto parsed = audit::parse_record(audit::canonical(record, kSampleWriter, seq));
  if (!parsed) throw std::runtime_error("a sample that is no record");
  return *std::move(parsed);
}

// 25 ms lie between records.
inline std::vector<audit::Parsed> as_records(std::vector<audit::Body> bodies) {
  std::vector<audit::Parsed> out;
  for (audit::Body& body : bodies) {
    const bool of_session = std::holds_alternative<audit::SessionOpen>(body);
    audit::Record record = audit::sample(std::move(body), of_session ? 0 : 1);
    const auto later = std::chrono::milliseconds(25) * static_cast<int>(out.size());
    record.time.mono.since_start += later;
    record.time.wall.since_epoch += later;
    out.push_back(as_read(std::move(record), out.size() + 1));
  }
  return out;
}

inline Exchange as_exchange(std::vector<audit::Body> bodies, std::size_t shown = kShownBody) {
  ExchangeReader reader(shown);
  for (const audit::Parsed& record : as_records(std::move(bodies))) reader.add(record);
  return reader.finish();
}

inline std::string golden(const std::string& name) {
  std::ifstream file(std::string(VEILWIRE_SOURCE_DIR "/tests/golden/") + name);
  if (!file) throw std::runtime_error("no golden " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline audit::SessionOpen sample_session() {
  return std::get<audit::SessionOpen>(audit::sample_records()[0].body);
}

inline audit::MaskedSpan sample_mask(std::string action = "mask", std::string digest = "00112233") {
  return {.rule = "aws-access-key-id",
          .category = "secret",
          .offset = 3,
          .length = 20,
          .digest = std::move(digest),
          .action = std::move(action),
          .released_length = 26};
}

inline audit::RequestHead sample_head(std::string service, std::string target) {
  return {.person = audit::sample_person(),
          .service = std::move(service),
          .method = "POST",
          .target = std::move(target),
          .fields = {{"Host", "api.anthropic.com"},
                     {"x-api-key", "digest:0011223344556677"},
                     {"x-note", "a value of a field"},
                     {"content-type", "application/json"}},
          .model = {},
          .mcp_method = {},
          .tool = {},
          .policy_digest = "ab12",
          .credential = {}};
}

inline audit::ExchangeClose sample_close(std::string outcome = "complete") {
  return {.outcome = std::move(outcome), .request_bytes = 20, .response_bytes = 4000, .masked = 1};
}

// A turn of Claude Code that streams, with a mask in either direction.
inline std::vector<audit::Body> model_call() {
  audit::RequestHead head = sample_head("anthropic", "/v1/messages?beta=a-query-text");
  head.model = "claude-sonnet-4-5";
  std::vector<audit::Body> out = {sample_session(), head};
  out.push_back(audit::RequestBody{
      .offset = 0, .content = golden("json/anthropic_request.json"), .masks = {sample_mask()}});
  out.push_back(
      audit::ResponseHead{.status = 200, .fields = {{"Content-Type", "text/event-stream"}}});
  const std::string answer = golden("anthropic/tool_use.sse");
  for (std::size_t at = 0; at < answer.size(); at += 700) {
    audit::ResponseFragment piece{.offset = at, .content = answer.substr(at, 700), .masks = {}};
    if (at == 0) piece.masks = {sample_mask("mask", "44556677"), sample_mask("mask", "44556677")};
    out.push_back(std::move(piece));
  }
  out.push_back(sample_close());
  return out;
}

inline std::vector<audit::Body> mcp_call(const std::string& request, const std::string& answer,
                                         const std::string& type = "application/json") {
  audit::RequestHead head = sample_head("mcp", "/mcp");
  head.mcp_method = "tools/call";
  head.tool = "search";
  head.fields = {{"host", "mcp.example"},
                 {"mcp-session-id", "191c4850"},
                 {"mcp-protocol-version", "2025-06-18"}};
  return {head, audit::RequestBody{.offset = 0, .content = golden(request), .masks = {}},
          audit::ResponseHead{.status = 200, .fields = {{"content-type", type}}},
          audit::ResponseFragment{.offset = 0, .content = golden(answer), .masks = {}},
          sample_close()};
}

inline std::vector<audit::Body> blocked_call() {
  audit::RequestHead head = sample_head("anthropic", "/v1/messages");
  head.model = "claude-sonnet-4-5";
  return {head,
          audit::RequestBody{.offset = 0,
                             .content = R"({"model":"claude-sonnet-4-5","messages":[]})",
                             .masks = {sample_mask("block")}},
          audit::Blocked{.direction = "request",
                         .rule = "aws-access-key-id",
                         .category = "secret",
                         .digest = "00112233",
                         .answer = "451"},
          audit::Gap{.reason = "unknown coding",
                     .detail = "content-encoding: a value of a field",
                     .action = "pass",
                     .bytes = 12},
          audit::IdentityChange{.what = "lost",
                                .reason = "the session has been revoked",
                                .answer = "reset",
                                .person = audit::sample_derived()},
          audit::UpstreamError{.reason = "certificate has expired"},
          sample_close("blocked")};
}

// What nobody sends by accident: bytes that are no text, control characters, numbers beyond every
// type, JSON that nests without end.
class Hostile {
 public:
  explicit Hostile(unsigned seed) : random_(seed) {}

  std::string text() {
    static const std::vector<std::string> pieces = {"\xff\xfe",
                                                    "\xed\xa0\x80",
                                                    std::string("\0", 1),
                                                    "\n",
                                                    "\r\n",
                                                    "\x1b[31m",
                                                    "\"",
                                                    "\\",
                                                    "]",
                                                    "\xe2\x80\xa8",
                                                    "=",
                                                    "\x7f",
                                                    " ",
                                                    "{",
                                                    "\xc3\xa9",
                                                    "\xf0\x9f\x98\x80",
                                                    "\xf4\x90\x80\x80",
                                                    "<a>",
                                                    "a",
                                                    "%s%n",
                                                    "\xc2\x85"};
    std::string out;
    for (std::size_t n = random_() % 12; n > 0; --n) out += pieces[random_() % pieces.size()];
    if (random_() % 16 == 0) out += std::string(5000, "x\xff\xc3"[random_() % 3]);
    return out;
  }
  std::uint64_t number() {
    const std::uint64_t numbers[] = {0, 1, 255, 65536, audit::kLargestInteger};
    return numbers[random_() % 5];
  }
  std::string json() {
    const std::string numbers[] = {"1e308",
                                   "-1e308",
                                   "1e999",
                                   "18446744073709551615",
                                   "99999999999999999999999",
                                   "-0",
                                   "-9223372036854775808",
                                   "0.1"};
    const std::string pieces[] = {
        std::string(30, '[') + numbers[random_() % 8] + std::string(30, ']'),
        std::string(200, '[') + std::string(200, ']'),
        R"({"":"","":{"a":null}})",
        R"({"type":"text","text":)" + numbers[random_() % 8] + "}",
        R"({"type":"image","source":{"type":[],"data":1}})",
        R"({"type":"tool_use","name":null,"input":{"a":[{"b":[{"c":[{}]}]}]}})",
        R"("\u0000\u001f\ud83d\ude00")",
        "\"\xff\"",
        numbers[random_() % 8]};
    const std::string& piece = pieces[random_() % 9];
    switch (random_() % 5) {
      case 0:
        return R"({"messages":[{"role":1,"content":[)" + piece + "]}],\"system\":" + piece +
               R"(,"max_tokens":)" + numbers[random_() % 8] + "}";
      case 1:
        return R"({"type":"message","id":"\u0000","content":[)" + piece +
               R"(],"usage":{"input_tokens":)" + numbers[random_() % 8] + "}}";
      case 2:
        return R"({"jsonrpc":"2.0","id":)" + piece +
               R"(,"method":"tools/call","params":{"arguments":)" + piece + R"(},"result":)" +
               piece + "}";
      case 3:
        return "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":" +
               numbers[random_() % 8] + ",\"content_block\":" + piece + "}\n\n" + text() + "\n\n";
      default:
        return text() + piece;
    }
  }
  audit::Fields fields() {
    audit::Fields out;
    for (std::size_t n = random_() % 4; n > 0; --n) out.emplace_back(text(), text());
    const char* types[] = {"text/event-stream", "application/json", "text/plain", "\xff"};
    out.emplace_back("content-type", types[random_() % 4]);
    if (random_() % 2 == 0) out.emplace_back("host", text());
    if (random_() % 2 == 0) out.emplace_back("mcp-session-id", text());
    return out;
  }
  identity::Person person() {
    identity::Person person = audit::sample_derived();
    person.issuer = text();
    person.subject = text();
    person.name = text();
    person.groups = {text(), text()};
    person.method = text();
    person.running_as = text();
    return person;
  }
  audit::MaskedSpan mask() {
    const char* actions[] = {"mask", "block", "pass", "\xff"};
    return {.rule = text(),
            .category = text(),
            .offset = number(),
            .length = number(),
            .digest = text(),
            .action = actions[random_() % 4],
            .released_length = number()};
  }
  audit::RequestHead head() {
    const char* services[] = {"anthropic", "mcp", "generic", "\xff"};
    const char* methods[] = {"POST", "GET", "TRACE", "DELETE", "PUT"};
    audit::RequestHead out{.person = person(),
                           .service = services[random_() % 4],
                           .method = random_() % 2 == 0 ? methods[random_() % 5] : text(),
                           .target = text(),
                           .fields = fields(),
                           .model = text(),
                           .mcp_method = random_() % 2 == 0 ? "" : "tools/call",
                           .tool = text(),
                           .policy_digest = text(),
                           .credential = text()};
    return out;
  }
  audit::Body body() {
    switch (random_() % 18) {
      case 0: {
        audit::SessionOpen open = sample_session();
        open.destination = text();
        open.server_name = text();
        open.handling = text();
        open.peer.comm = text();
        return open;
      }
      case 1:
        return head();
      case 2:
        return audit::RequestBody{.offset = number(), .content = json(), .masks = {mask()}};
      case 3:
        return audit::IdentityChange{.what = random_() % 2 == 0 ? "lost" : text(),
                                     .reason = text(),
                                     .answer = text(),
                                     .person = person()};
      case 4:
        return audit::ResponseHead{.status = static_cast<int>(random_() % 1000),
                                   .fields = fields()};
      case 5:
        return audit::ResponseFragment{.offset = number(), .content = json(), .masks = {mask()}};
      case 6:
        return audit::Blocked{.direction = text(),
                              .rule = text(),
                              .category = text(),
                              .digest = text(),
                              .answer = text()};
      case 7:
        return audit::UpstreamError{.reason = text()};
      case 8:
        return audit::Gap{.reason = text(),
                          .detail = text(),
                          .action = text(),
                          .bytes = number(),
                          .would = text()};
      case 9:
        return audit::ExchangeClose{.outcome = text(),
                                    .request_bytes = number(),
                                    .response_bytes = number(),
                                    .masked = number(),
                                    .observed = number()};
      case 10:
        return audit::SessionClose{
            .reason = text(), .from_client = number(), .from_upstream = number()};
      case 11:
        return audit::Checkpoint{.note = text()};
      case 12:
        return audit::CheckpointKey{.verifier = text(), .note = text()};
      case 13:
        return audit::OriginalKey{
            .key_id = text(), .recipients = {{text(), text(), text(), text()}}, .cms = text()};
      case 14:
        return audit::OriginalChunk{.direction = text(),
                                    .key_id = text(),
                                    .head = text(),
                                    .index = number(),
                                    .last = random_() % 2 == 0,
                                    .content = text()};
      case 15:
        return audit::Retention{.through = number(), .records = number(), .root = text()};
      case 16:
        return audit::Observed{.direction = text(),
                               .outcome = text(),
                               .rule = text(),
                               .category = text(),
                               .digest = text(),
                               .reason = text(),
                               .answer = text()};
      default:
        return audit::ConfigChange{
            .what = text(), .file = text(), .digest = text(), .outcome = text(), .mode = text()};
    }
  }
  // As of an exchange: bodies whose pieces follow each other.
  std::vector<audit::Body> exchange() {
    std::vector<audit::Body> out;
    if (random_() % 3 == 0) out.push_back(sample_session());
    if (random_() % 8 != 0) out.push_back(head());
    out.push_back(audit::RequestBody{.offset = 0, .content = json(), .masks = {mask(), mask()}});
    if (random_() % 4 != 0) {
      out.push_back(
          audit::ResponseHead{.status = static_cast<int>(random_() % 1000), .fields = fields()});
    }
    out.push_back(audit::ResponseFragment{.offset = 0, .content = json(), .masks = {mask()}});
    for (std::size_t n = random_() % 4; n > 0; --n) out.push_back(body());
    if (random_() % 4 != 0) out.push_back(sample_close(text()));
    return out;
  }

 private:
  std::mt19937 random_;
};

}  // namespace veilwire::projection
