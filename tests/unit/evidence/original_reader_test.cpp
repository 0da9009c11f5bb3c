#include "userspace/evidence/original_reader.h"

#include "userspace/audit/head_digest.h"
#include "userspace/crypto/encoding.h"
#include "userspace/sealing/body.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::evidence {
namespace {

using sealing::SealingError;
using sealing::SessionKey;

const std::string kWriter(32, 'a');

SessionKey session_key(char c = 'k') {
  return *SessionKey::from_bytes(Secret(std::string(sealing::kSessionKey, c)));
}

// A session with one exchange, whose request came in three pieces.
class OriginalReaderTest : public ::testing::Test {
 protected:
  OriginalReaderTest() {
    records.push_back(of(
        audit::OriginalKey{
            .key_id = crypto::hex_encode(session_key().id()), .recipients = {}, .cms = "wrapped"},
        0));
    audit::RequestHead fields;
    fields.fields = {{"Content-Encoding", "gzip, br"}};
    const audit::Record head = of(fields);
    records.push_back(head);
    sealing::BodySealer sealer(session_key(),
                               {.host = "host",
                                .writer = kWriter,
                                .session = "session",
                                .exchange = 1,
                                .direction = sealing::BodyDirection::Request},
                               audit::head_digest(head));
    for (const char* piece : {"one ", "two ", "three"}) {
      (void)sealer.write(piece);
      put(piece == std::string("three") ? sealer.finish() : *sealer.flush(), head);
    }
  }
  static audit::Record of(audit::Body body, std::uint64_t exchange = 1) {
    return {{"host", "boot", "session", exchange}, {}, std::move(body)};
  }
  void put(sealing::Chunk chunk, const audit::Record& head) {
    records.push_back(of(audit::OriginalChunk{.direction = "request",
                                              .key_id = crypto::hex_encode(session_key().id()),
                                              .head = crypto::hex_encode(audit::head_digest(head)),
                                              .index = chunk.index,
                                              .last = chunk.last,
                                              .content = std::move(chunk.bytes)}));
  }
  audit::OriginalChunk& chunk(std::size_t i) {
    return std::get<audit::OriginalChunk>(records.at(2 + i).body);
  }

  // "text|problem"
  std::string open(const OriginalReader::Unwrap& unwrap =
                       [](const sealing::WrappedKey& wrapped) -> Result<SessionKey, SealingError> {
    if (wrapped.cms != "wrapped") return Unexpected{SealingError::NotARecipient};
    return session_key();
  }) {
    std::string text;
    OriginalReader reader(unwrap,
                          [&](const OriginalBody&, std::string_view piece) { text += piece; });
    std::uint64_t seq = 0;
    for (const audit::Record& record : records) {
      const std::string bytes = audit::canonical(record, kWriter, ++seq);
      reader.add(*audit::parse_record(bytes), bytes);
    }
    bodies = reader.finish();
    return text + "|" + (bodies.empty() ? "no body" : bodies[0].problem.value_or(""));
  }

  std::vector<audit::Record> records;
  std::vector<OriginalBody> bodies;
};

TEST_F(OriginalReaderTest, OpensABodyAndSaysWhatItIs) {
  EXPECT_EQ(open(), "one two three|");
  ASSERT_EQ(bodies.size(), 1U);
  EXPECT_EQ(bodies[0].session, "session");
  EXPECT_EQ(bodies[0].exchange, 1U);
  EXPECT_EQ(bodies[0].direction, "request");
  EXPECT_EQ(bodies[0].bytes, 13U);
  EXPECT_EQ(bodies[0].chunks, 3U);
  EXPECT_EQ(bodies[0].codings, std::vector<std::string>{"gzip, br"});
}

TEST_F(OriginalReaderTest, SaysThatTheEndIsMissing) {
  records.pop_back();
  EXPECT_EQ(open(), "one two |the last chunk is missing");
}

TEST_F(OriginalReaderTest, SaysThatAChunkIsMissingOrOutOfOrder) {
  const audit::Record middle = records[3];
  records.erase(records.begin() + 3);
  EXPECT_EQ(open(), "one |chunk 1: a chunk is missing or out of order");
  records.push_back(middle);
  EXPECT_EQ(open(), "one |chunk 1: a chunk is missing or out of order");
  records.insert(records.begin() + 2, middle);
  EXPECT_EQ(open(), "|chunk 0: a chunk is missing or out of order");
}

TEST_F(OriginalReaderTest, SaysThatAChunkComesTwice) {
  records.push_back(records.back());
  EXPECT_EQ(open(), "one two three|chunk 3: a chunk stands behind the last one");
}

TEST_F(OriginalReaderTest, SaysThatAChunkWasChanged) {
  chunk(1).content[0] ^= 1;
  EXPECT_EQ(open(),
            "one |chunk 1: a chunk has been changed, or belongs to another body, head or key");
}

TEST_F(OriginalReaderTest, AnEndThatWasMadeOneIsNone) {
  records.pop_back();
  chunk(1).last = true;
  EXPECT_EQ(open(),
            "one |chunk 1: a chunk has been changed, or belongs to another body, head or key");
}

TEST_F(OriginalReaderTest, AHeadThatWasChangedHeadsNothing) {
  std::get<audit::RequestHead>(records[1].body).target = "/another";
  EXPECT_EQ(open(), "|its head is not the one that it was sealed under, or is missing");
  records.erase(records.begin() + 1);
  EXPECT_EQ(open(), "|its head is not the one that it was sealed under, or is missing");
}

TEST_F(OriginalReaderTest, AHeadOfAnotherExchangeOrDirectionIsNone) {
  chunk(0).direction = "response";
  EXPECT_EQ(open().substr(0, 12), "|its head is");
  for (std::size_t i = 2; i < records.size(); ++i) records[i].context.exchange = 2;
  EXPECT_EQ(open().substr(0, 12), "|its head is");
}

TEST_F(OriginalReaderTest, ChunksThatSayTheyAreOfAnotherBodyEndIt) {
  chunk(2).key_id = "00";
  EXPECT_EQ(open(), "one two |chunk 2: it says that it belongs to another body");
}

TEST_F(OriginalReaderTest, AKeyThatIsMissingOrForOthersIsSaid) {
  std::get<audit::OriginalKey>(records[0].body).cms = "for others";
  EXPECT_EQ(open(), "|it is wrapped for other auditors");
  EXPECT_TRUE(bodies[0].locked);
  records.erase(records.begin());
  EXPECT_EQ(open(), "|the key that it is sealed under is missing");
  EXPECT_FALSE(bodies[0].locked);
}

TEST_F(OriginalReaderTest, AnotherKeyOpensNothing) {
  EXPECT_EQ(open([](const sealing::WrappedKey&) -> Result<SessionKey, SealingError> {
              return session_key('x');
            }),
            "|chunk 0: a chunk has been changed, or belongs to another body, head or key");
}

TEST_F(OriginalReaderTest, RecordsWithoutOriginalsHaveNoBody) {
  records.resize(2);
  EXPECT_EQ(open(), "|no body");
}

}  // namespace
}  // namespace veilwire::evidence
