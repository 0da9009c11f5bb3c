#include "tests/unit/audit/sample_records.h"

#include <array>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace veilwire::audit {
namespace {

// The bytes of each kind, one record a line. A change of this file is a change of the format: what
// is stored in the field was hashed as it stands here, so such a change needs a new kRecordVersion.
TEST(Canonical, WritesEveryKindAsTheGoldenFileHasIt) {
  std::ifstream in(VEILWIRE_SOURCE_DIR "/tests/golden/audit/records.jsonl", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(in), {}};
  std::string written;
  std::uint64_t seq = 0;
  for (const Record& record : sample_records()) {
    written += canonical(record, "0123456789abcdef0123456789abcdef", ++seq) + "\n";
  }
  EXPECT_EQ(written, golden);
}

TEST(Canonical, KeepsTimeBeforeTheEpochAndDropsNoNanosecondOfIt) {
  Record record = sample(UpstreamError{.reason = "x"});
  record.time.wall.since_epoch = std::chrono::nanoseconds(-1);
  record.time.mono.since_start = std::chrono::nanoseconds(-1);
  const std::string bytes = canonical(record, "w", 1);
  EXPECT_NE(bytes.find(R"("t_wall_ns":"-1")"), std::string::npos) << bytes;
  EXPECT_NE(bytes.find(R"("t_mono_us":0)"), std::string::npos) << bytes;
}

}  // namespace
}  // namespace veilwire::audit
