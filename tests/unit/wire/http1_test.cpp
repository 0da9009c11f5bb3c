// Golden event logs of the HTTP/1 readers, each over every split of its input.
#include "userspace/wire/http1.h"

#include "tests/unit/wire/http_events.h"
#include "userspace/base/limits.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

TEST(RequestReader, ReadsARequestWithoutBody) {
  EXPECT_EQ(requests("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"),
            "request GET /a?b 1.1 [Host=x] none\nend, persistent\n");
}

TEST(RequestReader, ReadsACountedBody) {
  EXPECT_EQ(
      requests("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
      "request POST / 1.1 [Host=x] [Content-Length=5] length 5\nbody 'hello'\nend, persistent\n");
  EXPECT_EQ(requests("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
            "request POST / 1.1 [Host=x] [Content-Length=0] length 0\nend, persistent\n");
}

TEST(RequestReader, ReadsAChunkedBodyWithExtensionsAndTrailers) {
  EXPECT_EQ(requests("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
                     "5\r\nhello\r\n"
                     "00A ; a=b;c; d = \"q;\\\"\"\r\n0123456789\r\n"
                     "0;last\r\nDigest: d\r\nX:\r\n\r\n"),
            "request POST / 1.1 [Host=x] [Transfer-Encoding=Chunked] chunked\n"
            "body 'hello0123456789'\ntrailers [Digest=d] [X=]\nend, persistent\n");
}

TEST(RequestReader, ReadsPipelinedRequests) {
  EXPECT_EQ(
      requests(
          "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
          "GET /2 HTTP/1.0\r\n\r\n"
          "POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
          "GET /4 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
          "GET /5 HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n"),
      "request POST /1 1.1 [Host=x] [Content-Length=2] length 2\nbody 'ab'\nend, persistent\n"
      "request GET /2 1.0 none\nend\n"
      "request POST /3 1.1 [Host=x] [Transfer-Encoding=chunked] chunked\nbody 'c'\nend, "
      "persistent\n"
      "request GET /4 1.0 [Connection=Keep-Alive] none\nend, persistent\n"
      "request GET /5 1.1 [Host=x] [Connection=foo, Close] none\nend\n");
}

TEST(RequestReader, StopsAtTheEndOfAMessage) {
  const std::string_view one = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab";
  const std::string two = std::string(one) + std::string(one);
  RequestReader reader;
  std::vector<HttpEvent> events;
  EXPECT_EQ(reader.feed(two, events), one.size());
  EXPECT_EQ(events.size(), 3U);
  EXPECT_TRUE(reader.between_messages());
  EXPECT_EQ(reader.feed("P", events), 1U);
  EXPECT_FALSE(reader.between_messages());
}

TEST(RequestReader, SkipsOneEmptyLineBeforeARequest) {
  EXPECT_EQ(requests("\r\nGET / HTTP/1.0\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n\r\n"),
            "request GET / 1.0 none\nend\nrequest GET / 1.0 none\nend\n");
  EXPECT_EQ(requests("\r\n\r\nGET / HTTP/1.0\r\n\r\n"), "fault at 2: bad method\n");
  EXPECT_EQ(requests("\rGET / HTTP/1.0\r\n\r\n"), "fault at 0: CR without LF\n");
  EXPECT_EQ(requests("\r"), "fault at 1: ended early\n");
}

TEST(RequestReader, SaysWhereAnInputEndedEarly) {
  EXPECT_EQ(requests(""), "");
  EXPECT_EQ(requests("GET / HT"), "fault at 8: ended early\n");
  EXPECT_EQ(requests("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell"),
            "request POST / 1.1 [Host=x] [Content-Length=5] length 5\nbody 'hell'\n"
            "fault at 51: ended early\n");
  EXPECT_EQ(requests("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\naG"),
            "request POST / 1.0 [Content-Length=1] length 1\nbody 'a'\nend\n"
            "fault at 40: ended early\n");
}

TEST(RequestReader, TakesNothingAfterAFault) {
  RequestReader reader;
  std::vector<HttpEvent> events;
  (void)reader.feed("GET  / HTTP/1.1\r\n", events);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<HttpFault>(events[0]), (HttpFault{HttpError::BadTarget, 4}));
  EXPECT_EQ(reader.feed("GET / HTTP/1.0\r\n\r\n", events), 0U);
  reader.end_of_input(events);
  EXPECT_EQ(events.size(), 1U);
}

TEST(RequestReader, ChangesNothingInAHead) {
  const std::string head = "GET / HTTP/1.1\r\nhOST:x\r\nA:  b \t\r\n\r\n";
  RequestReader reader;
  std::vector<HttpEvent> events;
  (void)reader.feed(head, events);
  EXPECT_EQ(std::get<RequestStart>(events.at(0)).head.raw, head);
}

TEST(RequestReader, BoundsTheHead) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
  head.append(limits::kHttpHead - head.size() - 4, 'a').append("\r\n\r\n");
  RequestReader fits;
  std::vector<HttpEvent> events;
  EXPECT_EQ(fits.feed(head, events), head.size());
  EXPECT_TRUE(std::holds_alternative<MessageEnd>(events.back()));
  head.insert(head.size() - 4, "a");
  RequestReader too_large;
  (void)too_large.feed(head, events);
  EXPECT_EQ(std::get<HttpFault>(events.back()),
            (HttpFault{HttpError::HeadTooLarge, limits::kHttpHead}));
}

