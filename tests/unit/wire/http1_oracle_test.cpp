// Beast's parser as an independent oracle: whatever our reader accepts, Beast must accept with the
// same start line, fields and body, and must see the same end of the message. The converse does not
// hold: ours is the stricter one.
#include "userspace/wire/http1.h"

#include <limits>
#include <random>

#include <boost/beast/http.hpp>
#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

namespace http = boost::beast::http;

struct Seen {
  std::string start;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool complete = false;
  std::size_t taken = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  out << seen.start;
  for (const auto& [name, value] : seen.fields) out << " [" << name << "=" << value << "]";
  return out << " '" << seen.body << "' " << (seen.complete ? "complete " : "open ") << seen.taken;
}

// Keeps what Beast says, order and repetition included, where its own container would sort and
// join.
template <bool isRequest>
class BeastParser : public http::basic_parser<isRequest> {
 public:
  Seen seen;

 private:
  using View = boost::beast::string_view;
  using Code = boost::beast::error_code;

  static std::string text(View view) { return {view.data(), view.size()}; }

  void on_request_impl(http::verb, View method, View target, int version, Code&) override {
    seen.start = text(method) + " " + text(target) + " 1." + std::to_string(version % 10);
  }
  void on_response_impl(int status, View reason, int version, Code&) override {
    seen.start =
        "1." + std::to_string(version % 10) + " " + std::to_string(status) + " " + text(reason);
  }
  void on_field_impl(http::field, View name, View value, Code&) override {
    seen.fields.emplace_back(text(name), text(value));
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, Code&) override {}
  std::size_t on_body_impl(View body, Code&) override {
    seen.body += text(body);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Code&) override {
    seen.body += text(body);
    return body.size();
  }
  void on_finish_impl(Code&) override {}
};

// Nothing where Beast refuses the message.
template <bool isRequest>
std::optional<Seen> read_with_beast(std::string_view input, bool skip_body, bool at_end,
                                    std::string& why) {
  BeastParser<isRequest> parser;
  parser.eager(true);
  parser.skip(skip_body);
  parser.header_limit(1 << 20);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  boost::beast::error_code error;
  std::size_t taken = 0;
  // It stops after the head and after each chunk's header.
  while (!parser.is_done()) {
    const std::size_t step =
        parser.put(boost::asio::buffer(input.data() + taken, input.size() - taken), error);
    if (error == http::error::need_more) {
      error = {};
      taken += step;
      if (step == 0) break;
      continue;
    }
    if (error) {
      why = error.message();
      return std::nullopt;
    }
    taken += step;
    if (taken == input.size()) break;
  }
  if (at_end && !parser.is_done() && parser.got_some()) parser.put_eof(error);
  if (error) {
    why = error.message();
    return std::nullopt;
  }
  parser.seen.complete = parser.is_done();
  parser.seen.taken = taken;
  return parser.seen;
}

void add_fields(const FieldSection& section, Seen& seen) {
  for (const Field& field : section.fields) {
    seen.fields.emplace_back(section.name(field), section.value(field));
  }
}

// What our events say of the first final message. Nothing where the reader refuses.
std::optional<Seen> read_with_ours(const std::vector<HttpEvent>& events, std::size_t taken) {
  Seen seen;
  seen.taken = taken;
  for (const HttpEvent& event : events) {
    if (std::holds_alternative<HttpFault>(event)) return std::nullopt;
    if (const auto* request = std::get_if<RequestStart>(&event)) {
      seen.start = std::string(request->head.method()) + " " + std::string(request->head.target()) +
                   " 1." + std::to_string(request->head.minor_version);
      add_fields(request->head, seen);
    } else if (const auto* response = std::get_if<ResponseStart>(&event)) {
      seen.start = "1." + std::to_string(response->head.minor_version) + " " +
                   std::to_string(response->head.status) + " " +
                   std::string(response->head.reason());
      add_fields(response->head, seen);
    } else if (const auto* data = std::get_if<BodyData>(&event)) {
      seen.body += data->bytes;
    } else if (const auto* trailers = std::get_if<Trailers>(&event)) {
      add_fields(trailers->section, seen);
    } else if (std::holds_alternative<MessageEnd>(event)) {
      seen.complete = true;
    }
  }
  return seen;
}

