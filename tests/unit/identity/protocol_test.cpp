#include "agent/host/protocol/identity.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

const Monotonic kNow{std::chrono::seconds(1000)};

IdentityQuestion question() {
  IdentityQuestion q;
  q.id = 0x1122334455667788;
  q.peer = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, "HTTP Client"};
  return q;
}

IdentityAnswer known() {
  KnownPerson k;
  k.person.issuer = "local";
  k.person.subject = "1000";
  k.person.name = "alice as root";
  k.person.method = "local";
  k.person.groups = {"developers", "staff"};
  k.person.person_class = identity::PersonClass::Derived;
  k.valid_for = std::chrono::milliseconds(29'500);
  return {7, k};
}

TEST(IdentityProtocol, AQuestionComesBackAsItWasAsked) {
  const auto got = decode_identity_question(encode(question()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->id, question().id);
  const identity::Peer &a = got->peer, b = question().peer;
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.gid, b.gid);
  EXPECT_EQ(a.loginuid, b.loginuid);
  EXPECT_EQ(a.audit_session, b.audit_session);
  EXPECT_EQ(a.tgid, b.tgid);
  EXPECT_EQ(a.start_boottime_ns, b.start_boottime_ns);
  EXPECT_EQ(a.cgroup_id, b.cgroup_id);
  EXPECT_EQ(a.netns_cookie, b.netns_cookie);
  EXPECT_EQ(a.exe_device, b.exe_device);
  EXPECT_EQ(a.exe_inode, b.exe_inode);
  EXPECT_EQ(a.exe_generation, b.exe_generation);
  EXPECT_EQ(a.comm, b.comm);
}

TEST(IdentityProtocol, ACommandNameOfAnyLengthTakesSixteenBytes) {
  IdentityQuestion q = question();
  q.peer.comm = std::string(100, 'x');
  EXPECT_EQ(encode(q).size(), encode(question()).size());
  EXPECT_EQ(decode_identity_question(encode(q))->peer.comm, std::string(16, 'x'));
  q.peer.comm.clear();
  EXPECT_EQ(decode_identity_question(encode(q))->peer.comm, "");
}

TEST(IdentityProtocol, AnAnswerComesBackAndIsValidFromTheAskersTime) {
  const auto message = encode(known());
  ASSERT_TRUE(message);
  const auto got = decode_identity_answer(*message, kNow);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->id, 7U);
  const auto& person = std::get<KnownPerson>(got->who).person;
  const identity::Person sent = std::get<KnownPerson>(known().who).person;
  EXPECT_EQ(person.issuer, sent.issuer);
  EXPECT_EQ(person.subject, sent.subject);
  EXPECT_EQ(person.name, sent.name);
  EXPECT_EQ(person.method, sent.method);
  EXPECT_EQ(person.groups, sent.groups);
  EXPECT_EQ(person.person_class, sent.person_class);
  EXPECT_EQ(person.valid_until, kNow + std::chrono::milliseconds(29'500));
}

TEST(IdentityProtocol, ARefusalComesBackAndALongReasonIsCut) {
  auto got = decode_identity_answer(*encode(IdentityAnswer{9, NobodyKnown{"no such user"}}), kNow);
  ASSERT_TRUE(got);
  EXPECT_EQ(std::get<NobodyKnown>(got->who).reason, "no such user");
  got = decode_identity_answer(*encode(IdentityAnswer{9, NobodyKnown{std::string(100'000, 'r')}}),
                               kNow);
  ASSERT_TRUE(got);
  EXPECT_EQ(std::get<NobodyKnown>(got->who).reason.size(), kIdentityText);
}

TEST(IdentityProtocol, APersonWhoDoesNotFitIsNotCut) {
  IdentityAnswer answer = known();
  auto& person = std::get<KnownPerson>(answer.who).person;
  person.groups.assign(kIdentityGroups, "g");
  EXPECT_TRUE(encode(answer));
  EXPECT_TRUE(decode_identity_answer(*encode(answer), kNow));
  person.groups.emplace_back("one more");
  EXPECT_FALSE(encode(answer));
  person.groups.assign(1000, std::string(200, 'g'));
  EXPECT_FALSE(encode(answer));
  person.groups = {std::string(kIdentityText + 1, 'g')};
  EXPECT_FALSE(encode(answer));
  person.groups.clear();
  person.name = std::string(kIdentityText + 1, 'n');
  EXPECT_FALSE(encode(answer));
}

TEST(IdentityProtocol, EveryTruncationAndEveryExtensionIsRefused) {
  const std::string asked = encode(question());
  for (std::size_t n = 0; n < asked.size(); ++n)
    EXPECT_FALSE(decode_identity_question(asked.substr(0, n))) << n;
  EXPECT_FALSE(decode_identity_question(asked + '\0'));
  for (const IdentityAnswer& answer : {known(), IdentityAnswer{1, NobodyKnown{"why"}}}) {
    const std::string message = *encode(answer);
    for (std::size_t n = 0; n < message.size(); ++n)
      EXPECT_FALSE(decode_identity_answer(message.substr(0, n), kNow)) << n;
    EXPECT_FALSE(decode_identity_answer(message + '\0', kNow));
  }
}

TEST(IdentityProtocol, AnotherVersionIsToldApartFromNonsense) {
  std::string message = encode(question());
  message[4] = 2;  // the version, behind four bytes of magic
  ASSERT_FALSE(decode_identity_question(message));
  EXPECT_EQ(decode_identity_question(message).error(), IdentityProtocolError::OtherVersion);
  EXPECT_EQ(decode_identity_question("GET / HTTP/1.1\r\n\r\n").error(),
            IdentityProtocolError::OtherVersion);
  EXPECT_EQ(decode_identity_question(*encode(known())).error(), IdentityProtocolError::Malformed);
  EXPECT_EQ(decode_identity_answer(encode(question()), kNow).error(),
            IdentityProtocolError::Malformed);
}

TEST(IdentityProtocol, AnAnswerThatNoEncoderWritesIsRefused) {
  const auto altered = [](std::size_t offset, char value) {
    std::string message = *encode(known());
    message[offset] = value;
    return message;
  };
  constexpr std::size_t kValidFor = 16, kClass = 20;
  ASSERT_TRUE(decode_identity_answer(altered(kClass, 0), kNow));
  EXPECT_FALSE(decode_identity_answer(altered(kClass, 4), kNow));
  EXPECT_FALSE(decode_identity_answer(altered(kValidFor + 3, '\x7f'), kNow));  // years
  IdentityAnswer nobodys = known();
  std::get<KnownPerson>(nobodys.who).person.subject.clear();
  EXPECT_FALSE(decode_identity_answer(*encode(nobodys), kNow));
}

}  // namespace
}  // namespace veilwire::host::protocol
