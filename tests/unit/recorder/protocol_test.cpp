#include "agent/host/protocol/recorder.h"
#include "userspace/audit/record.h"

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

static_assert(kRecorderRecord == audit::kRecordBytes);
static_assert(kRecorderLastSeq == audit::kLargestInteger);

std::string append(const RecorderAppend& message) {
  std::string out;
  encode(message, out);
  return out;
}

TEST(RecorderProtocol, GivesBackWhatWasEncoded) {
  WriterId id;
  for (std::uint8_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<std::uint8_t>(i * 17);
  EXPECT_EQ(to_hex(id), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(decode_hello(encode(RecorderHello{id}))->writer, id);

  const std::string bytes =
      append({.seq = kRecorderLastSeq, .total = 10, .offset = 4, .piece = "abc"});
  const auto piece = decode_append(bytes);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->seq, kRecorderLastSeq);
  EXPECT_EQ(piece->total, 10U);
  EXPECT_EQ(piece->offset, 4U);
  EXPECT_EQ(piece->piece, "abc");

  const auto ack = decode_ack(encode(RecorderAck{77, RecorderStatus::Failing}));
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->committed, 77U);
  EXPECT_EQ(ack->status, RecorderStatus::Failing);
}

TEST(RecorderProtocol, RefusesMessagesOfAnotherTypeVersionOrSize) {
  const std::string hello = encode(RecorderHello{});
  const std::string ack = encode(RecorderAck{});
  const std::string piece = append({.seq = 1, .total = 1, .offset = 0, .piece = "x"});
  EXPECT_FALSE(decode_hello(ack));
  EXPECT_FALSE(decode_ack(hello));
  EXPECT_FALSE(decode_append(hello));
  EXPECT_FALSE(decode_hello(piece));
  for (const std::string& message : {hello, ack, piece}) {
    for (std::size_t n = 0; n < message.size(); ++n) {
      const auto part = std::string_view(message).substr(0, n);
      EXPECT_FALSE(decode_hello(part) || decode_ack(part) || decode_append(part));
    }
    std::string other = message;
    other[0] ^= 2;
    EXPECT_FALSE(decode_hello(other) || decode_ack(other) || decode_append(other));
    other = message;
    other[4] ^= 1;
    EXPECT_FALSE(decode_hello(other) || decode_ack(other) || decode_append(other));
  }
  EXPECT_FALSE(decode_hello(hello + "x"));
  EXPECT_FALSE(decode_ack(ack + "x"));
}

TEST(RecorderProtocol, RefusesNumbersOutOfRange) {
  const auto refused = [](const RecorderAppend& message) {
    return !decode_append(append(message));
  };
  const std::string large(kRecorderPiece + 1, 'x');
  const std::string_view most = std::string_view(large).substr(1);
  EXPECT_FALSE(refused({.seq = 1, .total = kRecorderRecord, .offset = 0, .piece = most}));
  EXPECT_TRUE(refused({.seq = 0, .total = 1, .offset = 0, .piece = "x"}));
  EXPECT_TRUE(refused({.seq = kRecorderLastSeq + 1, .total = 1, .offset = 0, .piece = "x"}));
  EXPECT_TRUE(refused({.seq = 1, .total = 1, .offset = 0, .piece = ""}));
  EXPECT_TRUE(refused({.seq = 1, .total = 0, .offset = 0, .piece = "x"}));
  EXPECT_TRUE(refused({.seq = 1, .total = 2, .offset = 0, .piece = "abc"}));
  EXPECT_TRUE(refused({.seq = 1, .total = 4, .offset = 2, .piece = "abc"}));
  EXPECT_TRUE(refused({.seq = 1, .total = 4, .offset = 5, .piece = "a"}));
  EXPECT_TRUE(refused({.seq = 1, .total = 4, .offset = UINT32_MAX, .piece = "a"}));
  EXPECT_TRUE(refused({.seq = 1, .total = kRecorderRecord + 1, .offset = 0, .piece = "a"}));
  EXPECT_TRUE(refused({.seq = 1, .total = kRecorderRecord, .offset = 0, .piece = large}));
  EXPECT_FALSE(decode_ack(encode(RecorderAck{kRecorderLastSeq + 1, RecorderStatus::Ok})));
  EXPECT_FALSE(decode_ack(encode(RecorderAck{1, static_cast<RecorderStatus>(4)})));
}

}  // namespace
}  // namespace veilwire::host::protocol
