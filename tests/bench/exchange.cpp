#include "tests/bench/exchange.h"

#include <array>
#include <charconv>
#include <ctime>
#include <string>
#include <vector>

namespace veilwire::bench {
namespace {

// As it stands in a JSON string. Words like token and password are what rules look for first, so
// they belong here.
constexpr std::string_view kProse =
    "I have looked through the repository, and the failing test is not about the parser at all. "
    "The reader keeps the "
    "last two bytes of each chunk, since an escape may be cut there, and the new branch forgets "
    "them when the chunk is "
    "empty. That is why it only fails under load.\\n\\nHere is what I would change, in the order "
    "in which I would do "
    "it:\\n\\n1. In `read_chunk()`, return early only after the carry has been written back.\\n2. "
    "Add a case in which "
    "the input arrives byte by byte; the helper `every_split` does that already.\\n3. Rename `tmp` "
    "to `carry`, because "
    "the next person will ask what it is.\\n\\n```cpp\\nif (piece.empty()) {\\n  carry_ = "
    "carry;\\n  return "
    "{};\\n}\\n```\\n\\nThe configuration needs no change: the token is still read from the "
    "environment, and the "
    "password prompt stays where it was. I have not touched the key rotation, although the comment "
    "above it is out of "
    "date \\u2014 it speaks of three days where the code has seven. Shall I run the whole suite "
    "now, or only the tests "
    "of this module? The former takes about four minutes on this machine.\\n\\n";

// Cut before a space, as tokens are.
std::vector<std::string_view> cut(std::string_view prose) {
  constexpr std::size_t kLeast = 10;
  std::vector<std::string_view> pieces;
  while (!prose.empty()) {
    const std::size_t space = prose.size() <= kLeast ? prose.npos : prose.find(' ', kLeast);
    pieces.push_back(prose.substr(0, space));
    prose.remove_prefix(pieces.back().size());
  }
  return pieces;
}

void append_number(std::uint64_t value, int base, std::string& out) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  out.append(digits.data(), end);
}

void append_chunk(std::string_view bytes, std::string& out) {
  append_number(bytes.size(), 16, out);
  out.append("\r\n").append(bytes).append("\r\n");
}

std::string event(std::string_view type, std::string_view rest) {
  return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" +
         std::string(rest) + "}\n\n";
}

std::string_view field(std::string_view head, std::string_view lower_case_name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    if (line.size() <= lower_case_name.size() || line[lower_case_name.size()] != ':') continue;
    bool same = true;
    for (std::size_t i = 0; same && i < lower_case_name.size(); ++i)
      same = (line[i] >= 'A' && line[i] <= 'Z' ? line[i] + ('a' - 'A') : line[i]) ==
             lower_case_name[i];
    if (!same) continue;
    const std::string_view value = line.substr(lower_case_name.size() + 1);
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return {};
}

}  // namespace

std::uint64_t clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::string_view delta_text(std::size_t n) {
  static const std::vector<std::string_view> pieces = cut(kProse);
  return pieces[n % pieces.size()];
}

std::string Order::to_field() const {
  return "x-bench: " + std::to_string(events) + "," + std::to_string(interval_us) + "," +
         std::to_string(json_bytes);
}

std::optional<Order> Order::from_head(std::string_view head) {
  const std::string_view value = field(head, "x-bench");
  const char* at = value.data();
  const char* const end = value.data() + value.size();
  std::array<std::uint64_t, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i != 0 && (at == end || *at++ != ',')) return std::nullopt;
    const auto read = std::from_chars(at, end, numbers[i]);
    if (read.ec != std::errc{}) return std::nullopt;
    at = read.ptr;
  }
  return Order{.events = numbers[0], .interval_us = numbers[1], .json_bytes = numbers[2]};
}

std::size_t content_length(std::string_view head) {
  const std::string_view value = field(head, "content-length");
  std::size_t length = 0;
  std::from_chars(value.data(), value.data() + value.size(), length);
  return length;
}

std::string request(std::string_view host, const Order& order, std::size_t body_bytes) {
  std::string body = R"({"model":"claude-demo-1","max_tokens":4096,"stream":)";
  body += order.events != 0 ? "true" : "false";
  body += R"(,"system":[{"type":"text","text":"You are a careful engineer."}],"messages":[)";
  // Turns of a conversation: several strings of middling length, as real requests have.
  for (std::size_t turn = 0, n = 0; turn % 2 == 0 || body.size() < body_bytes; ++turn) {
    body += turn == 0 ? "" : ",";
    body += turn % 2 == 0 ? R"({"role":"user","content":")" : R"({"role":"assistant","content":")";
    const std::size_t end = std::min(body.size() + 2000, std::max(body.size() + 1, body_bytes));
    while (body.size() < end) body += delta_text(n++);
    body += R"("})";
  }
  body += "]}";
  std::string text =
      "POST /v1/messages HTTP/1.1\r\nhost: " + std::string(host) +
      "\r\naccept: application/json\r\ncontent-type: application/json\r\nuser-agent: bench/1\r\n"
      "x-api-key: sk-ant-dummy\r\nanthropic-version: 2023-06-01\r\n" +
      order.to_field() + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text + body;
}

void append_stream_begin(std::string& out) {
  out +=
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: "
      "no-cache\r\n"
      "request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n";
  append_chunk(
      event("message_start",
            R"(,"message":{"id":"msg_bench","type":"message","role":"assistant",)"
            R"("model":"claude-demo-1","content":[],"stop_reason":null,)"
            R"("stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}})") +
          event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})"),
      out);
}

void append_stream_event(std::size_t n, std::uint64_t at_ns, std::string& out) {
  std::string data =
      "event: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")";
  data += delta_text(n);
  data += R"("},"at":)";
  append_number(at_ns, 10, data);
  data += "}\n\n";
  append_chunk(data, out);
}

void append_stream_end(std::size_t events, std::string& out) {
  append_chunk(
      event("content_block_stop", R"(,"index":0)") +
          event("message_delta", R"(,"delta":{"stop_reason":"end_turn","stop_sequence":null},)"
                                 R"("usage":{"output_tokens":)" +
                                     std::to_string(events) + "}") +
          event("message_stop", ""),
      out);
  out += "0\r\n\r\n";
}

std::string json_body(std::size_t text_bytes) {
  std::string body =
      R"({"id":"msg_bench","type":"message","role":"assistant","model":"claude-demo-1","content":[)"
      R"({"type":"text","text":")";
  for (std::size_t n = 0, end = body.size() + text_bytes; body.size() < end; ++n)
    body += delta_text(n);
  return body +
         R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":9}})";
}

}  // namespace veilwire::bench