const std::vector<std::string>& request_seeds() {
  static const std::vector<std::string> seeds = {
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /v1/messages?beta=true HTTP/1.1\r\nHost: api.example:443\r\nContent-Length: "
      "5\r\nAccept: */*\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost:x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\nA;a=\"b\";c\r\n0123456789\r\n0\r\n"
      "Digest: d\r\n\r\n",
      "PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
      "OPTIONS * HTTP/1.1\r\nhOST:\t x \r\nX-Empty:\r\nX: a,b ; c=\"d\"\r\n\r\n",
      "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: keep-alive, x\r\n\r\n",
      "GET http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
  };
  return seeds;
}

const std::vector<std::string>& response_seeds() {
  static const std::vector<std::string> seeds = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
      "9\r\ndata: a\n\n\r\n1f;x=y\r\ndata: 0123456789012345678901\nn\n\r\n0\r\nX-T: 1\r\n\r\n",
      "HTTP/1.0 404 Not Found\r\nServer: s\r\n\r\nuntil the end",
      "HTTP/1.1 204 No Content\r\nX:  y\t\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n",
      "HTTP/1.1 451 \r\ncontent-length:2\r\nConnection: close\r\n\r\n{}",
  };
  return seeds;
}

class Mutator {
 public:
  std::string next(const std::vector<std::string>& seeds) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t edits = below(4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = byte();
          break;
        case 1:
          text.erase(at, 1 + below(3));
          break;
        case 2:
          text.insert(at, 1, byte());
          break;
        case 3:
          text.insert(at, kPieces[below(kPieces.size())]);
          break;
        default: {
          // Doubles a line: repeated fields are where parsers part.
          const std::size_t begin = text.rfind('\n', at);
          const std::size_t end = text.find('\n', at);
          if (begin == std::string::npos || end == std::string::npos || begin == end) break;
          text.insert(end + 1, text.substr(begin + 1, end - begin));
          break;
        }
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  char byte() {
    constexpr std::string_view kBytes = " \t\r\n:;,=\"\\0159aAfgHTTP/.#%@[]\x01\x7f\x80\xff";
    return below(8) == 0 ? static_cast<char>(below(256)) : kBytes[below(kBytes.size())];
  }

  const std::vector<std::string> kPieces = {"\r\n",
                                            "\r\n ",
                                            "Content-Length: 5\r\n",
                                            "Transfer-Encoding: chunked\r\n",
                                            "0\r\n\r\n",
                                            ", ",
                                            "00",
                                            "Host: x\r\n",
                                            "Connection: close\r\n",
                                            "Upgrade: h2c\r\n"};
  std::mt19937 random_{20261123};
};

TEST(Oracle, BeastAcceptsTheRequestsThatWeAccept) {
  Mutator mutator;
  std::size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    const std::string input = mutator.next(request_seeds());
    RequestReader reader;
    std::vector<HttpEvent> events;
    const std::size_t taken = reader.feed(input, events);
    auto ours = read_with_ours(events, taken);
    if (!ours || ours->start.empty()) continue;
    // One empty line before a request is skipped by us and refused by Beast.
    const std::string_view rest =
        std::string_view(input).substr(input.rfind("\r\n", 0) == 0 ? 2 : 0);
    ours->taken -= input.size() - rest.size();
    ++accepted;
    std::string why;
    const auto theirs = read_with_beast<true>(rest, false, false, why);
    ASSERT_TRUE(theirs) << why << "\n" << input;
    if (ours->complete) {
      ASSERT_EQ(*theirs, *ours) << input;
    } else {
      ASSERT_FALSE(theirs->complete) << input;
      ASSERT_EQ(theirs->fields, ours->fields) << input;
    }
  }
  EXPECT_GT(accepted, 8000U);
}

TEST(Oracle, BeastAcceptsTheResponsesThatWeAccept) {
  Mutator mutator;
  std::size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    const std::string input = mutator.next(response_seeds());
    const bool head = round % 5 == 0;
    ResponseReader reader;
    ASSERT_TRUE(reader.expect({.head = head}));
    std::vector<HttpEvent> events;
    const std::size_t taken = reader.feed(input, events);
    reader.end_of_input(events);
    const auto ours = read_with_ours(events, taken);
    if (!ours || !ours->complete) continue;
    const auto& start = std::get<ResponseStart>(events.front());
    if (start.interim) continue;  // Beast reads one message, interim or not
    ++accepted;
    std::string why;
    const auto theirs =
        read_with_beast<false>(std::string_view(input).substr(0, taken), head, true, why);
    ASSERT_TRUE(theirs) << why << "\n" << input;
    ASSERT_EQ(*theirs, *ours) << input;
  }
  EXPECT_GT(accepted, 5000U);
}

}  // namespace
}  // namespace veilwire::wire
