#include "userspace/projection/jsonl.h"

#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/record_tree.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

TEST(Jsonl, ARecordThatIsShownWholeKeepsItsBytes) {
  for (const audit::Record& sample : audit::sample_records()) {
    if (holds_originals(sample)) continue;
    const std::string bytes = audit::canonical(sample, kSampleWriter, 7);
    EXPECT_EQ(jsonl(bytes, as_read(sample, 7), Level::Masked), bytes + "\n");
    const auto less = jsonl(bytes, as_read(sample, 7), Level::Metadata);
    ASSERT_TRUE(less);
    EXPECT_EQ(less->find('\n'), less->size() - 1);
  }
}

TEST(Jsonl, AnExchangeIsOneLine) {
  for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
    const auto line = jsonl(as_exchange(model_call()), level);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->find('\n'), line->size() - 1);
  }
  EXPECT_FALSE(jsonl(as_exchange({sample_close()}), Level::Findings));
}

}  // namespace
}  // namespace veilwire::projection
