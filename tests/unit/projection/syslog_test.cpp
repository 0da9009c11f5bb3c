#include "userspace/projection/syslog.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"

#include <gtest/gtest.h>

// That messages are those of RFC 5424 is shown by tests/projection/syslog_test.py.

namespace veilwire::projection {
namespace {

const Source kSource{.version = "0.1.0", .host_id = "3f6c1d0e", .host_name = "ws-17"};

TEST(Syslog, NamesTheRecordAndTellsItAsJson) {
  const std::string gap = *syslog_message(
      as_read(audit::sample(audit::Gap{
                  .reason = "spliced", .detail = "connection", .action = "pass", .bytes = 7}),
              9),
      kSource, Level::Masked);
  EXPECT_EQ(gap,
            R"(<108>1 2026-11-23T18:00:00.123456Z ws-17 veilwire - gap [veilwire@32473 )"
            R"(host="3f6c1d0e" writer="0123456789abcdef0123456789abcdef" seq="9" )"
            R"(session="00c0ffee00c0ffee" exchange="1"] )"
            R"({"v":2,"kind":"gap","host":"3f6c1d0e","boot":"b00t","session":"00c0ffee00c0ffee",)"
            R"("exchange":1,"writer":"0123456789abcdef0123456789abcdef","seq":9,)"
            R"("t_wall_ns":"1795456800123456789","t_mono_us":5000001,"reason":"spliced",)"
            R"("action":"pass","bytes":7,"detail":"connection"})");
}

TEST(Syslog, ValuesOfStructuredDataAreEscaped) {
  audit::Record record = audit::sample(sample_close());
  record.context.session = "a\"b\\c]d\ne\xff";
  const std::string text = *syslog_message(as_read(record, 1), kSource, Level::Metadata);
  EXPECT_NE(text.find("session=\"a\\\"b\\\\c\\]d?e\xEF\xBF\xBD\""), std::string::npos) << text;
}

TEST(Syslog, WhatDoesNotFitIsToldWithLess) {
  const Exchange x = as_exchange(model_call());
  for (const std::size_t most : {std::size_t{0}, kLeastSyslogMessage, std::size_t{3000},
                                 kSyslogMessage, std::size_t{1} << 20U}) {
    for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
      const auto text = syslog_message(x, kSource, level, most);
      ASSERT_TRUE(text);
      EXPECT_LE(text->size(), std::max(most, kLeastSyslogMessage));
    }
  }
  const std::string all = *syslog_message(x, kSource, Level::Masked, std::size_t{1} << 20U);
  EXPECT_NE(all.find("list files"), std::string::npos);
  EXPECT_EQ(all.find("\"cut\""), std::string::npos);
  const std::string less = *syslog_message(x, kSource, Level::Masked, 4000);
  EXPECT_NE(less.find("aws-access-key-id"), std::string::npos);
  EXPECT_TRUE(less.ends_with(R"("cut":true})"));
  audit::RequestHead head = sample_head("generic", "/");
  head.fields.assign(100, {"a-field-with-a-long-name", "x"});
  EXPECT_TRUE(syslog_message(as_exchange({head}), kSource, Level::Metadata, 0)
                  ->ends_with(R"( {"cut":true})"));
  EXPECT_FALSE(syslog_message(as_exchange({sample_close()}), kSource, Level::Findings));
}

TEST(Syslog, SeveritiesFollowTheDecision) {
  EXPECT_TRUE(
      syslog_message(as_exchange(model_call()), kSource, Level::Findings)->starts_with("<109>1 "));
  EXPECT_TRUE(syslog_message(as_exchange(blocked_call()), kSource, Level::Findings)
                  ->starts_with("<108>1 "));
  EXPECT_TRUE(syslog_message(as_exchange({sample_close()}), kSource, Level::Masked)
                  ->starts_with("<110>1 "));
}

TEST(Syslog, HostileContentIsOneBoundedLine) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Hostile hostile(seed);
    audit::Record record = audit::sample(hostile.body());
    record.context = {.host = hostile.text(),
                      .boot = hostile.text(),
                      .session = hostile.text(),
                      .exchange = hostile.number()};
    const Source source{.version = {}, .host_id = {}, .host_name = hostile.text()};
    for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
      const auto text = syslog_message(as_read(record, 1), source, level);
      if (!text) continue;
      EXPECT_LE(text->size(), kSyslogMessage);
      EXPECT_EQ(text->find_first_of(std::string_view("\n\r\0", 3)), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace veilwire::projection
