// Messages that two recipients would delimit or route differently. Each must be refused, whatever
// the cut of the input, and with the reason that names the trick: a refusal by accident would not
// survive the next change.
#include "tests/unit/wire/http_events.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

// The last line of the log: a refused message ends in a fault.
std::string last_line(const std::string& log) {
  const std::size_t begin = log.rfind('\n', log.size() - 2);
  return log.substr(begin == std::string::npos ? 0 : begin + 1);
}

std::string refused_for(const std::string& log) {
  const std::string line = last_line(log);
  const std::size_t colon = line.find(": ");
  if (line.rfind("fault", 0) != 0 || colon == std::string::npos) return "not refused: " + log;
  return line.substr(colon + 2, line.size() - colon - 3);
}

// A request with these field lines behind Host, and what follows its head.
std::string post(const std::string& fields, const std::string& rest = "") {
  return refused_for(requests("POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + rest));
}

std::string answer(const std::string& fields, const std::string& rest = "") {
  return refused_for(responses("HTTP/1.1 200 OK\r\n" + fields + "\r\n" + rest));
}

std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

std::string request(const std::string& text) { return refused_for(requests(text)); }

TEST(Smuggling, LengthBesideCoding) {
  const std::string reason = "Content-Length with Transfer-Encoding";
  EXPECT_EQ(post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), reason);
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\nG"), reason);
  EXPECT_EQ(post("content-length: 0\r\nTRANSFER-ENCODING: chunked\r\n"), reason);
  EXPECT_EQ(post("Content-Length: 6\r\nTransfer-Encoding: xchunked\r\n"), reason);
  EXPECT_EQ(answer("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), reason);
}

TEST(Smuggling, RepeatedLengths) {
  const std::string reason = "repeated Content-Length";
  EXPECT_EQ(post("Content-Length: 5\r\nContent-Length: 6\r\n"), reason);
  EXPECT_EQ(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), reason);
  EXPECT_EQ(post("Content-Length: 5, 5\r\n", "hello"), reason);
  EXPECT_EQ(post("Content-Length: 5,6\r\n"), reason);
  EXPECT_EQ(post("Content-Length: ,5\r\n"), reason);
  EXPECT_EQ(answer("Content-Length: 5\r\ncontent-length: 5\r\n", "hello"), reason);
  EXPECT_EQ(answer("Content-Length: 5, 5\r\n", "hello"), reason);
}

TEST(Smuggling, LengthsThatAreNotDecimalDigits) {
  for (const char* value :
       {"", "+5", "-5", "0x5", "5 5", "5;", "5.0", "5e0", "1_0", "\"5\"", "\xD9\xA5", "5\t6"}) {
    EXPECT_EQ(post("Content-Length: " + std::string(value) + "\r\n", "hello"), "bad Content-Length")
        << value;
    EXPECT_EQ(answer("Content-Length: " + std::string(value) + "\r\n", "hello"),
              "bad Content-Length")
        << value;
  }
}

TEST(Smuggling, LengthsThatOverflow) {
  for (const char* value :
       {"9223372036854775808", "18446744073709551616", "18446744073709551621",
        "99999999999999999999999999", "00000000000000000000099999999999999999999"}) {
    EXPECT_EQ(post("Content-Length: " + std::string(value) + "\r\n"), "Content-Length too large")
        << value;
  }
  EXPECT_EQ(post("Content-Length: 9223372036854775807\r\n"), "ended early");
}

TEST(Smuggling, CodingsOtherThanOneChunked) {
  for (const char* value :
       {"", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,",
        ", chunked", "xchunked", "chunked;q=1", "chunk ed", "\"chunked\"", "chunked\t;",
        "\x0b"
        "chunked"}) {
    const std::string expected =
        value[0] == '\x0b' ? "control byte in head" : "transfer coding other than chunked";
    EXPECT_EQ(post("Transfer-Encoding: " + std::string(value) + "\r\n", "0\r\n\r\n"), expected)
        << value;
    EXPECT_EQ(answer("Transfer-Encoding: " + std::string(value) + "\r\n", "0\r\n\r\n"), expected)
        << value;
  }
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            "transfer coding other than chunked");
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n", "0\r\n\r\n"),
            "transfer coding other than chunked");
}

