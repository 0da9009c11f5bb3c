#include "userspace/evidence/witness_message.h"

#include "userspace/audit/record.h"

#include <gmock/gmock.h>

namespace veilwire::evidence {
namespace {

using testing::ElementsAre;

constexpr const char* kOrigin = "veilwire/3f6c1d0e/00000001";

BatchError error_of(const std::string& bytes) { return parse_batch(bytes).error(); }

TEST(WitnessMessage, CarriesRecordsAsTheyAre) {
  BatchWriter out(kOrigin, 17);
  const std::string odd("\0\n\xff", 3);
  for (const std::string_view record :
       {std::string_view("{}"), std::string_view(), std::string_view(odd)})
    EXPECT_TRUE(out.add(record));
  EXPECT_EQ(out.records(), 3U);
  const auto batch = parse_batch(out.bytes());
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->origin, kOrigin);
  EXPECT_EQ(batch->first, 17U);
  EXPECT_THAT(batch->records, ElementsAre("{}", "", odd));
}

TEST(WitnessMessage, IsRefusedWhereverItIsCutButBetweenRecords) {
  BatchWriter out(kOrigin, 1);
  const std::size_t head = out.bytes().size();
  (void)out.add("first");
  (void)out.add("second");
  for (std::size_t size = 0; size < out.bytes().size(); ++size)
    EXPECT_EQ(parse_batch(out.bytes().substr(0, size)).has_value(), size == head + 9) << size;
}

TEST(WitnessMessage, IsRefusedWithAnotherHead) {
  const std::string record("\0\0\0\1x", 5);
  EXPECT_EQ(error_of("veilwire-records/2\nlog\n1\n" + record), BatchError::BadHead);
  for (const char* number : {"0", "01", "-1", "x", "", "9223372036854775807", "1 "})
    EXPECT_EQ(error_of("veilwire-records/1\nlog\n" + std::string(number) + "\n" + record),
              BatchError::BadHead)
        << number;
  for (const std::string& origin :
       {std::string(), std::string("a log"), std::string("l\xc3\xb6g"), std::string(300, 'a')})
    EXPECT_EQ(error_of("veilwire-records/1\n" + origin + "\n1\n" + record), BatchError::BadOrigin);
  EXPECT_EQ(error_of("veilwire-records/1\nlog\n1\n"), BatchError::Empty);
}

TEST(WitnessMessage, HasBounds) {
  BatchWriter out(kOrigin, 1);
  const std::string large(audit::kRecordBytes, 'x');
  while (out.add(large)) continue;
  EXPECT_EQ(out.records(), 7U);
  EXPECT_TRUE(parse_batch(out.bytes()));
  BatchWriter small(kOrigin, 1);
  while (small.add("")) continue;
  EXPECT_EQ(small.records(), kBatchRecords);
  EXPECT_TRUE(parse_batch(small.bytes()));
  EXPECT_EQ(error_of(small.bytes() + std::string(4, '\0')), BatchError::TooLarge);
  EXPECT_EQ(error_of("veilwire-records/1\nlog\n1\n" + std::string("\0\x10\0\1", 4) + large + "x"),
            BatchError::TooLarge);
  EXPECT_EQ(error_of(std::string(kBatchBytes + 1, 'x')), BatchError::TooLarge);
}

TEST(WitnessMessage, AnswersComeBackAsTheyWereGiven) {
  WitnessAnswer answer{.size = 9, .cosignature = {}, .error = {}, .record = 0};
  EXPECT_EQ(to_json(answer), "{\"size\":9}\n");
  answer.cosignature = {7, "\xe2\x80\x94 witness abc"};
  answer.error = "why";
  answer.record = 8;
  const auto read = parse_answer(to_json(answer));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size, 9U);
  EXPECT_EQ(read->cosignature->size, 7U);
  EXPECT_EQ(read->cosignature->line, answer.cosignature->line);
  EXPECT_EQ(read->error, "why");
  EXPECT_EQ(read->record, 8U);
}

TEST(WitnessMessage, AnswersThatAreNoneAreNone) {
  for (const char* text : {"", "x", "[]", "{\"size\":", "7"})
    EXPECT_FALSE(parse_answer(text)) << text;
  EXPECT_FALSE(parse_answer("{\"x\":\"" + std::string(kWitnessAnswerBytes, 'x') + "\"}"));
  for (const char* text : {"{}", "{\"size\":-1}", "{\"size\":1.5}", "{\"size\":\"7\"}",
                           "{\"size\":18446744073709551615}", "{\"size\":[[[7]]]}"}) {
    const auto read = parse_answer(text);
    ASSERT_TRUE(read) << text;
    EXPECT_FALSE(read->size) << text;
  }
  EXPECT_FALSE(parse_answer("{\"cosignature\":\"x\"}")->cosignature);
  EXPECT_EQ(parse_answer("{\"size\":3,\"later\":{\"a\":[1]}}")->size, 3U);
}

}  // namespace
}  // namespace veilwire::evidence
