#include "userspace/projection/har.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"

#include <gtest/gtest.h>

// That entries hold to the specification is shown by tests/projection/har_test.py.

namespace veilwire::projection {
namespace {

Value entry(std::vector<audit::Body> bodies, Level level = Level::Masked) {
  return *parse_json(*har_entry(as_exchange(std::move(bodies)), level));
}

std::string url(const std::string& target, const std::string& host) {
  audit::RequestHead head = sample_head("generic", target);
  head.fields = {{"host", host}};
  return std::string(text_of(member(member(entry({head}), "request"), "url")));
}

TEST(Har, AnEntryHoldsBothSides) {
  const Value har = entry(model_call());
  const Value& request = member(har, "request");
  const Value& content = member(member(har, "response"), "content");
  EXPECT_EQ(text_of(member(har, "startedDateTime")), "2026-11-23T18:00:00.148456Z");
  EXPECT_EQ(text_of(member(request, "url")),
            "https://api.anthropic.com/v1/messages?beta=a-query-text");
  EXPECT_EQ(to_json(member(request, "queryString")), R"([{"name":"beta","value":"a-query-text"}])");
  EXPECT_EQ(text_of(member(member(request, "postData"), "text")),
            golden("json/anthropic_request.json"));
  EXPECT_EQ(text_of(member(content, "text")), golden("anthropic/tool_use.sse"));
  EXPECT_EQ(text_of(member(content, "mimeType")), "text/event-stream");
  EXPECT_EQ(to_json(member(member(har, "timings"), "wait")), "50");
  EXPECT_EQ(text_of(member(member(har, "_veilwire"), "decision")), "masked");
}

TEST(Har, MetadataHasSizesInPlaceOfTexts) {
  const std::string text = *har_entry(as_exchange(model_call()), Level::Metadata);
  for (const char* said : {"list files", "write that file", "a-query-text", "value of a field"})
    EXPECT_EQ(text.find(said), std::string::npos) << said;
  const Value har = *parse_json(text);
  EXPECT_EQ(number_of(member(member(har, "request"), "bodySize")),
            golden("json/anthropic_request.json").size());
  EXPECT_FALSE(har_entry(as_exchange(model_call()), Level::Findings));
  EXPECT_FALSE(har_entry(as_exchange({sample_close()}), Level::Masked));
}

TEST(Har, AddressesAreUrls) {
  EXPECT_EQ(url("/a?b=c d", "h"), "https://h/a?b=c%20d");
  EXPECT_EQ(url("/\xff\n\"", "h:8443"), "https://h:8443/%FF%0A%22");
  EXPECT_EQ(url("*", "h"), "https://h/*");
  EXPECT_EQ(url("https://other/x", "h"), "https://other/x");
  EXPECT_EQ(url("/", ""), "https://unknown.invalid/");
  EXPECT_EQ(url("/", "a/b@c"), "https://abc/");
  EXPECT_EQ(url("/", "]a:b:["), "https://ab/");
  EXPECT_EQ(url("https://other:81?x", "h"), "https://other:81/?x");
  EXPECT_EQ(url("https://[::1]:81/", "h"), "https://[::1]:81/");
  EXPECT_EQ(url("http://]/x", "h"), "https://unknown.invalid/x");
  audit::SessionOpen open = sample_session();
  open.server_name.clear();
  open.destination = "[2001:db8::7]:443";
  EXPECT_EQ(text_of(member(member(entry({open, sample_head("generic", "/")}), "request"), "url")),
            "https://[2001:db8::7]/");
}

TEST(Har, BytesThatAreNoTextAreBase64) {
  const Value har =
      entry({sample_head("generic", "/"), audit::ResponseHead{.status = 200, .fields = {}},
             audit::ResponseFragment{.offset = 0, .content = "\xff", .masks = {}}});
  const Value& content = member(member(har, "response"), "content");
  EXPECT_EQ(text_of(member(content, "text")), "/w==");
  EXPECT_EQ(text_of(member(content, "encoding")), "base64");
}

TEST(Har, AnAnswerThatNeverCameHasStatusZero) {
  const Value har = entry({sample_head("generic", "/"), sample_close("client left")});
  EXPECT_EQ(number_of(member(member(har, "response"), "status")), 0U);
}

TEST(Har, ADocumentIsBeginEntriesEnd) {
  const Source source{.version = "0.1.0", .host_id = "h", .host_name = {}};
  EXPECT_EQ(*parse_json(har_begin(source) + har_end()),
            *parse_json(R"({"log":{"version":"1.2","creator":{"name":"veilwire",)"
                        R"("version":"0.1.0"},"entries":[]}})"));
}

}  // namespace
}  // namespace veilwire::projection
