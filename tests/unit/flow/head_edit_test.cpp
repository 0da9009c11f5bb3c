#include "userspace/flow/head_edit.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/wire/http1_head.h"

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

wire::RequestHead head(std::string_view fields) {
  auto parsed =
      wire::parse_request_head("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n");
  EXPECT_TRUE(parsed);
  return std::move(parsed).value();
}

TEST(HopFields, StayWhereTheyMeanTheSameOnBothSides) {
  for (const char* fields : {"Connection: keep-alive\r\n", "connection:close\r\n",
                             "Keep-Alive: timeout=5\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
    wire::RequestHead h = head(fields);
    const std::string before = h.raw;
    remove_hop_fields(h, wire::UpgradeFields::Strip);
    EXPECT_EQ(h.raw, before);
  }
}

TEST(HopFields, LeaveWhereTheyConcernOneHop) {
  wire::RequestHead h =
      head("Connection: X-Mine, keep-alive\r\nX-Mine: 1\r\nTE: trailers\r\nX-Other: 2\r\n");
  remove_hop_fields(h, wire::UpgradeFields::Strip);
  EXPECT_FALSE(h.has("x-mine"));
  EXPECT_FALSE(h.has("te"));
  EXPECT_TRUE(h.has("x-other"));
}

TEST(HopFields, KeepTheFramingOfTheBody) {
  wire::RequestHead h = head("Transfer-Encoding: chunked\r\nTE: trailers\r\n");
  remove_hop_fields(h, wire::UpgradeFields::Strip);
  EXPECT_TRUE(h.lists("transfer-encoding", "chunked"));
}

TEST(RecordedFields, HoldNeitherCredentialsNorSecrets) {
  const auto ruleset = make_ruleset();
  ASSERT_NE(ruleset, nullptr);
  for (const auto& [name, value] : fields_for_record(
           head("Authorization: Bearer abcdefgh\r\nX-Note: KEY-12345678\r\nX-Plain: yes\r\n"),
           *ruleset)) {
    EXPECT_EQ(value.find("abcdefgh"), std::string::npos);
    EXPECT_EQ(value.find("KEY-12345678"), std::string::npos);
    if (name == "X-Plain") {
      EXPECT_EQ(value, "yes");
    }
  }
}

}  // namespace
}  // namespace veilwire::flow
