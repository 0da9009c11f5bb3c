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
  q.at_once = true;
  return q;
}

IdentityAnswer known() {
  KnownPerson k;
  k.person.issuer = "local";
  k.person.subject = "1000";
  k.person.name = "alice";
  k.person.running_as = "root";
  k.person.inside_uid = 0;
  k.person.standing = identity::Standing::Stale;
  k.person.method = "local";
  k.person.groups = {"developers", "staff"};
  k.person.person_class = identity::PersonClass::Derived;
  k.valid_for = std::chrono::milliseconds(29'500);
  k.age = std::chrono::minutes(5);
  return {7, k};
}

IdentityAnswer answer_in(std::string_view message) {
  const auto word = decode_identity_word(message, kNow);
  const auto* answer = word ? std::get_if<IdentityAnswer>(&*word) : nullptr;
  EXPECT_NE(answer, nullptr);
  return answer != nullptr ? *answer : IdentityAnswer{};
}
IdentityChanged change_in(std::string_view message) {
  const auto word = decode_identity_word(message, kNow);
  const auto* changed = word ? std::get_if<IdentityChanged>(&*word) : nullptr;
  EXPECT_NE(changed, nullptr);
  return changed != nullptr ? *changed : IdentityChanged{std::vector<identity::Binding>{}};
}

std::vector<identity::Binding> bindings() {
  return {{.kind = identity::BindingKind::Login, .uid = 0, .loginuid = 1000, .audit_session = 5},
          {.kind = identity::BindingKind::Unit, .uid = 33, .cgroup_id = UINT64_MAX},
          {.kind = identity::BindingKind::Job, .cgroup_id = 9}};
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
  EXPECT_TRUE(got->at_once);
  IdentityQuestion patient = question();
  patient.at_once = false;
  EXPECT_FALSE(decode_identity_question(encode(patient))->at_once);
}

TEST(IdentityProtocol, ACommandNameOfAnyLengthTakesSixteenBytes) {
  IdentityQuestion q = question();
  q.peer.comm = std::string(100, 'x');
  EXPECT_EQ(encode(q).size(), encode(question()).size());
  EXPECT_EQ(decode_identity_question(encode(q))->peer.comm, std::string(16, 'x'));
  q.peer.comm.clear();
  EXPECT_EQ(decode_identity_question(encode(q))->peer.comm, "");
}

TEST(IdentityProtocol, AnAnswerComesBackAndItsTimesAreTheAskers) {
  const auto message = encode(known());
  ASSERT_TRUE(message);
  const IdentityAnswer got = answer_in(*message);
  EXPECT_EQ(got.id, 7U);
  const auto& person = std::get<KnownPerson>(got.who).person;
  const identity::Person sent = std::get<KnownPerson>(known().who).person;
  EXPECT_EQ(person.issuer, sent.issuer);
  EXPECT_EQ(person.subject, sent.subject);
  EXPECT_EQ(person.name, sent.name);
  EXPECT_EQ(person.method, sent.method);
  EXPECT_EQ(person.groups, sent.groups);
  EXPECT_EQ(person.person_class, sent.person_class);
  EXPECT_EQ(person.running_as, sent.running_as);
  EXPECT_EQ(person.inside_uid, 0U);
  EXPECT_EQ(person.standing, identity::Standing::Stale);
  EXPECT_EQ(person.valid_until, kNow + std::chrono::milliseconds(29'500));
  EXPECT_EQ(person.confirmed_at + std::chrono::minutes(5), kNow);
}

TEST(IdentityProtocol, WhoseSessionHasEndedIsNobodyKnown) {
  IdentityAnswer answer = known();
  for (const auto standing : {identity::Standing::Expired, identity::Standing::SignedOut,
                              identity::Standing::Revoked, identity::Standing::Unknown}) {
    std::get<KnownPerson>(answer.who).person.standing = standing;
    EXPECT_FALSE(encode(answer));
  }
}

TEST(IdentityProtocol, WhoIsInNoContainerHasNoUidInside) {
  IdentityAnswer answer = known();
  std::get<KnownPerson>(answer.who).person.inside_uid.reset();
  EXPECT_FALSE(std::get<KnownPerson>(answer_in(*encode(answer)).who).person.inside_uid);
}

TEST(IdentityProtocol, AWordOlderThanCanBeSaidIsCutAndOneFromTheFutureIsNew) {
  IdentityAnswer answer = known();
  std::get<KnownPerson>(answer.who).age = std::chrono::hours(100'000);
  EXPECT_EQ(std::get<KnownPerson>(answer_in(*encode(answer)).who).age, kIdentityOldestWord);
  std::get<KnownPerson>(answer.who).age = std::chrono::hours(-1);
  EXPECT_EQ(std::get<KnownPerson>(answer_in(*encode(answer)).who).age.count(), 0);
}

TEST(IdentityProtocol, ARefusalComesBackAndALongReasonIsCut) {
  for (const bool sign_in : {false, true}) {
    const auto got = answer_in(*encode(IdentityAnswer{9, NobodyKnown{"no such user", sign_in}}));
    EXPECT_EQ(std::get<NobodyKnown>(got.who).reason, "no such user");
    EXPECT_EQ(std::get<NobodyKnown>(got.who).sign_in, sign_in);
  }
  const auto got = answer_in(*encode(IdentityAnswer{9, NobodyKnown{std::string(100'000, 'r')}}));
  EXPECT_EQ(std::get<NobodyKnown>(got.who).reason.size(), kIdentityText);
}

TEST(IdentityProtocol, AChangeComesBack) {
  EXPECT_EQ(change_in(encode(IdentityChanged{bindings()})).bindings, bindings());
  EXPECT_EQ(change_in(encode(IdentityChanged{std::vector<identity::Binding>{}})).bindings->size(),
            0U);
  EXPECT_FALSE(change_in(encode(IdentityChanged{})).bindings);
}

TEST(IdentityProtocol, MoreChangesThanFitAreAChangeOfEverything) {
  std::vector<identity::Binding> many(kIdentityChanges, bindings().front());
  EXPECT_EQ(change_in(encode(IdentityChanged{many})).bindings, many);
  many.push_back(bindings().back());
  EXPECT_FALSE(change_in(encode(IdentityChanged{many})).bindings);
}

TEST(IdentityProtocol, APersonWhoDoesNotFitIsNotCut) {
  IdentityAnswer answer = known();
  auto& person = std::get<KnownPerson>(answer.who).person;
  person.groups.assign(kIdentityGroups, "g");
  EXPECT_TRUE(encode(answer));
  EXPECT_TRUE(decode_identity_word(*encode(answer), kNow));
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
  for (const std::string& message :
       {*encode(known()), *encode(IdentityAnswer{1, NobodyKnown{"why"}}),
        encode(IdentityChanged{bindings()}), encode(IdentityChanged{})}) {
    for (std::size_t n = 0; n < message.size(); ++n)
      EXPECT_FALSE(decode_identity_word(message.substr(0, n), kNow)) << n;
    EXPECT_FALSE(decode_identity_word(message + '\0', kNow));
  }
}

TEST(IdentityProtocol, AnotherVersionIsToldApartFromNonsense) {
  std::string message = encode(question());
  message[4] = 1;  // the version, behind four bytes of magic
  ASSERT_FALSE(decode_identity_question(message));
  EXPECT_EQ(decode_identity_question(message).error(), IdentityProtocolError::OtherVersion);
  EXPECT_EQ(decode_identity_question("GET / HTTP/1.1\r\n\r\n").error(),
            IdentityProtocolError::OtherVersion);
  EXPECT_EQ(decode_identity_question(*encode(known())).error(), IdentityProtocolError::Malformed);
  EXPECT_EQ(decode_identity_word(encode(question()), kNow).error(),
            IdentityProtocolError::Malformed);
}

TEST(IdentityProtocol, AnAnswerThatNoEncoderWritesIsRefused) {
  const auto altered = [](std::size_t offset, char value) {
    std::string message = *encode(known());
    message[offset] = value;
    return message;
  };
  constexpr std::size_t kValidFor = 16, kAge = 20, kStanding = 24, kClass = 25;
  ASSERT_TRUE(decode_identity_word(altered(kClass, 0), kNow));
  EXPECT_FALSE(decode_identity_word(altered(kClass, 4), kNow));
  EXPECT_TRUE(decode_identity_word(altered(kStanding, 0), kNow));
  EXPECT_FALSE(decode_identity_word(altered(kStanding, 3), kNow));
  EXPECT_FALSE(decode_identity_word(altered(kValidFor + 3, '\x7f'), kNow));  // years
  EXPECT_FALSE(decode_identity_word(altered(kAge + 3, '\xff'), kNow));
  IdentityAnswer nobodys = known();
  std::get<KnownPerson>(nobodys.who).person.subject.clear();
  EXPECT_FALSE(decode_identity_word(*encode(nobodys), kNow));

  std::string refusal = *encode(IdentityAnswer{9, NobodyKnown{"no such user"}});
  refusal[16] = 2;
  EXPECT_FALSE(decode_identity_word(refusal, kNow));
  constexpr std::size_t kId = 8, kEverything = 16, kCount = 17, kKind = 19;
  for (const auto& [offset, value] :
       {std::pair{kId, 1}, {kEverything, 2}, {kCount, 4}, {kCount + 1, 5}, {kKind, 3}}) {
    std::string change = encode(IdentityChanged{bindings()});
    change[offset] = static_cast<char>(value);
    EXPECT_FALSE(decode_identity_word(change, kNow)) << offset;
  }
}

}  // namespace
}  // namespace veilwire::host::protocol
