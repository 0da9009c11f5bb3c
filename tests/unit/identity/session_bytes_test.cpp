#include "userspace/identity/session_bytes.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

constexpr BootId kBoot{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr BootId kNextBoot{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17}};
const Binding kLogin{BindingKind::Login, 1000, 1000, 5, 0};
const Binding kJob{BindingKind::Job, kUnsetAuditId, kUnsetAuditId, kUnsetAuditId, 51};

Now at(std::int64_t second) {
  return {{seconds(1'000 + second)}, {seconds(1'800'000'000 + second)}};
}

SessionTable full_table() {
  SessionTable table;
  SignIn alice{.binding = kLogin,
               .person = {.issuer = "https://idp.example",
                          .subject = "248289761001",
                          .name = "alice",
                          .groups = {"developers", "staff"},
                          .person_class = PersonClass::Human,
                          .method = "pkce",
                          .valid_until = {}},
               .idp_session = "sid",
               .token = "jti",
               .sealed = std::string("\0\xffsealed", 8),
               .share = 1000,
               .issued_at = at(0).wall,
               .expires_at = at(3'600).wall};
  EXPECT_TRUE(table.add(alice, at(0)));
  SignIn job = alice;
  job.binding = kJob;
  job.person.person_class = PersonClass::Ci;
  job.idp_session.clear();
  job.self_contained = true;
  job.token = "job-jti";
  EXPECT_TRUE(table.add(job, at(1)));
  SignIn gone = alice;
  gone.binding.audit_session = 6;
  EXPECT_TRUE(table.add(gone, at(1)));
  EXPECT_TRUE(table.end(gone.binding, SessionEnd::SignedOut, at(2)));
  (void)table.revoke({RevocationKind::Subject, "https://idp.example", "mallory", at(2).wall},
                     SessionEnd::RevokedByIdp, at(3));
  return table;
}

SessionBytesError error_of(std::string_view bytes, const BootId& boot = kBoot) {
  const auto table = decode_sessions(bytes, boot, {});
  EXPECT_FALSE(table);
  return table ? SessionBytesError{} : table.error();
}

TEST(SessionBytes, ATableComesBackAsItWas) {
  const SessionTable before = full_table();
  const std::string bytes = encode_sessions(before, kBoot);
  const auto after = decode_sessions(bytes, kBoot, before.times());
  ASSERT_TRUE(after) << to_string(after.error());
  EXPECT_EQ(encode_sessions(*after, kBoot), bytes);
  EXPECT_EQ(after->revocations(), before.revocations());

  Peer peer;
  peer.uid = peer.loginuid = 1000;
  peer.audit_session = 5;
  const Found found = after->find(peer, {}, {}, at(60));
  EXPECT_EQ(found.standing, Standing::Fresh);
  EXPECT_EQ(found.session->sealed, std::string("\0\xffsealed", 8));
  EXPECT_EQ(found.session->person.groups, (std::vector<std::string>{"developers", "staff"}));
  EXPECT_EQ(after->find(peer, {}, {}, at(3'600)).standing, Standing::Expired);
  peer.audit_session = 6;
  EXPECT_EQ(after->find(peer, {}, {}, at(60)).standing, Standing::SignedOut);
  // What it says of changes begins anew.
  EXPECT_EQ(after->generation(), 0U);
  EXPECT_EQ(after->changes_since(before.generation()), std::nullopt);
}

TEST(SessionBytes, ARestoredTableCountsAgainstTheBounds) {
  SessionTable table;
  SignIn s{.binding = kLogin,
           .person = full_table().sessions().at(kLogin).person,
           .share = 1000,
           .issued_at = at(0).wall,
           .expires_at = at(3'600).wall};
  for (std::uint32_t n = 0; n < limits::kSessionsOfUser; ++n) {
    s.binding.audit_session = n;
    ASSERT_TRUE(table.add(s, at(0)));
  }
  auto restored = decode_sessions(encode_sessions(table, kBoot), kBoot, {});
  ASSERT_TRUE(restored);
  s.binding.audit_session = 1'000;
  EXPECT_EQ(restored->add(s, at(1)).error(), SessionError::TooManyOfUser);
}

TEST(SessionBytes, AnEmptyTableIsOneToo) {
  const auto table = decode_sessions(encode_sessions(SessionTable(), kBoot), kBoot, {});
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->sessions().empty());
}

TEST(SessionBytes, ATableOfAnotherBootOrVersionIsToldApart) {
  const std::string bytes = encode_sessions(full_table(), kBoot);
  EXPECT_EQ(error_of(bytes, kNextBoot), SessionBytesError::OtherBoot);
  EXPECT_EQ(error_of(""), SessionBytesError::OtherVersion);
  std::string other = bytes;
  other[18] = '2';
  EXPECT_EQ(error_of(other), SessionBytesError::OtherVersion);
}

TEST(SessionBytes, EveryCutAndEverythingBehindIsRefused) {
  const std::string bytes = encode_sessions(full_table(), kBoot);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    ASSERT_FALSE(decode_sessions(std::string_view(bytes).substr(0, n), kBoot, {})) << n;
  EXPECT_EQ(error_of(bytes + '\0'), SessionBytesError::Malformed);
}

TEST(SessionBytes, WhateverByteIsChangedItIsRefusedOrAnotherTablesOneSpelling) {
  const std::string bytes = encode_sessions(full_table(), kBoot);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[n] = static_cast<char>(changed[n] ^ flip);
      const auto table = decode_sessions(changed, kBoot, {});
      ASSERT_TRUE(!table || encode_sessions(*table, kBoot) == changed) << n;
    }
}

TEST(SessionBytes, SessionsOutOfOrderOrTwiceAreRefused) {
  // Two sessions of one length: their places are found by what differs.
  SessionTable table;
  SignIn s{.binding = kLogin,
           .person = full_table().sessions().at(kLogin).person,
           .issued_at = at(0).wall,
           .expires_at = at(3'600).wall};
  ASSERT_TRUE(table.add(s, at(0)));
  const std::string one = encode_sessions(table, kBoot);
  s.binding.audit_session = 6;
  ASSERT_TRUE(table.add(s, at(0)));
  const std::string two = encode_sessions(table, kBoot);
  const std::size_t length = two.size() - one.size(), head = 20 + 16 + 4;
  const std::string first = two.substr(head, length), second = two.substr(head + length, length);
  const std::string end = two.substr(head + 2 * length);
  ASSERT_TRUE(decode_sessions(two.substr(0, head) + first + second + end, kBoot, {}));
  EXPECT_EQ(error_of(two.substr(0, head) + second + first + end), SessionBytesError::Malformed);
  EXPECT_EQ(error_of(two.substr(0, head) + first + first + end), SessionBytesError::Malformed);
}

TEST(SessionBytes, ACountThatIsNotThereTakesNoMemory) {
  std::string bytes = encode_sessions(SessionTable(), kBoot);
  for (std::size_t n = 36; n < bytes.size(); ++n) bytes[n] = '\xff';
  EXPECT_EQ(error_of(bytes), SessionBytesError::Malformed);
}

TEST(SessionBytesError, EachHasAClauseOfItsOwn) {
  EXPECT_NE(to_string(SessionBytesError::OtherVersion), to_string(SessionBytesError::OtherBoot));
  EXPECT_NE(to_string(SessionBytesError::OtherBoot), to_string(SessionBytesError::Malformed));
}

}  // namespace
}  // namespace veilwire::identity
