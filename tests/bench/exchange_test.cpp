// What measures must itself be right: the reader of answers against the writer, cut at every byte,
// and against answers that a relay has damaged.

#include "tests/bench/exchange.h"

#include "tests/bench/answer_reader.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::bench {
namespace {

constexpr std::size_t kEvents = 200;

std::string stream() {
  std::string out;
  append_stream_begin(out);
  for (std::size_t n = 0; n < kEvents; ++n) append_stream_event(n, 1000 * n, out);
  append_stream_end(kEvents, out);
  return out;
}

AnswerReader read(const Order& order, std::string_view bytes, std::size_t piece) {
  AnswerReader reader(order);
  for (; !bytes.empty() && !reader.done(); bytes.remove_prefix(std::min(piece, bytes.size())))
    reader.feed(bytes.substr(0, piece), 1'000'000);
  return reader;
}

TEST(Exchange, AStreamIsReadInPiecesOfAnySize) {
  for (const std::size_t piece : {1U, 2U, 7U, 100U, 1'000'000U}) {
    const AnswerReader reader = read({.events = kEvents}, stream(), piece);
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.fault(), "");
    EXPECT_EQ(reader.events(), kEvents);
    EXPECT_EQ(reader.first_delta_ns(), 1'000'000U);
    ASSERT_EQ(reader.latencies_ns().size(), kEvents);
    EXPECT_EQ(reader.latencies_ns()[3], 997'000U);
  }
}

TEST(Exchange, AJsonAnswerIsComparedWithWhatWasSent) {
  const std::string body = json_body(5000);
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  const Order order{.json_bytes = 5000};
  EXPECT_EQ(read(order, head + body, 9).fault(), "");
  std::string other = body;
  other[500] = '~';
  EXPECT_NE(read(order, head + other, 9).fault(), "");
}

TEST(Exchange, AStreamThatARelayHasDamagedIsAFault) {
  const Order order{.events = kEvents};
  std::string text = stream();
  const std::size_t at = text.find(delta_text(5));
  ASSERT_NE(at, text.npos);
  text[at + 2] = '~';
  EXPECT_EQ(read(order, text, 50).fault(), "other text than was sent, at delta 5");

  std::string short_one;
  append_stream_begin(short_one);
  append_stream_event(0, 1, short_one);
  append_stream_end(kEvents, short_one);
  EXPECT_EQ(read(order, short_one, 50).fault(), "the stream ended early, at delta 1");
  EXPECT_EQ(read(order, stream() + "x", 1'000'000).fault(), "bytes behind the end");
  EXPECT_EQ(read(order, "HTTP/1.1 451 Denied\r\n\r\n", 50).fault(), "HTTP/1.1 451 Denied");
}

TEST(Exchange, TextThatARelayHeldBackCountsFromWhenItCame) {
  const std::string text(delta_text(0)), next(delta_text(1));
  const auto event = [](std::string_view said, int at) {
    return "data: {\"delta\":{\"type\":\"text_delta\",\"text\":\"" + std::string(said) +
           "\"},\"at\":" + std::to_string(at) + "}\n";
  };
  AnswerReader reader({.events = 2});
  const std::string one = event(text.substr(0, 4), 100);
  const std::string two = event(text.substr(4) + next, 200) + "data: {\"type\":\"message_stop\"}\n";
  reader.feed(
      "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(one.size() + two.size()) + "\r\n\r\n",
      0);
  reader.feed(one, 1000);
  EXPECT_EQ(reader.first_delta_ns(), 1000U);
  EXPECT_TRUE(reader.latencies_ns().empty());
  reader.feed(two, 5000);
  EXPECT_EQ(reader.fault(), "");
  EXPECT_EQ(reader.latencies_ns(), (std::vector<std::uint64_t>{4900, 4800}));
}

TEST(Exchange, AnOrderIsReadAsItWasWritten) {
  const Order order{.events = 3, .interval_us = 40, .json_bytes = 500};
  const auto read =
      Order::from_head("POST / HTTP/1.1\r\nX-Other: 1\r\n" + order.to_field() + "\r\n\r\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->events, 3U);
  EXPECT_EQ(read->interval_us, 40U);
  EXPECT_EQ(read->json_bytes, 500U);
  EXPECT_FALSE(Order::from_head("POST / HTTP/1.1\r\nx-bench: 1,2\r\n\r\n"));
  EXPECT_FALSE(Order::from_head("POST / HTTP/1.1\r\n\r\n"));
}

TEST(Exchange, ARequestHasAboutTheSizeThatWasAskedFor) {
  for (const std::size_t size : {200U, 1000U, 100'000U}) {
    const std::string text = request("example.com", {.events = 1}, size);
    const std::size_t head = text.find("\r\n\r\n") + 4;
    EXPECT_EQ(content_length(text), text.size() - head);
    EXPECT_NEAR(static_cast<double>(text.size() - head), static_cast<double>(size), 300);
  }
}

}  // namespace
}  // namespace veilwire::bench