TEST(Smuggling, CodingsInHttp10) {
  EXPECT_EQ(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "Transfer-Encoding in HTTP/1.0");
  EXPECT_EQ(
      refused_for(responses("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
      "Transfer-Encoding in HTTP/1.0");
}

TEST(Smuggling, FieldNamesInDisguise) {
  EXPECT_EQ(post("Transfer-Encoding : chunked\r\n"), "white space before colon");
  EXPECT_EQ(post("Content-Length\t: 5\r\n"), "white space before colon");
  EXPECT_EQ(post(" Transfer-Encoding: chunked\r\n"), "folded field line");
  EXPECT_EQ(post("\tContent-Length: 5\r\n"), "folded field line");
  EXPECT_EQ(post("X: y\r\n Content-Length: 5\r\n"), "folded field line");
  EXPECT_EQ(post("Transfer-Encoding:\r\n chunked\r\n"), "folded field line");
  EXPECT_EQ(post("Content-Length\r\n"), "field line without colon");
  EXPECT_EQ(post(": chunked\r\n"), "bad field name");
  EXPECT_EQ(post("Transfer Encoding: chunked\r\n"), "bad field name");
  EXPECT_EQ(post("Transfer-Encoding\xC2\xA0: chunked\r\n"), "bad field name");
  EXPECT_EQ(post("\"Content-Length\": 5\r\n"), "bad field name");
  EXPECT_EQ(request("GET / HTTP/1.1\r\n Host: x\r\n\r\n"), "folded field line");
}

TEST(Smuggling, LineEndsInDisguise) {
  EXPECT_EQ(request("GET / HTTP/1.1\nHost: x\n\n"), "line ends in LF without CR");
  EXPECT_EQ(post("X: y\nContent-Length: 5\r\n"), "line ends in LF without CR");
  EXPECT_EQ(post("X: y\rContent-Length: 5\r\n"), "CR without LF");
  EXPECT_EQ(post("X: y\r\r\n"), "CR without LF");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: x\r\n\n"), "line ends in LF without CR");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: x\r\n\rGET"), "CR without LF");
  using namespace std::string_literals;
  EXPECT_EQ(post("X: y\0z\r\n"s), "control byte in head");
  EXPECT_EQ(post("X: y\x7fz\r\n"), "control byte in head");
  EXPECT_EQ(post("X: \x1bz\r\n"), "control byte in head");
  EXPECT_EQ(post("Content-Length: 5\0\r\n"s), "control byte in head");
}

