// The event splitter over every split of its input: all bytes come out again, and the events are
// the same.
#include "userspace/wire/sse.h"

#include "tests/support/every_split.h"

#include <utility>

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using testing::every_split;
using testing::Pieces;

std::string quote(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\r') {
      text += "\\r";
    } else {
      text += c;
    }
  }
  return text;
}

struct Split {
  std::string log;
  std::string all;  // every byte that came out, the rest included
  friend bool operator==(const Split&, const Split&) = default;
};

// Where an event's blank line ends in CR LF, the LF may come as an event of its own: which of both
// depends on the cut, so a lone LF is joined to the event before it.
Split split(const Pieces& pieces, std::size_t limit) {
  SseReader reader(limit);
  std::vector<SseEvent> events;
  bool failed = false;
  for (const std::string_view piece : pieces) {
    if (failed) continue;
    failed = !reader.feed(piece, events);
  }
  Split result;
  std::vector<std::string> lines;
  std::string before;
  for (const SseEvent& event : events) {
    result.all += event.raw;
    if (event.raw == "\n" && !before.empty() && before.back() == '\r') {
      lines.back() += "\\n";
      before = event.raw;
      continue;
    }
    before = event.raw;
    std::string line;
    if (event.dispatches())
      line += std::string(event.type()) + " '" + quote(event.data_text()) + "'";
    if (event.id) line += " id=" + std::string(event.text(*event.id));
    if (event.retry) line += " retry=" + std::string(event.text(*event.retry));
    lines.push_back(line + " <" + quote(event.raw));
  }
  for (const std::string& line : lines) result.log += line + ">\n";
  const std::string rest = reader.finish();
  // Over the limit the cut decides how much of the open event has been taken.
  if (failed) {
    result.log += "too large\n";
    result.all.clear();
    return result;
  }
  if (!rest.empty()) result.log += "rest <" + quote(rest) + ">\n";
  result.all += rest;
  return result;
}

std::string events(std::string_view input, std::size_t limit = limits::kSseEvent) {
  const auto run = [&](const Pieces& pieces) { return split(pieces, limit); };
  every_split(input, run);
  const Split whole = run({input});
  if (whole.log.find("too large") == std::string::npos) {
    EXPECT_EQ(whole.all, input);
  }
  return whole.log;
}

TEST(Sse, SplitsEventsAndNamesTheirParts) {
  EXPECT_EQ(events("event: message_start\ndata: {\"a\":1}\n\nevent: ping\ndata: {}\n\n"),
            "message_start '{\"a\":1}' <event: message_start\\ndata: {\"a\":1}\\n\\n>\n"
            "ping '{}' <event: ping\\ndata: {}\\n\\n>\n");
}

TEST(Sse, KnowsAllThreeLineEnds) {
  EXPECT_EQ(events("data: a\r\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n"),
            "message 'a\\nb' <data: a\\r\\ndata: b\\r\\n\\r\\n>\n"
            "message 'c' <data: c\\r\\r>\n"
            "message 'd' <data: d\\n\\n>\n");
  EXPECT_EQ(events("data: a\r\n\rdata: b\n\r\n"),
            "message 'a' <data: a\\r\\n\\r>\nmessage 'b' <data: b\\n\\r\\n>\n");
}

TEST(Sse, DoesNotWaitForTheLineFeedBehindABlankLinesCarriageReturn) {
  SseReader reader;
  std::vector<SseEvent> out;
  ASSERT_TRUE(reader.feed("data: a\r\n\r", out));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].raw, "data: a\r\n\r");
  ASSERT_TRUE(reader.feed("\n", out));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[1].raw, "\n");
  EXPECT_FALSE(out[1].dispatches());
  ASSERT_TRUE(reader.feed("data: b\r\n\r\n", out));
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[2].data_text(), "b");
  EXPECT_EQ(reader.finish(), "");
}

TEST(Sse, GivesACommentBetweenEventsAtOnce) {
  SseReader reader;
  std::vector<SseEvent> out;
  ASSERT_TRUE(reader.feed(": keep-alive\n", out));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].raw, ": keep-alive\n");
  EXPECT_EQ(events(": a\n\ndata: 1\n: inside\ndata: 2\n\n:\r\n:x\r\n\r\n"),
            " <: a\\n>\n <\\n>\nmessage '1\\n2' <data: 1\\n: inside\\ndata: 2\\n\\n>\n"
            " <:\\r\\n>\n <:x\\r\\n>\n <\\r\\n>\n");
}

