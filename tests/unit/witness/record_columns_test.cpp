#include "agent/witness/record_columns.h"

#include "tests/unit/audit/sample_records.h"
#include "userspace/audit/canonical_json.h"

#include <gtest/gtest.h>

namespace veilwire::witness {
namespace {

TEST(RecordColumns, AreWhatARecordIsFoundBy) {
  for (const audit::Record& record : audit::sample_records()) {
    const auto parsed = audit::parse_record(audit::canonical(record, "0f", 1));
    ASSERT_TRUE(parsed);
    const RecordColumns columns = columns_of(*parsed);
    EXPECT_EQ(columns.kind, audit::kind(record));
    EXPECT_EQ(columns.host, record.context.host);
    EXPECT_EQ(columns.session, record.context.session);
    EXPECT_EQ(columns.exchange, record.context.exchange);
    EXPECT_EQ(columns.wall_ns, record.time.wall.since_epoch.count());
    const bool has_person = columns.kind == "request.head" || columns.kind == "identity.change";
    EXPECT_EQ(columns.person.has_value(), has_person) << columns.kind;
    if (const auto* head = std::get_if<audit::RequestHead>(&record.body)) {
      EXPECT_EQ(columns.person->subject, head->person.subject);
    }
  }
}

TEST(RecordColumns, SayThatTheyKnowNothingOfWhatIsNoRecord) {
  const RecordColumns columns = columns_of(std::nullopt);
  EXPECT_EQ(columns.kind, "unreadable");
  EXPECT_EQ(columns.host, "");
  EXPECT_FALSE(columns.person);
}

TEST(RecordColumns, HoldTextThatADatabaseTakes) {
  EXPECT_EQ(column_text("J\xc3\xb6rg"), "J\xc3\xb6rg");
  EXPECT_EQ(column_text(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(column_text(std::string_view("\xc3\xb6\0", 3)), "\xc3\xb6\\x00");
  EXPECT_EQ(column_text("a\xff\xc3\xb6"), "a\\xff\\xc3\\xb6");
  for (std::size_t before = 0; before < 4; ++before) {
    std::string text(before, 'x');
    while (text.size() < 2 * kColumnBytes) text += "\xf0\x9f\x98\x80";
    for (const std::string& each : {text, text + '\0', text + '\xff'}) {
      const std::string cut = column_text(each);
      EXPECT_LE(cut.size(), kColumnBytes);
      EXPECT_GT(cut.size(), kColumnBytes - 4);
      EXPECT_TRUE(audit::is_utf8(cut));
    }
  }
}

}  // namespace
}  // namespace veilwire::witness
