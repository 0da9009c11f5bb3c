// Lookup and edits on a head: every edit must leave all other bytes as they were and all spans
// right.
#include "userspace/wire/http.h"

#include "userspace/wire/http1_head.h"

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

RequestHead parse(std::string_view bytes) {
  auto head = parse_request_head(bytes);
  EXPECT_TRUE(head) << to_string(head.error().error);
  return head ? std::move(head).value() : RequestHead();
}

// What the spans say must be what a fresh reading of the edited bytes says.
void expect_spans_right(const RequestHead& head) {
  const RequestHead fresh = parse(head.raw);
  EXPECT_EQ(head.fields, fresh.fields);
  EXPECT_EQ(head.method(), fresh.method());
  EXPECT_EQ(head.target(), fresh.target());
}

constexpr std::string_view kOdd =
    "POST /v1/messages?beta=true HTTP/1.1\r\n"
    "hOsT:api.example\r\n"
    "X-Empty:\r\n"
    "Accept:   a/b,\tc/d ;q=0.5 \t\r\n"
    "accept: e/f\r\n"
    "X-Quoted: \"a,b\", \"c\\\",d\" ,, e\r\n"
    "\r\n";

TEST(Head, KeepsTheBytesAsTheyCame) {
  const RequestHead head = parse(kOdd);
  EXPECT_EQ(head.raw, kOdd);
  EXPECT_EQ(head.method(), "POST");
  EXPECT_EQ(head.target(), "/v1/messages?beta=true");
  ASSERT_EQ(head.fields.size(), 5U);
  EXPECT_EQ(head.name(head.fields[0]), "hOsT");
  EXPECT_EQ(head.value(head.fields[0]), "api.example");
  EXPECT_EQ(head.value(head.fields[1]), "");
  EXPECT_EQ(head.value(head.fields[2]), "a/b,\tc/d ;q=0.5");
}

TEST(Head, FindsFieldsWhateverTheirCase) {
  const RequestHead head = parse(kOdd);
  EXPECT_TRUE(head.has("HOST"));
  EXPECT_FALSE(head.has("Hos"));
  EXPECT_EQ(head.count("accept"), 2U);
  EXPECT_EQ(head.sole_value("host"), "api.example");
  EXPECT_EQ(head.sole_value("accept"), std::nullopt);
  EXPECT_EQ(head.sole_value("absent"), std::nullopt);
  EXPECT_EQ(head.value(*head.find("ACCEPT")), "a/b,\tc/d ;q=0.5");
  EXPECT_EQ(head.values("accept"), (std::vector<std::string_view>{"a/b,\tc/d ;q=0.5", "e/f"}));
}

TEST(Head, SplitsListsOverAllFieldsOfAName) {
  const RequestHead head = parse(kOdd);
  EXPECT_EQ(head.list("accept"), (std::vector<std::string_view>{"a/b", "c/d ;q=0.5", "e/f"}));
  EXPECT_EQ(head.list("x-quoted"), (std::vector<std::string_view>{"\"a,b\"", "\"c\\\",d\"", "e"}));
  EXPECT_TRUE(head.list("x-empty").empty());
  EXPECT_TRUE(head.lists("Accept", "E/F"));
  EXPECT_FALSE(head.lists("Accept", "c/d"));
}

TEST(HeadEdit, ReplacesAValueAndNothingElse) {
  RequestHead head = parse(kOdd);
  ASSERT_TRUE(replace_value(head, 2, "*/*"));
  std::string expected(kOdd);
  const std::string old = "a/b,\tc/d ;q=0.5";
  expected.replace(expected.find(old), old.size(), "*/*");
  EXPECT_EQ(head.raw, expected);
  expect_spans_right(head);
  ASSERT_TRUE(replace_value(head, 1, "a much longer value than nothing"));
  expect_spans_right(head);
  ASSERT_TRUE(replace_value(head, 0, head.value(head.fields[2])));
  expect_spans_right(head);
  EXPECT_EQ(head.value(head.fields[0]), "*/*");
}

TEST(HeadEdit, RemovesLinesAndNothingElse) {
  RequestHead head = parse(kOdd);
  EXPECT_EQ(remove_fields(head, "ACCEPT"), 2U);
  EXPECT_EQ(head.raw,
            "POST /v1/messages?beta=true HTTP/1.1\r\n"
            "hOsT:api.example\r\n"
            "X-Empty:\r\n"
            "X-Quoted: \"a,b\", \"c\\\",d\" ,, e\r\n"
            "\r\n");
  expect_spans_right(head);
  EXPECT_EQ(remove_fields(head, "absent"), 0U);
}

