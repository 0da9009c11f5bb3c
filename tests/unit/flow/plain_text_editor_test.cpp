#include "tests/unit/flow/editor_harness.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

EditorContext of(std::string_view type) {
  return {.service = policy::Service::Generic,
          .media_type = type,
          .target = "/",
          .request_id = "",
          .mcp_method = ""};
}

TEST(PlainText, IsMaskedAsItStands) {
  const std::string text = "a \"sk-Abcdefgh01234567\" \\u0073k-x\r\n\xFF\x00 pin = \"1234\" sk-";
  EXPECT_EQ(run(of("text/plain"), text).bytes, masked(text));
  testing::every_split(text,
                       [](const testing::Pieces& pieces) { return run(of("text/plain"), pieces); });
}

TEST(PlainText, EndsEarlyWithTheNoticeOnALineOfItsOwn) {
  EXPECT_EQ(cut_short(of("text/plain"), "", "no"), "no\n");
  EXPECT_EQ(cut_short(of("text/plain"), "so far sk-A", "no"), "so far \n\nno\n");
}

TEST(PlainText, BlocksBeforeAByteOfIt) {
  const Outcome outcome = run(of("text/plain"), "a bk-Abcdefgh01234567 b");
  EXPECT_EQ(outcome.bytes, "a ");
  EXPECT_EQ(outcome.blocked, "refused 2");
}

TEST(MediaTypes, OfTextHaveAnEditorAndOthersNone) {
  for (const char* type :
       {"text/plain", "text/html", "text/csv", "application/xml", "image/svg+xml",
        "application/javascript", "application/x-www-form-urlencoded", "application/json",
        "application/problem+json", "application/x-ndjson", "application/x-jsonl",
        "text/event-stream", ""}) {
    EXPECT_NE(make_body_editor(of(type), engine()), nullptr) << type;
  }
  for (const char* type :
       {"image/png", "audio/wav", "application/zip", "application/octet-stream",
        "multipart/form-data", "application/vnd.amazon.eventstream", "application/pdf"}) {
    EXPECT_EQ(make_body_editor(of(type), engine()), nullptr) << type;
  }
}

}  // namespace
}  // namespace veilwire::flow
