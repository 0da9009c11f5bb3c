// No byte of a sealed original leaves in a projection of any level, of a record or of an exchange.
#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/crypto/encoding.h"
#include "userspace/projection/har.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/jsonl.h"
#include "userspace/projection/ocsf.h"
#include "userspace/projection/otel_event.h"
#include "userspace/projection/otlp.h"
#include "userspace/projection/record_tree.h"
#include "userspace/projection/syslog.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

constexpr Level kAllLevels[] = {Level::Masked, Level::Metadata, Level::Findings};
const Source kFrom{.version = "1", .host_id = "h", .host_name = "host"};
const std::string kSealed = "what only an auditor can open";
const std::string kWrapped = "the key that opens it, wrapped";

audit::OriginalKey key() {
  return {
      .key_id = "00ff00ff", .recipients = {{"CN=Anna", "CN=Root", "01", "a1b2"}}, .cms = kWrapped};
}
audit::OriginalChunk chunk(std::string direction) {
  return {.direction = std::move(direction),
          .key_id = "00ff00ff",
          .head = "aa11aa11",
          .index = 0,
          .last = true,
          .content = kSealed};
}

std::vector<audit::Body> call_with(audit::Body request, audit::Body response) {
  std::vector<audit::Body> bodies = model_call();
  bodies.insert(bodies.begin() + 2, std::move(request));
  bodies.insert(bodies.end() - 1, std::move(response));
  return bodies;
}

std::string otlp(const std::optional<Event>& event) {
  if (!event) return {};
  OtlpRequest request(kFrom);
  EXPECT_EQ(request.add(*event), OtlpRequest::Added::Yes);
  return request.finish();
}

template <class What>
std::string everything(const What& what, Level level) {
  std::string out = otlp(event_of(what, level));
  for (const std::string& line : ocsf_lines(what, kFrom, level)) out += line;
  return out + syslog_message(what, kFrom, level).value_or("");
}

void expect_nothing_sealed(const std::string& out) {
  for (const std::string& sealed : {kSealed, kWrapped}) {
    EXPECT_EQ(out.find(sealed), std::string::npos) << out;
    // Without what base64 makes of the last bytes, which depends on where a text ends.
    const std::string encoded = crypto::base64_encode(sealed);
    EXPECT_EQ(out.find(encoded.substr(0, encoded.size() - 4)), std::string::npos) << out;
  }
  EXPECT_EQ(out.find("aa11aa11"), std::string::npos) << out;
}

TEST(Originals, OfAChunkItIsToldThatItIsThere) {
  const audit::Record record = audit::sample(chunk("request"));
  const std::string canonical = audit::canonical(record, kSampleWriter, 7);
  for (const Level level : {Level::Masked, Level::Metadata}) {
    const auto line = jsonl(canonical, as_read(record, 7), level);
    ASSERT_TRUE(line);
    expect_nothing_sealed(*line + everything(as_read(record, 7), level));
    EXPECT_TRUE(event_of(as_read(record, 7), level));
    EXPECT_EQ(ocsf_lines(as_read(record, 7), kFrom, level).size(), 1U);
    EXPECT_TRUE(syslog_message(as_read(record, 7), kFrom, level));
    Value wanted = envelope(as_read(record, 7));
    wanted.add("direction", Value::text("request"))
        .add("key_id", Value::text("00ff00ff"))
        .add("index", Value::integer(0))
        .add("last", Value::boolean(true))
        .add("content_bytes", Value::number(kSealed.size()));
    EXPECT_EQ(*line, to_json(wanted) + '\n');
  }
  EXPECT_EQ(everything(as_read(record, 7), Level::Findings), "");
  EXPECT_FALSE(jsonl(canonical, as_read(record, 7), Level::Findings));
}

TEST(Originals, OfAKeyItIsToldWhoHasIt) {
  const audit::Record record = audit::sample(key(), 0);
  const std::string canonical = audit::canonical(record, kSampleWriter, 7);
  for (const Level level : {Level::Masked, Level::Metadata}) {
    const auto line = jsonl(canonical, as_read(record, 7), level);
    ASSERT_TRUE(line);
    expect_nothing_sealed(*line + everything(as_read(record, 7), level));
    const Value tree = *parse_json(*line);
    EXPECT_EQ(text_of(member(tree, "key_id")), "00ff00ff");
    const auto& recipients = list_of(member(tree, "recipients"));
    ASSERT_EQ(recipients.size(), 1U);
    EXPECT_EQ(text_of(member(recipients[0], "subject")), "CN=Anna");
    EXPECT_EQ(text_of(member(recipients[0], "issuer")), "CN=Root");
    EXPECT_EQ(text_of(member(recipients[0], "serial")), "01");
    EXPECT_EQ(text_of(member(recipients[0], "fingerprint")), "a1b2");
  }
  EXPECT_EQ(everything(as_read(record, 7), Level::Findings), "");
  EXPECT_FALSE(jsonl(canonical, as_read(record, 7), Level::Findings));
}

TEST(Originals, AnExchangeIsToldAsIfItHadNone) {
  const Exchange with = as_exchange(call_with(chunk("request"), chunk("response")));
  // What takes as much time and says as little.
  const Exchange without = as_exchange(call_with(audit::SessionClose{}, audit::SessionClose{}));
  for (const Level level : kAllLevels) {
    EXPECT_EQ(jsonl(with, level), jsonl(without, level));
    const std::string out = everything(with, level);
    EXPECT_EQ(out, everything(without, level));
    expect_nothing_sealed(out);
  }
  EXPECT_EQ(har_entry(with, Level::Masked), har_entry(without, Level::Masked));
}

}  // namespace
}  // namespace veilwire::projection
