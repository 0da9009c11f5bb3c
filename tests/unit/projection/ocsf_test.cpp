#include "userspace/projection/ocsf.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"

#include <set>

#include <gtest/gtest.h>

// That events hold to the published schema is shown by tests/projection/ocsf_test.py.

namespace veilwire::projection {
namespace {

const Source kSource{.version = "0.1.0", .host_id = "3f6c1d0e", .host_name = "ws-17"};

std::vector<Value> of(std::vector<audit::Body> bodies, Level level) {
  std::vector<Value> out;
  for (const std::string& line : ocsf_lines(as_exchange(std::move(bodies)), kSource, level)) {
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    out.push_back(*parse_json(line));
  }
  return out;
}

std::vector<std::uint64_t> classes(const std::vector<Value>& events) {
  std::vector<std::uint64_t> out;
  out.reserve(events.size());
  for (const Value& event : events) out.push_back(*number_of(member(event, "class_uid")));
  return out;
}

const Value& at(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* here = &value;
  for (const std::string_view name : path) here = &member(*here, name);
  return *here;
}

TEST(Ocsf, AnExchangeIsACallAndWhatWasFound) {
  EXPECT_EQ(classes(of(model_call(), Level::Masked)),
            (std::vector<std::uint64_t>{6003, 2006, 2006}));
  EXPECT_EQ(classes(of(blocked_call(), Level::Masked)),
            (std::vector<std::uint64_t>{6003, 2006, 3002, 0}));
  EXPECT_EQ(classes(of(blocked_call(), Level::Findings)),
            (std::vector<std::uint64_t>{2006, 3002, 0}));
  EXPECT_TRUE(of({sample_head("generic", "/"), sample_close()}, Level::Findings).empty());
}

TEST(Ocsf, ACallSaysWhoAskedWhomForWhat) {
  const Value event = of(model_call(), Level::Metadata)[0];
  EXPECT_EQ(number_of(member(event, "type_uid")), 600301U);
  EXPECT_EQ(text_of(at(event, {"actor", "user", "name"})), "Ada Lovelace");
  EXPECT_EQ(number_of(at(event, {"actor", "process", "pid"})), 4321U);
  EXPECT_EQ(text_of(at(event, {"api", "operation"})), "POST /v1/messages");
  EXPECT_EQ(text_of(at(event, {"dst_endpoint", "hostname"})), "api.anthropic.com");
  EXPECT_EQ(text_of(at(event, {"ai_model", "name"})), "claude-sonnet-4-5");
  EXPECT_EQ(number_of(at(event, {"message_context", "prompt_tokens"})), 18683U);
  EXPECT_EQ(number_of(member(event, "action_id")), 4U);
  EXPECT_EQ(number_of(member(event, "status_id")), 1U);
  EXPECT_EQ(number_of(member(event, "time")), 1'795'456'800'148U);
  EXPECT_EQ(number_of(member(of(blocked_call(), Level::Metadata)[0], "disposition_id")), 2U);
}

TEST(Ocsf, BodiesAreThereWhereTheyMayBe) {
  EXPECT_EQ(text_of(at(of(model_call(), Level::Masked)[0], {"api", "request", "data", "content"})),
            golden("json/anthropic_request.json"));
  for (const Level level : {Level::Metadata, Level::Findings}) {
    for (const Value& event : of(model_call(), level)) {
      const std::string all = to_json(event);
      for (const char* said : {"list files", "write that file", "a-query-text", "value of a field"})
        EXPECT_EQ(all.find(said), std::string::npos) << said;
    }
  }
}

TEST(Ocsf, AFindingIsOneOfASecret) {
  const std::vector<Value> events = of(model_call(), Level::Masked);
  EXPECT_EQ(text_of(at(events[2], {"finding_info", "analytic", "name"})), "aws-access-key-id");
  EXPECT_EQ(number_of(at(events[2], {"data_security", "category_id"})), 6U);
  EXPECT_EQ(number_of(member(events[2], "count")), 2U);
  EXPECT_EQ(text_of(at(events[2], {"unmapped", "digest"})), "44556677");
  EXPECT_TRUE(is_null(at(of(model_call(), Level::Findings)[1], {"unmapped", "digest"})));
}

TEST(Ocsf, EveryEventHasAKeyOfItsOwn) {
  std::set<std::string> keys;
  std::size_t events = 0;
  for (const audit::Parsed& record : as_records(blocked_call())) {
    for (const std::string& line : ocsf_lines(record, kSource, Level::Masked)) {
      keys.emplace(text_of(at(*parse_json(line), {"metadata", "uid"})));
      ++events;
    }
  }
  for (const Value& event : of(blocked_call(), Level::Masked)) {
    keys.emplace(text_of(at(event, {"metadata", "uid"})));
    ++events;
  }
  EXPECT_EQ(keys.size(), events);
  EXPECT_TRUE(keys.count("3f6c1d0e-0123456789abcdef0123456789abcdef-1"));
}

TEST(Ocsf, EveryRecordIsSomethingAtEveryLevelThatTellsIt) {
  std::uint64_t seq = 0;
  for (const audit::Record& record : audit::sample_records()) {
    const audit::Parsed parsed = as_read(record, ++seq);
    EXPECT_FALSE(ocsf_lines(parsed, kSource, Level::Masked).empty()) << audit::kind(record);
    EXPECT_FALSE(ocsf_lines(parsed, kSource, Level::Metadata).empty()) << audit::kind(record);
  }
}

}  // namespace
}  // namespace veilwire::projection