TEST(HeadEdit, AppendsBehindTheLastField) {
  RequestHead head = parse(kOdd);
  ASSERT_TRUE(append_field(head, "Via", "1.1 x"));
  EXPECT_EQ(head.raw, std::string(kOdd.substr(0, kOdd.size() - 2)) + "Via: 1.1 x\r\n\r\n");
  expect_spans_right(head);
  FieldSection trailers;
  ASSERT_TRUE(append_field(trailers, "Digest", "x"));
  EXPECT_EQ(trailers.raw, "Digest: x\r\n\r\n");
}

TEST(HeadEdit, SetsAFieldOnce) {
  RequestHead head = parse(kOdd);
  ASSERT_TRUE(set_field(head, "ACCEPT", "x"));
  EXPECT_EQ(head.values("accept"), std::vector<std::string_view>{"x"});
  ASSERT_TRUE(set_field(head, "Content-Length", "5"));
  EXPECT_EQ(head.sole_value("content-length"), "5");
  expect_spans_right(head);
}

TEST(HeadEdit, RefusesWhatWouldInjectALine) {
  RequestHead head = parse(kOdd);
  EXPECT_EQ(replace_value(head, 0, "a\r\nX: y").error(), HttpError::BadFieldValue);
  EXPECT_EQ(replace_value(head, 0, std::string_view("a\0b", 3)).error(), HttpError::BadFieldValue);
  EXPECT_EQ(append_field(head, "X", "a\nb").error(), HttpError::BadFieldValue);
  EXPECT_EQ(append_field(head, "X y", "a").error(), HttpError::BadFieldName);
  EXPECT_EQ(append_field(head, "", "a").error(), HttpError::BadFieldName);
  EXPECT_EQ(set_field(head, "X:", "a").error(), HttpError::BadFieldName);
  EXPECT_EQ(head.raw, kOdd);
}

TEST(HopByHop, RemovesWhatConcernsOneConnection) {
  RequestHead head = parse(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine, upgrade\r\nX-Mine: 1\r\n"
      "Keep-Alive: timeout=5\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nUpgrade: "
      "websocket\r\n"
      "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nX-Kept: 2\r\n\r\n");
  strip_hop_by_hop(head);
  EXPECT_EQ(head.raw, "GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 2\r\n\r\n");
  expect_spans_right(head);
}

TEST(HopByHop, KeepsAnUpgradeWhereAsked) {
  RequestHead head = parse(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n");
  strip_hop_by_hop(head, UpgradeFields::Keep);
  EXPECT_EQ(head.raw,
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  head = parse("GET / HTTP/1.1\r\nHost: a\r\ncOnnection:upGrade\r\nUpgrade: websocket\r\n\r\n");
  const std::string before = head.raw;
  strip_hop_by_hop(head, UpgradeFields::Keep);
  EXPECT_EQ(head.raw, before);
}

TEST(HopByHop, ConnectionCannotRemoveWhatTheMessageIsJudgedBy) {
  RequestHead head = parse(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, Content-Encoding, "
      "authorization\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\nAuthorization: x\r\n\r\n");
  strip_hop_by_hop(head);
  EXPECT_EQ(head.raw,
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n"
            "Authorization: x\r\n\r\n");
}

TEST(MakeResponseHead, WritesWhatTheReaderAccepts) {
  const auto made =
      make_response_head(451, "Unavailable For Legal Reasons",
                         {{"Content-Type", "application/json"}, {"Content-Length", "2"}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->raw,
            "HTTP/1.1 451 Unavailable For Legal Reasons\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n");
  const auto parsed = parse_response_head(made->raw);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->fields, made->fields);
  EXPECT_EQ(parsed->status, 451);
  EXPECT_EQ(made->reason(), "Unavailable For Legal Reasons");
  EXPECT_FALSE(make_response_head(99, "", {}));
  EXPECT_FALSE(make_response_head(200, "a\r\nb", {}));
  EXPECT_FALSE(make_response_head(200, "", {{"a b", ""}}));
}

TEST(HttpError, HasANameForEach) {
  for (int i = 0; i <= static_cast<int>(HttpError::EndedEarly); ++i) {
    EXPECT_NE(to_string(static_cast<HttpError>(i)), "unknown") << i;
  }
}

}  // namespace
}  // namespace veilwire::wire