TEST(RequestReader, BoundsTheNumberOfFields) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (std::size_t i = 1; i < limits::kHttpFields; ++i) head += "a: b\r\n";
  RequestReader fits;
  std::vector<HttpEvent> events;
  (void)fits.feed(head + "\r\n", events);
  EXPECT_TRUE(std::holds_alternative<MessageEnd>(events.back()));
  RequestReader too_many;
  (void)too_many.feed(head + "a: b\r\n\r\n", events);
  EXPECT_EQ(std::get<HttpFault>(events.back()).error, HttpError::TooManyFields);
}

TEST(RequestReader, BoundsChunkLinesAndTrailers) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::vector<HttpEvent> events;
  RequestReader long_extension;
  (void)long_extension.feed(head + "1;" + std::string(limits::kChunkLine, 'a'), events);
  EXPECT_EQ(std::get<HttpFault>(events.back()).error, HttpError::ChunkLineTooLong);
  RequestReader long_trailers;
  (void)long_trailers.feed(head + "0\r\nA: " + std::string(limits::kHttpTrailers, 'a'), events);
  EXPECT_EQ(std::get<HttpFault>(events.back()),
            (HttpFault{HttpError::TrailersTooLarge, head.size() + 3 + limits::kHttpTrailers}));
}

TEST(ResponseReader, ReadsEachWayOfFraming) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
            "response 200 'OK' 1.1 [Content-Length=2] length 2\nbody 'ab'\nend, persistent\n");
  EXPECT_EQ(
      responses("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
      "response 200 '' 1.1 [Transfer-Encoding=chunked] chunked\nbody 'ab'\nend, persistent\n");
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\n\r\nabc"),
            "response 200 'OK' 1.1 until close\nbody 'abc'\nend\n");
  EXPECT_EQ(responses("HTTP/1.0 200 OK\r\n\r\n"), "response 200 'OK' 1.0 until close\nend\n");
}

TEST(ResponseReader, KnowsTheAnswersWithoutBody) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", {{.head = true}}),
            "response 200 'OK' 1.1 [Content-Length=20] none\nend, persistent\n");
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {{.head = true}}),
            "response 200 'OK' 1.1 [Transfer-Encoding=chunked] none\nend, persistent\n");
  EXPECT_EQ(responses("HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n"),
            "response 304 'Not Modified' 1.1 [Content-Length=20] none\nend, persistent\n");
  EXPECT_EQ(responses("HTTP/1.1 204 No Content\r\n\r\n"),
            "response 204 'No Content' 1.1 none\nend, persistent\n");
  EXPECT_EQ(responses("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
            "response 204 'No Content' 1.1 [Content-Length=0] none\nend, persistent\n");
}

