#include "userspace/audit/head_digest.h"

#include "tests/unit/audit/sample_records.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::audit {
namespace {

TEST(HeadDigest, IsOfAllMembersButThePlace) {
  EXPECT_EQ(head_digest(R"({"a":1,"seq":7,"session":"s","writer":"w","z":[1,{"seq":2}]})"),
            crypto::sha256(R"({"a":1,"session":"s","z":[1,{"seq":2}]})"));
  EXPECT_EQ(head_digest(R"({"seq":7,"text":"\",\"seq\":8"})"),
            crypto::sha256(R"({"text":"\",\"seq\":8"})"));
  EXPECT_EQ(head_digest(R"({"seq":7})"), crypto::sha256("{}"));
}

TEST(HeadDigest, IsKnownBeforeARecordHasItsPlace) {
  std::set<crypto::Digest> seen;
  for (const Record& record : sample_records()) {
    EXPECT_EQ(head_digest(record), head_digest(canonical(record, std::string(32, 'a'), 12345)))
        << kind(record);
    seen.insert(head_digest(record));
  }
  EXPECT_EQ(seen.size(), sample_records().size());
}

TEST(HeadDigest, TellsExchangesAndTimesApart) {
  Record record = sample(ResponseHead{.status = 200, .fields = {}});
  const crypto::Digest digest = head_digest(record);
  ++record.context.exchange;
  EXPECT_NE(head_digest(record), digest);
  --record.context.exchange;
  record.time.wall.since_epoch += std::chrono::nanoseconds(1);
  EXPECT_NE(head_digest(record), digest);
}

TEST(HeadDigest, OfBytesThatAreNoRecordIsTheirOwn) {
  for (const char* bytes : {"", "{", "{}", "x", R"({"a":1)", R"({"a":1} )", R"({"a":1}{"b":2})"})
    EXPECT_EQ(head_digest(std::string_view(bytes)), crypto::sha256(bytes)) << bytes;
}

}  // namespace
}  // namespace veilwire::audit
