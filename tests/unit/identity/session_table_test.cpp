#include "userspace/identity/session_table.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

constexpr const char* kIssuer = "https://idp.example";

const std::vector<Cgroup> kTerminal = {
    {31, "session-5.scope"}, {20, "user-1000.slice"}, {10, "user.slice"}, {1, ""}};
const std::vector<Cgroup> kJob = {{51, "docker-4f1c.scope"}, {11, "system.slice"}, {1, ""}};

Now at(std::int64_t second) {
  return {{seconds(1'000 + second)}, {seconds(1'800'000'000 + second)}};
}
WallTime wall(std::int64_t second) { return at(second).wall; }

Peer peer(std::uint32_t uid, std::uint32_t loginuid, std::uint32_t audit_session,
          std::uint64_t cgroup_id = 31) {
  Peer p;
  p.uid = uid;
  p.loginuid = loginuid;
  p.audit_session = audit_session;
  p.cgroup_id = cgroup_id;
  return p;
}
const Peer kAlice = peer(1000, 1000, 5);
const Peer kAliceAsRoot = peer(0, 1000, 5);
const Peer kInJob = peer(0, kUnsetAuditId, kUnsetAuditId, 51);

Binding login(std::uint32_t uid, std::uint32_t audit_session) {
  return {BindingKind::Login, uid, uid, audit_session, 0};
}
const Binding kLogin = login(1000, 5);
const Binding kJobBinding{BindingKind::Job, kUnsetAuditId, kUnsetAuditId, kUnsetAuditId, 51};