TEST(Sse, ReadsFieldsAsBrowsersDo) {
  EXPECT_EQ(events("data\n\n"), "message '' <data\\n\\n>\n");
  EXPECT_EQ(events("data:\ndata:\n\n"), "message '\\n' <data:\\ndata:\\n\\n>\n");
  EXPECT_EQ(events("data:  two\n\n"), "message ' two' <data:  two\\n\\n>\n");
  EXPECT_EQ(events("data:a:b\nevent:\n\n"), "message 'a:b' <data:a:b\\nevent:\\n\\n>\n");
  EXPECT_EQ(events(" data: x\nData: y\ndatax: z\n\n"), " < data: x\\nData: y\\ndatax: z\\n\\n>\n");
  EXPECT_EQ(events("event: a\nevent: b\ndata: x\n\n"),
            "b 'x' <event: a\\nevent: b\\ndata: x\\n\\n>\n");
  EXPECT_EQ(events("id: 7\nretry: 100\n\n"), " id=7 retry=100 <id: 7\\nretry: 100\\n\\n>\n");
  EXPECT_EQ(events("id\nretry: 1x\nretry:\ndata: x\n\n"),
            "message 'x' id= <id\\nretry: 1x\\nretry:\\ndata: x\\n\\n>\n");
  EXPECT_EQ(events("\n\n\r\n"), " <\\n>\n <\\n>\n <\\r\\n>\n");
}

TEST(Sse, IgnoresAnIdWithNul) {
  SseReader reader;
  std::vector<SseEvent> out;
  using namespace std::string_view_literals;
  ASSERT_TRUE(reader.feed("id: 1\nid: 2\0\ndata: x\n\n"sv, out));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].text(*out[0].id), "1");
}

TEST(Sse, SkipsOneByteOrderMarkAtTheStart) {
  EXPECT_EQ(events("\xEF\xBB\xBF"
                   "data: a\n\n\xEF\xBB\xBF"
                   "data: b\n\n"),
            "message 'a' <\xEF\xBB\xBF"
            "data: a\\n\\n>\n <\xEF\xBB\xBF"
            "data: b\\n\\n>\n");
  EXPECT_EQ(events("\xEF\xBB\xBF: c\n"), " <\xEF\xBB\xBF: c\\n>\n");
  EXPECT_EQ(events("\xEF\xBB\n\n"), " <\xEF\xBB\\n\\n>\n");
}

TEST(Sse, SaysWhereSomeReadersSkipAMark) {
  const auto marks = [](const std::string& stream) {
    SseReader reader;
    std::vector<SseEvent> events;
    EXPECT_TRUE(reader.feed(stream, events));
    std::string seen;
    for (const SseEvent& event : events)
      seen += std::string(event.mark_inside ? "i" : "") + (event.mark_misspelt ? "m" : "") + ".";
    return seen;
  };
  const std::string mark = "\xEF\xBB\xBF", misspelt = "\xC3\xAF\xC2\xBB\xC2\xBF";
  EXPECT_EQ(marks(mark + "data: a\n\ndata: b\n\n"), "..");
  EXPECT_EQ(marks("data: a\n\n" + mark + "data: b\n\n"), ".i.");
  EXPECT_EQ(marks("data: a\n" + mark + "\n\n"), "i.");
  EXPECT_EQ(marks("\n" + mark + ": c\n\n"), ".i.");
  EXPECT_EQ(marks("data: " + mark + "\n\n"), ".");
  EXPECT_EQ(marks(misspelt + "data: a\n\n"), "m.");
  EXPECT_EQ(marks(mark + misspelt + "data: a\n\n"), "m.");
  EXPECT_EQ(marks("data: a\n\n" + misspelt + "data: b\n\n"), "..");
}

TEST(Sse, NamesTheLinesThatNoClientReads) {
  SseReader reader;
  std::vector<SseEvent> events;
  using namespace std::string_view_literals;
  ASSERT_TRUE(reader.feed(
      "event: a\nid: 1\n: note\ndata: x\nevent: b\nid: 2\nretry: no\nid: \0\nother\nretry: 1\nretry: 2\n\n: between\n"sv,
      events));
  ASSERT_EQ(events.size(), 2U);
  std::string unread;
  for (const SseEvent& event : events) {
    for (const Span& span : event.unread) unread.append(event.text(span)) += '|';
  }
  EXPECT_EQ(unread, ": note|a|1|retry: no|id: \0|other|1|: between|"sv);
}

TEST(Sse, GivesBackWhatNoBlankLineEnded) {
  EXPECT_EQ(events("data: a\n\ndata: cut"), "message 'a' <data: a\\n\\n>\nrest <data: cut>\n");
  EXPECT_EQ(events("data: a\n"), "rest <data: a\\n>\n");
  EXPECT_EQ(events("data: a\r"), "rest <data: a\\r>\n");
  EXPECT_EQ(events(""), "");
}