TEST(Smuggling, StartLinesInDisguise) {
  EXPECT_EQ(request("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET /  HTTP/1.1\r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n"), "bad method");
  EXPECT_EQ(request(" GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "bad method");
  EXPECT_EQ(request("GE(T / HTTP/1.1\r\nHost: x\r\n\r\n"), "bad method");
  EXPECT_EQ(request("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET / HTTP/1.1 HTTP/1.0\r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET / http/1.1\r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET / HTTP/01.1\r\nHost: x\r\n\r\n"), "bad HTTP version");
  EXPECT_EQ(request("GET /\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET\r\n\r\n"), "bad method");
  EXPECT_EQ(request("GET /#f HTTP/1.1\r\nHost: x\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET /\xC3\xA9 HTTP/1.1\r\nHost: x\r\n\r\n"), "bad request target");
}

TEST(Smuggling, TwoNamesOfTheServer) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\n\r\n"), "missing Host");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "repeated Host");
  EXPECT_EQ(request("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"), "repeated Host");
  for (const char* host : {"", "a b", "a,b", "a/b", "u@a", "a:b", "a:65536", "a:1:2", "a:000080",
                           "[::1", "[::1]x", "[]", "[::g]", "a?b", "a#b", "a\\b", "::1"}) {
    EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), "bad Host")
        << host;
  }
  EXPECT_EQ(request("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "target and Host differ");
  EXPECT_EQ(request("GET https://a:444/ HTTP/1.1\r\nHost: a\r\n\r\n"), "target and Host differ");
  EXPECT_EQ(request("GET http://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n"), "target and Host differ");
  EXPECT_EQ(request("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"), "target and Host differ");
  EXPECT_EQ(request("CONNECT a:443 HTTP/1.1\r\nHost: a:444\r\n\r\n"), "target and Host differ");
  EXPECT_EQ(request("CONNECT a:8443 HTTP/1.1\r\nHost: a\r\n\r\n"), "target and Host differ");
  EXPECT_EQ(request("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
  EXPECT_EQ(request("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"), "bad request target");
}

TEST(Smuggling, ConnectionOptionsThatAreNoTokens) {
  EXPECT_EQ(post("Connection: 00 close\r\n"), "bad Connection");
  EXPECT_EQ(post("Connection: keep-alive\r\nConnection: \"close\"\r\n"), "bad Connection");
  EXPECT_EQ(answer("Connection: close;x\r\nContent-Length: 0\r\n"), "bad Connection");
}

TEST(Smuggling, BodiesWhereNoneCanBe) {
  const std::string reason = "framing fields where no body can be";
  EXPECT_EQ(request("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 5\r\n\r\nhello"),
            reason);
  EXPECT_EQ(request("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nTransfer-Encoding: chunked\r\n\r\n"),
            reason);
  EXPECT_EQ(refused_for(responses("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello")), reason);
  EXPECT_EQ(
      refused_for(responses("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
      reason);
  EXPECT_EQ(refused_for(responses("HTTP/1.1 100 C\r\nContent-Length: 5\r\n\r\nhello")), reason);
  EXPECT_EQ(refused_for(responses("HTTP/1.1 103 H\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
            reason);
  EXPECT_EQ(refused_for(responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                  {{.connect = true}})),
            reason);
  EXPECT_EQ(
      refused_for(responses("HTTP/1.1 101 S\r\nContent-Length: 5\r\n\r\n", {{.upgrade = true}})),
      reason);
}

TEST(Smuggling, ChunkSizesInDisguise) {
  for (const char* size : {"", "g", "0x5", "+5", "-5", " 5", "5g", "5,", "5\xC2\xA0", "_5"}) {
    EXPECT_EQ(chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n"), "bad chunk size") << size;
  }
  EXPECT_EQ(chunked("5 \r\nhello\r\n0\r\n\r\n"), "bad chunk extension");
  EXPECT_EQ(chunked("5\t\r\nhello\r\n0\r\n\r\n"), "bad chunk extension");
  EXPECT_EQ(chunked("5 5\r\nhello\r\n0\r\n\r\n"), "bad chunk extension");
  EXPECT_EQ(chunked("8000000000000000\r\n"), "chunk size too large");
  EXPECT_EQ(chunked("10000000000000005\r\nhello\r\n"), "chunk size too large");
  EXPECT_EQ(chunked("fffffffffffffffb\r\nhello\r\n"), "chunk size too large");
  EXPECT_EQ(chunked("7fffffffffffffff\r\n"), "ended early");
}

TEST(Smuggling, ChunkLinesInDisguise) {
  EXPECT_EQ(chunked("5\nhello\r\n0\r\n\r\n"), "line ends in LF without CR");
  EXPECT_EQ(chunked("5\rhello\r\n0\r\n\r\n"), "CR without LF");
  EXPECT_EQ(chunked("5;\nx\r\nhello\r\n0\r\n\r\n"), "line ends in LF without CR");
  EXPECT_EQ(chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), "CR without LF");
  for (const char* extension : {";", ";;", ";=", ";a=", ";a=;b", ";a=\"", ";a=\"x", ";a=\"x\"y",
                                ";a b", ";a=b c", ";a:b", ";a=\"\\", ";a ", "; "}) {
    EXPECT_EQ(chunked("5" + std::string(extension) + "\r\nhello\r\n0\r\n\r\n"),
              "bad chunk extension")
        << extension;
  }
  using namespace std::string_literals;
  EXPECT_EQ(chunked("5;a=\"\0\"\r\nhello\r\n0\r\n\r\n"s), "control byte in head");
}

TEST(Smuggling, ChunkEndsInDisguise) {
  EXPECT_EQ(chunked("5\r\nhelloX\r\n0\r\n\r\n"), "chunk does not end in CRLF");
  EXPECT_EQ(chunked("5\r\nhello\n0\r\n\r\n"), "chunk does not end in CRLF");
  EXPECT_EQ(chunked("5\r\nhello\rX0\r\n\r\n"), "chunk does not end in CRLF");
  EXPECT_EQ(chunked("4\r\nhello\r\n0\r\n\r\n"), "chunk does not end in CRLF");
  EXPECT_EQ(chunked("6\r\nhello\r\n0\r\n\r\n"), "chunk does not end in CRLF");
}

TEST(Smuggling, TrailersThatWouldChangeTheMessage) {
  for (const char* name :
       {"Content-Length", "transfer-encoding", "Host", "Authorization", "Content-Encoding",
        "Trailer", "Set-Cookie", "Content-Type", "Connection", "TE", "Expect"}) {
    EXPECT_EQ(chunked("0\r\nX: y\r\n" + std::string(name) + ": 5\r\n\r\n"), "forbidden trailer")
        << name;
  }
  EXPECT_EQ(chunked("0\r\nX : y\r\n\r\n"), "white space before colon");
  EXPECT_EQ(chunked("0\r\nX: y\n\r\n"), "line ends in LF without CR");
  EXPECT_EQ(chunked("0\r\n X: y\r\n\r\n"), "folded field line");
  EXPECT_EQ(chunked("0\r\nGET / HTTP/1.1\r\n\r\n"), "field line without colon");
  EXPECT_EQ(chunked("0\r\n\n"), "line ends in LF without CR");
}

TEST(Smuggling, AnswersThatNobodyAskedFor) {
  EXPECT_EQ(refused_for(
                responses("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n\r\n")),
            "response without request");
  EXPECT_EQ(
      refused_for(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", {{.head = true}})),
      "response without request");
  EXPECT_EQ(refused_for(responses("HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nhello")),
            "response without request");
}

TEST(Smuggling, StatusLinesInDisguise) {
  const auto status = [](const std::string& line) {
    return refused_for(responses(line + "\r\n\r\n"));
  };
  EXPECT_EQ(status("HTTP/1.1 200"), "bad status");
  EXPECT_EQ(status("HTTP/1.1 2000 OK"), "bad status");
  EXPECT_EQ(status("HTTP/1.1 20 OK"), "bad status");
  EXPECT_EQ(status("HTTP/1.1 099 OK"), "bad status");
  EXPECT_EQ(status("HTTP/1.1 +20 OK"), "bad status");
  EXPECT_EQ(status("HTTP/1.1  200 OK"), "bad status");
  EXPECT_EQ(status("HTTP/1.1\t200 OK"), "bad HTTP version");
  EXPECT_EQ(status("HTTP/2 200 OK"), "bad HTTP version");
  EXPECT_EQ(status("ICY 200 OK"), "bad HTTP version");
  EXPECT_EQ(status(" HTTP/1.1 200 OK"), "bad HTTP version");
  EXPECT_EQ(status(""), "bad HTTP version");
}

}  // namespace
}  // namespace veilwire::wire