TEST(ResponseReader, ReadsInterimResponsesBeforeTheFinalOne) {
  EXPECT_EQ(responses("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            "interim 100 'Continue' 1.1 none\ninterim 103 'Early Hints' 1.1 [Link=a] none\n"
            "response 200 'OK' 1.1 [Content-Length=0] length 0\nend, persistent\n");
}

TEST(ResponseReader, BoundsInterimResponses) {
  std::string input;
  for (std::size_t i = 0; i < limits::kInterimResponses; ++i) input += "HTTP/1.1 100 C\r\n\r\n";
  ResponseReader fits;
  ASSERT_TRUE(fits.expect({}));
  std::vector<HttpEvent> events;
  EXPECT_EQ(fits.feed(input + "HTTP/1.1 204 N\r\n\r\n", events), input.size() + 18);
  EXPECT_TRUE(std::holds_alternative<MessageEnd>(events.back()));
  ResponseReader endless;
  ASSERT_TRUE(endless.expect({}));
  (void)endless.feed(input + "HTTP/1.1 100 C\r\n\r\n", events);
  EXPECT_EQ(std::get<HttpFault>(events.back()),
            (HttpFault{HttpError::TooManyInterim, input.size()}));
}

TEST(ResponseReader, MatchesPipelinedAnswersToTheirRequests) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ncd",
                      {{}, {.head = true}, {}}),
            "response 200 'OK' 1.1 [Content-Length=2] length 2\nbody 'ab'\nend, persistent\n"
            "response 200 'OK' 1.1 [Content-Length=2] none\nend, persistent\n"
            "response 200 'OK' 1.1 [Content-Length=2] length 2\nbody 'cd'\nend, persistent\n");
}

TEST(ResponseReader, RefusesAnAnswerToNoRequest) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nH"),
            "response 200 'OK' 1.1 [Content-Length=0] length 0\nend, persistent\n"
            "fault at 38: response without request\n");
  EXPECT_EQ(responses("", {}), "");
}

TEST(ResponseReader, BoundsThePipeline) {
  ResponseReader reader;
  for (std::size_t i = 0; i < limits::kPipelined; ++i) ASSERT_TRUE(reader.expect({}));
  EXPECT_FALSE(reader.expect({}));
  EXPECT_EQ(reader.owed(), limits::kPipelined);
}

TEST(ResponseReader, EndsInATunnelAfterUpgradeOrConnect) {
  for (const auto& [expected, head] :
       {std::pair<Expectation, std::string>{{.upgrade = true},
                                            "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"},
        {{.connect = true}, "HTTP/1.1 200 Established\r\n\r\n"},
        {{.connect = true}, "HTTP/1.1 204 Established\r\nContent-Length: 0\r\n\r\n"}}) {
    ResponseReader reader;
    ASSERT_TRUE(reader.expect(expected));
    std::vector<HttpEvent> events;
    EXPECT_EQ(reader.feed(head + "\x81\x05hello", events), head.size());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<ResponseStart>(events[0]).framing.kind, Framing::Kind::Tunnel);
    EXPECT_TRUE(reader.tunnel());
    reader.end_of_input(events);
    EXPECT_EQ(events.size(), 1U);
  }
  EXPECT_EQ(responses("HTTP/1.1 101 Switching\r\n\r\n"), "fault at 0: upgrade not asked for\n");
  EXPECT_EQ(responses("HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\na", {{.connect = true}}),
            "response 407 'No' 1.1 [Content-Length=1] length 1\nbody 'a'\nend, persistent\n");
}

TEST(ResponseReader, SaysWhereAnInputEndedEarly) {
  EXPECT_EQ(responses(""), "fault at 0: ended early\n");
  EXPECT_EQ(responses("HTTP/1.1 100 C\r\n\r\n"),
            "interim 100 'C' 1.1 none\nfault at 18: ended early\n");
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"),
            "response 200 'OK' 1.1 [Transfer-Encoding=chunked] chunked\nbody 'ab'\n"
            "fault at 57: ended early\n");
}

TEST(ChunkWriter, WritesWhatTheReaderReads) {
  std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::size_t head = out.size();
  encode_chunk("hello, world, hello", out);
  encode_chunk("", out);
  encode_chunk("!", out);
  encode_last_chunk("X: y\r\n\r\n", out);
  EXPECT_EQ(out.substr(head), "13\r\nhello, world, hello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n");
  EXPECT_EQ(responses(out),
            "response 200 'OK' 1.1 [Transfer-Encoding=chunked] chunked\n"
            "body 'hello, world, hello!'\ntrailers [X=y]\nend, persistent\n");
  std::string last;
  encode_last_chunk({}, last);
  EXPECT_EQ(last, "0\r\n\r\n");
}

}  // namespace
}  // namespace veilwire::wire