SignIn sign_in(const Binding& binding = kLogin, const std::string& subject = "alice-sub") {
  return {.binding = binding,
          .person = {.issuer = kIssuer,
                     .subject = subject,
                     .name = "alice",
                     .groups = {"staff", "developers", "staff"},
                     .person_class = PersonClass::Human,
                     .method = "pkce",
                     .valid_until = {}},
          .idp_session = "sid-" + subject,
          .token = "jti-" + subject,
          .sealed = "sealed tokens",
          .share = 1000,
          .issued_at = wall(0),
          .expires_at = wall(3'600)};
}
SignIn job() {
  SignIn s = sign_in(kJobBinding, "project_path:a/b");
  s.person.person_class = PersonClass::Ci;
  s.person.name = "a/b at main";
  s.person.method = "ci";
  s.self_contained = true;
  s.share = 0;
  return s;
}

Standing standing(const SessionTable& table, const Peer& p, Now now,
                  const std::vector<Cgroup>& place = kTerminal) {
  return table.find(p, place, {}, now).standing;
}

TEST(SessionTable, WhoHasSignedInIsFoundWithTheirGroupsAndHowLongThatIsGood) {
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  const Found found = table.find(kAlice, kTerminal, {}, at(10));
  EXPECT_EQ(found.standing, Standing::Fresh);
  EXPECT_EQ(found.binding, kLogin);
  EXPECT_EQ(found.person_class, PersonClass::Human);
  EXPECT_EQ(found.age, seconds(10));
  EXPECT_EQ(found.good_until, at(90).mono);
  const Person person = person_of(found, kAlice, nullptr);
  EXPECT_EQ(person.subject, "alice-sub");
  EXPECT_EQ(person.name, "alice");
  EXPECT_EQ(person.groups, (std::vector<std::string>{"developers", "staff"}));
  EXPECT_EQ(person.valid_until, at(90).mono);
  EXPECT_EQ(person.running_as, "");
  EXPECT_EQ(person.standing, Standing::Fresh);
  EXPECT_EQ(person_of(table.find(kAlice, kTerminal, {}, at(91)), kAlice, nullptr).standing,
            Standing::Cached);
}

TEST(SessionTable, WhoHasNotIsUnknownAndToldForWhatToSignIn) {
  const SessionTable table;
  const Found found = table.find(kAlice, kTerminal, {}, at(0));
  EXPECT_EQ(found.standing, Standing::Unknown);
  EXPECT_EQ(found.good_until, at(0).mono);
  EXPECT_EQ(reason(found), "nobody has signed in for the login of user 1000, audit session 5");
  const Peer service = peer(33, kUnsetAuditId, kUnsetAuditId, 1);
  EXPECT_EQ(reason(table.find(service, {}, {}, at(0))),
            "nobody can sign in for this process: nobody has logged in for it, and its cgroup is "
            "not known");
}

TEST(SessionTable, ADerivedProcessIsThePersonWhoLoggedInWithBothNames) {
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  const Found found = table.find(kAliceAsRoot, kTerminal, {}, at(1));
  EXPECT_EQ(found.person_class, PersonClass::Derived);
  const Account root{0, "root", {}}, forged{0, "root\n", {}};
  EXPECT_EQ(display_name(person_of(found, kAliceAsRoot, &root)), "alice as root");
  EXPECT_EQ(person_of(found, kAliceAsRoot, &forged).running_as, "user id 0");
  EXPECT_EQ(person_of(found, kAliceAsRoot, nullptr).running_as, "user id 0");
  EXPECT_EQ(person_of(found, kAliceAsRoot, &root).subject, "alice-sub");
  const BindingSettings refused{DerivedUse::Refused, {}, false};
  EXPECT_EQ(reason(table.find(kAliceAsRoot, kTerminal, refused, at(1))),
            "nobody can sign in for this process: a process that has become another user may not "
            "act for the person who logged in");
}

TEST(SessionTable, AJobIsFoundBelowItsCgroupAndIsNotItsRunner) {
  SessionTable table;
  ASSERT_TRUE(table.add(job(), at(0)));
  const Found found = table.find(kInJob, kJob, {}, at(3'599));
  EXPECT_EQ(found.standing, Standing::Fresh);
  EXPECT_EQ(found.person_class, PersonClass::Ci);
  EXPECT_EQ(standing(table, kInJob, at(3'600), kJob), Standing::Expired);
  EXPECT_EQ(standing(table, kAlice, at(0)), Standing::Unknown);
  // The unit around it has signed in too: the job that is over does not become it.
  SignIn unit = sign_in({BindingKind::Unit, 0, kUnsetAuditId, kUnsetAuditId, 51});
  unit.person.person_class = PersonClass::Service;
  unit.expires_at = wall(10'000);
  ASSERT_TRUE(table.add(unit, at(0)));
  EXPECT_EQ(standing(table, kInJob, at(3'600), kJob), Standing::Expired);
}

TEST(SessionTable, AnIdpThatDoesNotAnswerMakesItCachedThenStaleUntilItDoes) {
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  const std::uint64_t before = table.generation();
  EXPECT_TRUE(table.confirm(kLogin, at(60)));
  EXPECT_EQ(table.generation(), before) << "what was fresh is no other for it";
  EXPECT_EQ(standing(table, kAlice, at(149)), Standing::Fresh);
  EXPECT_EQ(standing(table, kAlice, at(150)), Standing::Cached);
  const Found stale = table.find(kAlice, kTerminal, {}, at(960));
  EXPECT_EQ(stale.standing, Standing::Stale);
  EXPECT_EQ(reason(stale),
            "the session of alice cannot be checked: the identity provider has not answered for 15 "
            "minutes");
  const Person person = person_of(stale, kAlice, nullptr);
  EXPECT_EQ(person.standing, Standing::Stale);
  EXPECT_EQ(person.valid_until, at(960 + 90).mono) << "until it has to be asked for again";
  EXPECT_TRUE(table.confirm(kLogin, at(961)));
  EXPECT_EQ(standing(table, kAlice, at(961)), Standing::Fresh);
  EXPECT_EQ(table.changes_since(before), std::vector<Binding>{kLogin});
}

TEST(SessionTable, WhatHasEndedIsNotStaleHoweverLongTheIdpHasNotAnswered) {
  const auto after = [](auto end) {
    SessionTable table;
    EXPECT_TRUE(table.add(sign_in(), at(0)));
    EXPECT_EQ(standing(table, kAlice, at(1'000)), Standing::Stale);
    end(table);
    const Found found = table.find(kAlice, kTerminal, {}, at(1'001));
    EXPECT_EQ(found.good_until, at(1'001).mono);
    return found.standing;
  };
  EXPECT_EQ(after([](SessionTable& t) { t.end(kLogin, SessionEnd::SignedOut, at(1'000)); }),
            Standing::SignedOut);
  EXPECT_EQ(after([](SessionTable& t) {
              t.revoke({.kind = RevocationKind::Subject,
                        .issuer = "https://idp.example",
                        .what = "alice-sub",
                        .at = wall(1'000)},
                       SessionEnd::RevokedByOperator, at(1'000));
            }),
            Standing::Revoked);
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  EXPECT_EQ(standing(table, kAlice, at(3'599)), Standing::Stale);
  EXPECT_EQ(table.find(kAlice, kTerminal, {}, at(3'590)).good_until, at(3'600).mono);
  EXPECT_EQ(standing(table, kAlice, at(3'600)), Standing::Expired);
}

TEST(SessionTable, ANewSignInTakesThePlaceOfTheLastAndSaysWhoseThatWas) {
  SessionTable table;
  auto first = table.add(sign_in(), at(0));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->has_value());
  const auto second = table.add(sign_in(kLogin, "bob-sub"), at(1));
  ASSERT_TRUE(second);
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->subject, "alice-sub");
  EXPECT_EQ(table.sessions().size(), 1U);
  EXPECT_EQ(table.find(kAlice, kTerminal, {}, at(2)).session->person.subject, "bob-sub");
  ASSERT_TRUE(table.end(kLogin, SessionEnd::SignedOut, at(3)));
  const auto third = table.add(sign_in(), at(4));
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->has_value()) << "who had signed out is replaced by nobody";
  EXPECT_EQ(standing(table, kAlice, at(5)), Standing::Fresh);
}

TEST(SessionTable, AnEndIsToldWithItsReasonAndItsTokensAreGone) {
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  ASSERT_TRUE(table.end(kLogin, SessionEnd::SignedOut, at(1)));
  EXPECT_FALSE(table.end(kLogin, SessionEnd::RevokedByIdp, at(2)));
  const Found out = table.find(kAlice, kTerminal, {}, at(2));
  EXPECT_EQ(out.standing, Standing::SignedOut);
  EXPECT_EQ(out.session->sealed, "");
  EXPECT_EQ(out.good_until, at(2).mono);
  EXPECT_EQ(reason(out), "alice has signed out; sign in again");
  EXPECT_FALSE(table.confirm(kLogin, at(2)));
  EXPECT_FALSE(table.renew(kLogin, wall(7'200), "more", at(2)));
  EXPECT_FALSE(table.set_groups(kLogin, {"admins"}, at(2)));
  ASSERT_TRUE(table.add(sign_in(), at(3)));
  ASSERT_TRUE(table.end(kLogin, SessionEnd::RevokedByOperator, at(4)));
  EXPECT_EQ(reason(table.find(kAlice, kTerminal, {}, at(4))),
            "the session of alice has been revoked; sign in again if you may");
  EXPECT_EQ(reason(table.find(kAlice, kTerminal, {}, at(4))),
            reason(table.find(kAliceAsRoot, kTerminal, {}, at(4))));
}

TEST(SessionTable, ARevocationOfTheIdpEndsWhatItNamesAndNothingElse) {
  const auto ended_by = [](RevocationKind kind, const char* what, const char* issuer = kIssuer) {
    SessionTable table;
    EXPECT_TRUE(table.add(sign_in(login(1000, 5), "alice-sub"), at(0)));
    EXPECT_TRUE(table.add(sign_in(login(1000, 6), "alice-sub"), at(0)));
    EXPECT_TRUE(table.add(sign_in(login(1001, 7), "bob-sub"), at(0)));
    return table.revoke({kind, issuer, what, wall(10)}, SessionEnd::RevokedByIdp, at(10)).size();
  };
  EXPECT_EQ(ended_by(RevocationKind::Subject, "alice-sub"), 2U);
  EXPECT_EQ(ended_by(RevocationKind::IdpSession, "sid-bob-sub"), 1U);
  EXPECT_EQ(ended_by(RevocationKind::Token, "jti-bob-sub"), 1U);
  EXPECT_EQ(ended_by(RevocationKind::Subject, "alice"), 0U);
  EXPECT_EQ(ended_by(RevocationKind::Subject, "sid-alice-sub"), 0U);
  EXPECT_EQ(ended_by(RevocationKind::Subject, "alice-sub", "https://other.example"), 0U);
  EXPECT_EQ(ended_by(RevocationKind::Subject, ""), 0U);
}

TEST(SessionTable, ANamelessSessionIsNotRevokedByAnEmptyName) {
  SessionTable table;
  SignIn nameless = sign_in();
  nameless.idp_session.clear();
  nameless.token.clear();
  ASSERT_TRUE(table.add(nameless, at(0)));
  for (const auto kind : {RevocationKind::IdpSession, RevocationKind::Token})
    EXPECT_TRUE(
        table.revoke({kind, kIssuer, "", wall(1)}, SessionEnd::RevokedByIdp, at(1)).empty());
}

TEST(SessionTable, ATokenThatWasOnItsWayWhileItWasRevokedComesTooLate) {
  SessionTable table;
  (void)table.revoke({RevocationKind::Subject, kIssuer, "alice-sub", wall(10)},
                     SessionEnd::RevokedByIdp, at(11));
  (void)table.revoke({RevocationKind::Token, kIssuer, "jti-project_path:a/b", wall(10)},
                     SessionEnd::RevokedByOperator, at(11));
  EXPECT_EQ(table.add(sign_in(), at(12)).error(), SessionError::Revoked);
  EXPECT_EQ(table.add(job(), at(12)).error(), SessionError::Revoked);
  SignIn anew = sign_in();
  anew.issued_at = wall(11);
  EXPECT_TRUE(table.add(anew, at(12)));
  // The event that comes late, of before, does not end the new one.
  EXPECT_TRUE(table
                  .revoke({RevocationKind::Subject, kIssuer, "alice-sub", wall(10)},
                          SessionEnd::RevokedByIdp, at(13))
                  .empty());
  SignIn replayed = job();
  replayed.issued_at = wall(11);
  EXPECT_EQ(table.add(replayed, at(12)).error(), SessionError::Revoked);
}

TEST(SessionTable, ATokenThatOutlivedTheMemoryOfItsRevocationIsTooOldItself) {
  SessionTable table;
  (void)table.revoke({RevocationKind::Token, kIssuer, "jti-alice-sub", wall(0)},
                     SessionEnd::RevokedByIdp, at(0));
  table.expire(at(86'400));
  EXPECT_EQ(table.revocations().size(), 1U);
  table.expire(at(86'401));
  EXPECT_TRUE(table.revocations().empty());
  SignIn old = sign_in();
  old.expires_at = wall(1'000'000);
  EXPECT_EQ(table.add(old, at(86'401)).error(), SessionError::AlreadyOver);
  EXPECT_EQ(table.add(old, at(43'200)).error(), SessionError::AlreadyOver);
  EXPECT_TRUE(table.add(old, at(43'199)));
}

TEST(SessionTable, ASessionLastsNoLongerThanAllowedHoweverOftenItIsRenewed) {
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  ASSERT_TRUE(table.renew(kLogin, wall(7'200), "renewed", at(3'000)));
  EXPECT_EQ(table.sessions().at(kLogin).sealed, "renewed");
  EXPECT_EQ(standing(table, kAlice, at(3'601)), Standing::Cached);
  ASSERT_TRUE(table.renew(kLogin, wall(1'000'000), "again", at(7'000)));
  ASSERT_TRUE(table.confirm(kLogin, at(43'199)));
  EXPECT_EQ(standing(table, kAlice, at(43'199)), Standing::Fresh);
  EXPECT_EQ(standing(table, kAlice, at(43'200)), Standing::Expired);
  // Nor where the wall clock was set back in between.
  SessionTable back;
  ASSERT_TRUE(back.add(sign_in(), at(0)));
  const Now set_back{at(1'000).mono, wall(-40'000)};
  ASSERT_TRUE(back.renew(kLogin, wall(1'000'000), "again", set_back));
  EXPECT_EQ(back.sessions().at(kLogin).ends_at, at(43'200).mono);
  EXPECT_FALSE(back.renew(kLogin, wall(0), "over", at(1'001)));
  EXPECT_FALSE(back.renew(kLogin, wall(9'000), std::string(limits::kSession, 'x'), at(1'001)));
}

TEST(SessionTable, OtherGroupsAreAChangeAndTheSameAreNone) {
  SessionTable table;
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  const std::uint64_t before = table.generation();
  EXPECT_TRUE(table.set_groups(kLogin, {"staff", "developers"}, at(1)));
  EXPECT_EQ(table.generation(), before);
  EXPECT_TRUE(table.set_groups(kLogin, {"contractors"}, at(1)));
  EXPECT_EQ(table.changes_since(before), std::vector<Binding>{kLogin});
  EXPECT_EQ(table.sessions().at(kLogin).person.groups, std::vector<std::string>{"contractors"});
  // A group that cannot be kept might be the one that restricts.
  EXPECT_FALSE(table.set_groups(kLogin, {"a\n"}, at(1)));
  EXPECT_EQ(standing(table, kAlice, at(1)), Standing::Revoked);
}

TEST(SessionTable, TimeAloneExpiresASessionAndTheLogSaysSoOnce) {
  SessionTable table;
  EXPECT_EQ(table.next_deadline(at(0)), std::nullopt);
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  EXPECT_EQ(table.next_deadline(at(10)), at(3'600).mono);
  EXPECT_EQ(standing(table, kAlice, at(3'600)), Standing::Expired);
  const std::uint64_t before = table.generation();
  table.expire(at(3'599));
  EXPECT_EQ(table.generation(), before);
  table.expire(at(3'600));
  table.expire(at(3'601));
  EXPECT_EQ(table.generation(), before + 1);
  EXPECT_EQ(reason(table.find(kAlice, kTerminal, {}, at(3'700))),
            "the session of alice has expired; sign in again");
  EXPECT_EQ(table.next_deadline(at(3'700)), at(7'200).mono);
  table.expire(at(7'200));
  EXPECT_TRUE(table.sessions().empty());
  EXPECT_EQ(standing(table, kAlice, at(7'200)), Standing::Unknown);
}

TEST(SessionTable, CachesLearnWhichBindingsHaveChangedOrThatAllMayHave) {
  SessionTable table;
  EXPECT_EQ(table.changes_since(0), std::vector<Binding>{});
  EXPECT_EQ(table.changes_since(1), std::nullopt);
  ASSERT_TRUE(table.add(sign_in(), at(0)));
  ASSERT_TRUE(table.add(job(), at(0)));
  ASSERT_TRUE(table.end(kLogin, SessionEnd::SignedOut, at(1)));
  EXPECT_EQ(table.changes_since(0), (std::vector<Binding>{kLogin, kJobBinding}));
  EXPECT_EQ(table.changes_since(2), std::vector<Binding>{kLogin});
  EXPECT_EQ(table.changes_since(table.generation()), std::vector<Binding>{});
  for (std::size_t n = 0; n < limits::kSessionChanges; ++n)
    ASSERT_TRUE(table.add(sign_in(), at(2)));
  EXPECT_EQ(table.changes_since(2), std::nullopt);
  EXPECT_EQ(table.changes_since(3), std::vector<Binding>{kLogin});
}

TEST(SessionTable, WhatCannotBeKeptIsRefused) {
  const auto error = [](auto change) {
    SessionTable table;
    SignIn s = sign_in();
    change(s);
    const auto added = table.add(std::move(s), at(0));
    EXPECT_TRUE(table.sessions().empty());
    return added ? SessionError{} : added.error();
  };
  EXPECT_EQ(error([](SignIn& s) { s.person.subject.clear(); }), SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.person.person_class = PersonClass::Ci; }),
            SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.person.person_class = PersonClass::Derived; }),
            SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.binding = kJobBinding; }), SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.binding.audit_session = kUnsetAuditId; }),
            SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.binding.cgroup_id = 31; }), SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.expires_at = {std::chrono::nanoseconds::max()}; }),
            SessionError::Malformed);
  EXPECT_EQ(error([](SignIn& s) { s.sealed.assign(limits::kSession, 's'); }),
            SessionError::TooLarge);
  EXPECT_EQ(error([](SignIn& s) { s.expires_at = wall(0); }), SessionError::AlreadyOver);
}

TEST(SessionTable, OneUserHasABoundAndSignsOutNobodyElse) {
  SessionTable table;
  for (std::uint32_t n = 0; n < limits::kSessionsOfUser; ++n)
    ASSERT_TRUE(table.add(sign_in(login(1000, n)), at(0)));
  const Binding one_more = login(1000, 1'000);
  EXPECT_EQ(table.add(sign_in(one_more), at(0)).error(), SessionError::TooManyOfUser);
  EXPECT_TRUE(table.add(sign_in(login(1000, 5)), at(0))) << "in place of the last one";
  SignIn other = sign_in(login(1001, 2'000), "bob-sub");
  other.share = 1001;
  EXPECT_TRUE(table.add(other, at(0)));
  // One that has ended makes room, the first first.
  ASSERT_TRUE(table.end(login(1000, 8), SessionEnd::SignedOut, at(1)));
  ASSERT_TRUE(table.end(login(1000, 7), SessionEnd::SignedOut, at(2)));
  EXPECT_TRUE(table.add(sign_in(one_more), at(3)));
  EXPECT_FALSE(table.sessions().contains(login(1000, 8)));
  EXPECT_TRUE(table.sessions().contains(login(1000, 7)));
}

TEST(SessionTable, ARefusedSignInLeavesTheLastOneInPlace) {
  SessionTable table;
  for (std::uint32_t n = 0; n < limits::kSessionsOfUser; ++n)
    ASSERT_TRUE(table.add(sign_in(login(1000, n)), at(0)));
  SignIn bobs = sign_in(login(1001, 500), "bob-sub");
  bobs.share = 1001;
  ASSERT_TRUE(table.add(bobs, at(0)));
  bobs.share = 1000;
  EXPECT_EQ(table.add(bobs, at(1)).error(), SessionError::TooManyOfUser);
  EXPECT_EQ(table.sessions().at(login(1001, 500)).share, 1001U);
}

TEST(SessionTable, TheHostHasABoundInNumberAndInBytes) {
  SessionTable table;
  std::uint32_t n = 0;
  const auto next = [&](std::size_t sealed) {
    SignIn s = sign_in(login(1000 + n, n));
    s.share = 1000 + n++;
    s.sealed.assign(sealed, 's');
    return table.add(std::move(s), at(0));
  };
  while (n < limits::kSessions) ASSERT_TRUE(next(10));
  EXPECT_EQ(next(10).error(), SessionError::TooMany);
  ASSERT_TRUE(table.end(login(1000, 0), SessionEnd::SignedOut, at(1)));
  EXPECT_TRUE(next(10));

  table = SessionTable();
  std::size_t taken = 0;
  while (next(60'000)) ++taken;
  EXPECT_GT(taken, 1'000U);
  EXPECT_LE(taken, limits::kSessionsBytes / 60'000);
  EXPECT_EQ(next(60'000).error(), SessionError::TooMany);
  EXPECT_TRUE(next(10)) << "a small one still fits";
}

TEST(SessionTable, RevocationsAreRememberedUpToABound) {
  SessionTable table;
  for (std::size_t n = 0; n <= limits::kRevocations; ++n)
    (void)table.revoke({RevocationKind::Subject, kIssuer, std::to_string(n), wall(0)},
                       SessionEnd::RevokedByIdp, at(0));
  EXPECT_EQ(table.revocations().size(), limits::kRevocations);
  EXPECT_EQ(table.revocations().front().what, "1");
}

TEST(SessionError, EachHasAClauseOfItsOwn) {
  std::vector<std::string_view> clauses;
  for (int n = 0; n <= static_cast<int>(SessionError::TooMany); ++n)
    clauses.push_back(to_string(static_cast<SessionError>(n)));
  std::sort(clauses.begin(), clauses.end());
  EXPECT_EQ(std::adjacent_find(clauses.begin(), clauses.end()), clauses.end());
}

}  // namespace
}  // namespace veilwire::identity
