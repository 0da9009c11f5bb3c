#include "agent/host/local_socket.h"
#include "agent/host/protocol/delivery.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

constexpr std::uint64_t kBehindAll = kDeliveryLastRecord + 1;

std::vector<DeliveryRequest> requests() {
  return {Attach{"otlp", "https://collector.example:4318"},
          Attach{"0.a-b_c", ""},
          Read{1, 1},
          Read{kBehindAll, kDeliveryAnswer},
          ReadExchange{"00112233445566ff", 0, 1, 7},
          ReadExchange{"00112233445566ff", kDeliveryLastRecord, 9, kDeliveryAnswer},
          Confirm{.next = 1, .dead = {}, .cosigned = {}},
          Confirm{.next = 9, .dead = {{1, "400"}, {8, ""}}, .cosigned = Cosigned{8, "x"}},
          Rewind{"witness", kBehindAll},
          AskLog{}};
}
std::vector<DeliveryAnswer> answers() {
  return {Attached{},
          Attached{5, 3, kDeliveryLastRecord},
          Piece{1, 1, 0, "a"},
          Piece{kDeliveryLastRecord, kDeliveryRecord, 4, "abcd"},
          End{0, 0},
          End{kBehindAll, kDeliveryLastRecord},
          Refused{DeliveryError::Deleted, "before record 7"},
          Refused{kLastDeliveryError, ""},
          LogName{"veilwire/3f6c1d0e/00000001"},
          LogName{std::string(kLogOrigin, 'a')}};
}

TEST(DeliveryProtocol, RequestsAndAnswersComeBackAsTheyWereSaid) {
  for (const DeliveryRequest& request : requests())
    EXPECT_EQ(decode_delivery_request(*encode(request)), request);
  for (const DeliveryAnswer& answer : answers())
    EXPECT_EQ(decode_delivery_answer(*encode(answer)), answer);
}

TEST(DeliveryProtocol, EveryCutAndEveryByteMoreIsRefused) {
  for (const DeliveryRequest& request : requests()) {
    const std::string whole = *encode(request);
    for (std::size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(decode_delivery_request(whole.substr(0, n))) << n;
    EXPECT_FALSE(decode_delivery_request(whole + '\0'));
    EXPECT_FALSE(decode_delivery_answer(whole));
  }
  for (const DeliveryAnswer& answer : answers()) {
    const std::string whole = *encode(answer);
    for (std::size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(decode_delivery_answer(whole.substr(0, n))) << n;
    EXPECT_FALSE(decode_delivery_answer(whole + '\0'));
    EXPECT_FALSE(decode_delivery_request(whole));
  }
}

TEST(DeliveryProtocol, WhatIsOutOfBoundsIsNotSaid) {
  const std::vector<DeliveryRequest> wrong = {
      Attach{"", ""},
      Attach{"-a", ""},
      Attach{"A", ""},
      Attach{std::string(kSinkName + 1, 'a'), ""},
      Attach{"a", "\n"},
      Attach{"a", std::string(kSinkDestination + 1, 'a')},
      Read{0, 1},
      Read{kBehindAll + 1, 1},
      Read{1, 0},
      Read{1, kDeliveryAnswer + 1},
      ReadExchange{"", 0, 1, 1},
      ReadExchange{"0011223344556677889", 0, 1, 1},
      ReadExchange{"00112233445566FF", 0, 1, 1},
      ReadExchange{"00112233445566ff", kBehindAll, 1, 1},
      Confirm{.next = 0, .dead = {}, .cosigned = {}},
      Confirm{.next = 2, .dead = {{2, ""}}, .cosigned = {}},
      Confirm{.next = 3, .dead = {{2, ""}, {1, ""}}, .cosigned = {}},
      Confirm{.next = 3, .dead = {{1, ""}, {1, ""}}, .cosigned = {}},
      Confirm{.next = 3, .dead = {{0, ""}}, .cosigned = {}},
      Confirm{.next = 3, .dead = {{1, "\t"}}, .cosigned = {}},
      Confirm{.next = 3, .dead = {{1, std::string(kDeadReason + 1, 'a')}}, .cosigned = {}},
      Confirm{.next = 3, .dead = {}, .cosigned = Cosigned{3, "x"}},
      Confirm{.next = 3, .dead = {}, .cosigned = Cosigned{0, "x"}},
      Confirm{.next = 3, .dead = {}, .cosigned = Cosigned{2, ""}},
      Confirm{.next = 3, .dead = {}, .cosigned = Cosigned{2, "a\nb"}},
      Rewind{"a", 0}};
  for (const DeliveryRequest& request : wrong) EXPECT_FALSE(encode(request)) << request.index();
  const std::vector<DeliveryAnswer> wrong_answers = {
      Attached{0, 1, 1},
      Attached{1, 0, 1},
      Attached{1, 1, kBehindAll},
      Piece{0, 1, 0, "a"},
      Piece{1, 0, 0, "a"},
      Piece{1, 1, 0, ""},
      Piece{1, 2, 2, "a"},
      Piece{1, 2, 0xffffffff, "a"},
      Piece{1, kDeliveryRecord + 1, 0, "a"},
      Piece{1, kDeliveryRecord, 0, std::string(kDeliveryPiece + 1, 'a')},
      End{kBehindAll + 1, 0},
      End{1, kBehindAll},
      LogName{""},
      LogName{"a\nb"},
      LogName{std::string(kLogOrigin + 1, 'a')},
      Refused{DeliveryError::InUse, "\n"},
      Refused{static_cast<DeliveryError>(static_cast<int>(kLastDeliveryError) + 1), ""}};
  for (const DeliveryAnswer& answer : wrong_answers) EXPECT_FALSE(encode(answer)) << answer.index();
}

TEST(DeliveryProtocol, TheLargestMessagesFitASocket) {
  Confirm confirm{.next = kDeadLetters + 1, .dead = {}, .cosigned = Cosigned{1, ""}};
  confirm.cosigned->line.assign(kCosignature, 'a');
  for (std::uint64_t record = 1; record <= kDeadLetters; ++record)
    confirm.dead.push_back({record, std::string(kDeadReason, 'a')});
  EXPECT_TRUE(encode(DeliveryRequest(confirm)));
  confirm.next = kDeadLetters + 2;
  confirm.dead.push_back({kDeadLetters + 1, ""});
  EXPECT_FALSE(encode(DeliveryRequest(confirm)));
  const Piece piece{1, kDeliveryRecord, 0, std::string(kDeliveryPiece, 'a')};
  const auto bytes = encode(DeliveryAnswer(piece));
  ASSERT_TRUE(bytes);
  EXPECT_LE(bytes->size(), kLocalMessage);
  EXPECT_EQ(decode_delivery_answer(*bytes), DeliveryAnswer(piece));
}

TEST(DeliveryProtocol, AnotherVersionIsRefused) {
  std::string message = *encode(DeliveryRequest(Read{}));
  ++message[4];
  EXPECT_FALSE(decode_delivery_request(message));
}

}  // namespace
}  // namespace veilwire::host::protocol