TEST(Sse, ReadsWhatNoBlankLineEndedAsTheEventThatItWouldBe) {
  const auto tail = [](std::string_view stream) {
    SseReader reader(16);
    std::vector<SseEvent> events;
    EXPECT_TRUE(reader.feed(stream, events));
    return reader.finish_event();
  };
  EXPECT_FALSE(tail("").event);
  EXPECT_FALSE(tail("data: 1\n\n").event);
  for (const std::string_view rest : {"data: 2", "data: 2\n", "data: 2\r", "data: 2\r\n"}) {
    const SseReader::Tail last = tail("data: 1\n\n" + std::string(rest));
    ASSERT_TRUE(last.event) << quote(rest);
    EXPECT_EQ(last.event->data_text(), "2");
    EXPECT_EQ(last.event->raw.substr(0, last.event->raw.size() - last.added), rest);
  }
  // A mark that begins the stream is skipped, one that stands before a later line is not.
  EXPECT_EQ(tail("\xEF\xBB\xBF"
                 "data: 2")
                .event->data_text(),
            "2");
  const SseReader::Tail marked = tail("data: 1\n\n\xEF\xBB\xBF\nab");
  EXPECT_EQ(marked.event->raw, "\xEF\xBB\xBF\nab\n\n");
  EXPECT_EQ(tail("data: 123456789a").event->data_text(), "123456789a") << "as long as may be";
}

TEST(Sse, SpansPointAtTheDataOfEachLine) {
  SseReader reader;
  std::vector<SseEvent> out;
  ASSERT_TRUE(reader.feed("event: e\r\ndata: one\r\ndata:two\r\n\r\n", out));
  ASSERT_EQ(out.size(), 1U);
  ASSERT_EQ(out[0].data.size(), 2U);
  EXPECT_EQ(out[0].data[0], (Span{16, 3}));
  EXPECT_EQ(out[0].data[1], (Span{26, 3}));
  EXPECT_EQ(out[0].text(*out[0].name), "e");
}

TEST(Sse, BoundsAnEventThatNeverEnds) {
  EXPECT_EQ(events("data: 4\n\n", 9), "message '4' <data: 4\\n\\n>\n");
  EXPECT_EQ(events("data: 4\n\ndata: 45\n\n", 9), "message '4' <data: 4\\n\\n>\ntoo large\n");
  EXPECT_EQ(events("data: a\ndata: b\ndata: c\n", 20), "too large\n");
  SseReader reader(10);
  std::vector<SseEvent> out;
  EXPECT_FALSE(reader.feed("data: 0123456789", out));
  EXPECT_EQ(reader.finish(), "data: 0123456789");
}

// WHATWG's own algorithm on a whole text, written down as the specification tells it: what a client
// dispatches.
std::vector<std::string> dispatched(std::string text) {
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.erase(0, 3);
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') {
      if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      lines.push_back(std::exchange(line, {}));
    } else {
      line += text[i];
    }
  }
  std::vector<std::string> result;
  std::string data;
  std::string type;
  for (const std::string& each : lines) {
    if (each.empty()) {
      if (!data.empty()) {
        data.pop_back();
        result.push_back((type.empty() ? "message" : type) + ":" + data);
      }
      data.clear();
      type.clear();
      continue;
    }
    const std::size_t colon = each.find(':');
    if (colon == 0) continue;
    const std::string field = each.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : each.substr(colon + 1);
    if (value.rfind(' ', 0) == 0) value.erase(0, 1);
    if (field == "data") data += value + "\n";
    if (field == "event") type = value;
  }
  return result;
}

TEST(Sse, DispatchesWhatTheSpecificationDoesOnEveryShortStream) {
  const std::vector<std::string> parts = {"data", "event", ":", " ", "x", "\r", "\n"};
  constexpr int kLongest = 6;
  std::size_t count = 1;
  for (int length = 0; length <= kLongest; ++length, count *= parts.size()) {
    for (std::size_t number = 0; number < count; ++number) {
      std::string stream;
      std::size_t rest = number;
      for (int i = 0; i < length; ++i, rest /= parts.size()) stream += parts[rest % parts.size()];
      SseReader whole;
      SseReader octets;
      std::vector<SseEvent> of_whole;
      std::vector<SseEvent> of_octets;
      ASSERT_TRUE(whole.feed(stream, of_whole));
      for (const char c : stream) ASSERT_TRUE(octets.feed({&c, 1}, of_octets));
      for (auto [reader, events] : {std::pair(&whole, &of_whole), std::pair(&octets, &of_octets)}) {
        std::vector<std::string> seen;
        std::string bytes;
        for (const SseEvent& event : *events) {
          bytes += event.raw;
          if (event.dispatches())
            seen.push_back(std::string(event.type()) + ":" + event.data_text());
        }
        bytes += reader->finish();
        ASSERT_EQ(bytes, stream);
        ASSERT_EQ(seen, dispatched(stream)) << quote(stream);
      }
    }
  }
}

}  // namespace
}  // namespace veilwire::wire
