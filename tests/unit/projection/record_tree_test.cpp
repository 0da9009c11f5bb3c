#include "userspace/projection/record_tree.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/tree_parts.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

// What is said in bodies, queries, values of fields and quotations of them.
const std::vector<std::string> kSaid = {
    "list files",         "ls -la",      "write that file",  "a-query-text",
    "a value of a field", "digest:0011", "careful assistant"};

std::vector<audit::Parsed> all_kinds() {
  std::vector<audit::Parsed> out;
  for (audit::Record& record : audit::sample_records())
    out.push_back(as_read(std::move(record), out.size() + 1));
  return out;
}

// Every member of a record is in its tree, under its name, but those that say nothing.
TEST(RecordTree, HoldsAllOfARecord) {
  for (const audit::Parsed& record : all_kinds()) {
    if (holds_originals(record.record)) continue;  // originals_test.cpp
    const Value canonical = *parse_json(audit::canonical(record.record, record.writer, record.seq));
    const Value tree = *record_tree(record, Level::Masked);
    for (const auto& [name, value] : std::get<Value::Members>(canonical.any())) {
      const Value& shown = member(tree, name);
      if (name == "fields" || name == "person" || name == "peer" || name == "masks") {
        EXPECT_FALSE(is_null(shown)) << name;
        continue;
      }
      EXPECT_EQ(shown, value) << audit::kind(record.record) << ' ' << name;
    }
  }
}

TEST(RecordTree, MetadataSaysNothingOfWhatWasSaid) {
  const std::vector<std::vector<audit::Body>> calls = {
      model_call(), blocked_call(),
      mcp_call("mcp/tools_call_request.json", "mcp/tools_call_result.json")};
  for (const auto& bodies : calls) {
    std::string masked, metadata, findings;
    for (const audit::Parsed& record : as_records(bodies)) {
      masked += to_json(*record_tree(record, Level::Masked));
      metadata += to_json(*record_tree(record, Level::Metadata));
      if (const auto tree = record_tree(record, Level::Findings)) findings += to_json(*tree);
    }
    metadata += to_json(*exchange_tree(as_exchange(bodies), Level::Metadata));
    if (const auto tree = exchange_tree(as_exchange(bodies), Level::Findings))
      findings += to_json(*tree);
    for (const std::string& said : kSaid) {
      EXPECT_EQ(metadata.find(said), std::string::npos) << said;
      EXPECT_EQ(findings.find(said), std::string::npos) << said;
    }
  }
}

TEST(RecordTree, FieldsKeepTypesAndSizes) {
  const audit::Fields fields = {{"Content-Type", "text/plain"}, {"X-A", "12345"}};
  EXPECT_EQ(to_json(fields_tree(fields, Level::Masked)),
            R"([{"name":"Content-Type","value":"text/plain"},{"name":"X-A","value":"12345"}])");
  EXPECT_EQ(to_json(fields_tree(fields, Level::Metadata)),
            R"([{"name":"Content-Type","value":"text/plain"},{"name":"X-A","bytes":5}])");
}

TEST(RecordTree, ANoteIsNeverCut) {
  const std::string note = "log\n7\nroot\n\n" + std::string(3 * kLongestText, 's');
  for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
    const Value tree =
        *record_tree(as_read(audit::sample(audit::Checkpoint{.note = note}, 0), 1), level);
    EXPECT_EQ(text_of(member(tree, "note")), note);
  }
}

TEST(RecordTree, AgesHaveAnEnd) {
  identity::Person person = audit::sample_person();
  person.confirmed_at = {std::chrono::nanoseconds::min() + std::chrono::nanoseconds(1)};
  const Value tree = person_tree(person, {std::chrono::nanoseconds::max()});
  EXPECT_EQ(number_of(member(tree, "age_ms")), 9'223'372'036'854U);
}

TEST(RecordTree, FindingsAreRuleCategoryAndCount) {
  const auto records = as_records(model_call());
  EXPECT_FALSE(body_tree(records[1].record, Level::Findings));
  EXPECT_EQ(to_json(*body_tree(records[4].record, Level::Findings)),
            R"({"findings":[{"direction":"","rule":"aws-access-key-id","category":"secret",)"
            R"("action":"mask","count":2,"bytes":40}]})");
  EXPECT_FALSE(exchange_tree(as_exchange({sample_close()}), Level::Findings));
  const Value tree = *exchange_tree(as_exchange(model_call()), Level::Findings);
  EXPECT_EQ(text_of(member(member(tree, "person"), "name")), "Ada Lovelace");
  EXPECT_EQ(text_of(member(tree, "decision")), "masked");
  EXPECT_TRUE(is_null(member(tree, "model")));
  EXPECT_TRUE(is_null(member(tree, "request")));
}

TEST(RecordTree, OfAWholeExchange) {
  const Value tree = *exchange_tree(as_exchange(model_call()), Level::Masked);
  EXPECT_EQ(text_of(member(tree, "kind")), "exchange");
  EXPECT_EQ(text_of(member(member(tree, "request"), "content")),
            golden("json/anthropic_request.json"));
  EXPECT_EQ(text_of(member(tree, "server_name")), "api.anthropic.com");
  EXPECT_EQ(text_of(member(tree, "outcome")), "complete");
  EXPECT_EQ(number_of(member(tree, "status")), 200U);
  const Value blocked = *exchange_tree(as_exchange(blocked_call()), Level::Masked);
  EXPECT_EQ(list_of(member(blocked, "gaps")).size(), 1U);
  EXPECT_EQ(list_of(member(blocked, "identity_changes")).size(), 1U);
}

}  // namespace
}  // namespace veilwire::projection
