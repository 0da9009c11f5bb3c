#include "userspace/identity/binding.h"

#include "userspace/base/limits.h"
#include "userspace/identity/local.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

constexpr std::uint32_t kAlice = 1000, kBob = 1001, kJenkins = 990;

const std::vector<Cgroup> kTerminal = {
    {31, "session-5.scope"}, {20, "user-1000.slice"}, {10, "user.slice"}, {1, ""}};
const std::vector<Cgroup> kService = {{41, "web.service"}, {11, "system.slice"}, {1, ""}};
const std::vector<Cgroup> kWorker = {
    {42, "worker"}, {41, "web.service"}, {11, "system.slice"}, {1, ""}};
const std::vector<Cgroup> kContainer = {{51, "docker-4f1c.scope"}, {11, "system.slice"}, {1, ""}};

Peer peer_at(Place place, std::uint32_t uid, std::uint32_t loginuid = kUnsetAuditId,
             std::uint32_t audit_session = kUnsetAuditId) {
  Peer peer;
  peer.uid = uid;
  peer.loginuid = loginuid;
  peer.audit_session = audit_session;
  peer.cgroup_id = place.front().id;
  return peer;
}

Binding bound(const Peer& peer, Place place, const BindingSettings& settings = {}) {
  const auto binding = binding_for_sign_in(peer, place, settings);
  EXPECT_TRUE(binding) << to_string(binding.error());
  return binding ? *binding : Binding{};
}
bool falls_under(const Peer& peer, Place place, const Binding& binding,
                 const BindingSettings& settings = {}) {
  const auto all = bindings_of(peer, place, settings);
  const bool found = std::find(all.begin(), all.end(), binding) != all.end();
  EXPECT_TRUE(!found || may_fall_under(peer, binding)) << to_string(binding);
  return found;
}

TEST(Binding, ALoginIsBoundToItsAuditSessionAndNotToItsCgroup) {
  const Peer shell = peer_at(kTerminal, kAlice, kAlice, 5);
  const Binding login = bound(shell, kTerminal);
  EXPECT_EQ(login, (Binding{BindingKind::Login, kAlice, kAlice, 5, 0}));
  EXPECT_EQ(to_string(login), "login of user 1000, audit session 5");
  EXPECT_TRUE(falls_under(shell, kTerminal, login));
  EXPECT_TRUE(falls_under(peer_at(kWorker, kAlice, kAlice, 5), kWorker, login));
  EXPECT_FALSE(falls_under(peer_at(kTerminal, kAlice, kAlice, 6), kTerminal, login));
  EXPECT_EQ(bound(shell, {}), login);
}

TEST(Binding, ADaemonThatLeftItsTerminalKeepsItsLogin) {
  const Binding login = bound(peer_at(kTerminal, kAlice, kAlice, 5), kTerminal);
  const std::vector<Cgroup> manager = {
      {61, "app.scope"}, {60, "user@1000.service"}, {20, "user-1000.slice"}, {1, ""}};
  EXPECT_TRUE(falls_under(peer_at(manager, kAlice, kAlice, 5), manager, login));
}

TEST(Binding, ARootShellBySudoFallsUnderTheLoginThatItCameFrom) {
  const Peer root = peer_at(kTerminal, 0, kAlice, 5);
  EXPECT_TRUE(is_derived(root));
  EXPECT_EQ(accountable_uid(root), kAlice);
  const Binding login = bound(peer_at(kTerminal, kAlice, kAlice, 5), kTerminal);
  EXPECT_TRUE(falls_under(root, kTerminal, login));
  EXPECT_EQ(bound(root, kTerminal), login);
}

TEST(Binding, BecomingSomebodyElseBorrowsNoLoginOfTheirs) {
  const Peer as_bob = peer_at(kTerminal, kBob, kAlice, 5);
  const Binding bobs = bound(peer_at(kTerminal, kBob, kBob, 9), kTerminal);
  EXPECT_FALSE(falls_under(as_bob, kTerminal, bobs));
  EXPECT_FALSE(may_fall_under(as_bob, bobs));
  EXPECT_EQ(accountable_uid(as_bob), kAlice);
}

TEST(Binding, PolicyMayAskOfADerivedProcessForItsOwnSignInOrRefuseIt) {
  const Peer root = peer_at(kTerminal, 0, kAlice, 5);
  const Binding login = bound(peer_at(kTerminal, kAlice, kAlice, 5), kTerminal);
  const BindingSettings separate{DerivedUse::Separate, {}, false};
  const Binding own = bound(root, kTerminal, separate);
  EXPECT_EQ(own, (Binding{BindingKind::Login, 0, kAlice, 5, 0}));
  EXPECT_EQ(to_string(own), "user 0 in the login of user 1000, audit session 5");
  EXPECT_TRUE(falls_under(root, kTerminal, own, separate));
  EXPECT_FALSE(falls_under(root, kTerminal, login, separate));

  const BindingSettings refused{DerivedUse::Refused, {}, false};
  EXPECT_EQ(binding_for_sign_in(root, kTerminal, refused).error(), BindingFault::DerivedRefused);
  EXPECT_FALSE(falls_under(root, kTerminal, login, refused));
  EXPECT_TRUE(falls_under(peer_at(kTerminal, kAlice, kAlice, 5), kTerminal, login, refused));
}

TEST(Binding, AServiceIsBoundToTheCgroupOfItsUnitWithItsUser) {
  const Binding web = bound(peer_at(kWorker, 33), kWorker);
  EXPECT_EQ(web, (Binding{BindingKind::Unit, 33, kUnsetAuditId, kUnsetAuditId, 41}));
  EXPECT_EQ(to_string(web), "user 33 in cgroup 41");
  EXPECT_TRUE(falls_under(peer_at(kService, 33), kService, web));
  EXPECT_TRUE(falls_under(peer_at(kWorker, 33), kWorker, web));
  EXPECT_FALSE(falls_under(peer_at(kWorker, 34), kWorker, web));
  EXPECT_FALSE(falls_under(peer_at(kContainer, 33), kContainer, web));
}

TEST(Binding, APersonInTheCgroupOfAServiceIsThatPerson) {
  const Binding web = bound(peer_at(kService, kAlice), kService);
  const Peer visitor = peer_at(kService, kAlice, kAlice, 5);
  EXPECT_FALSE(falls_under(visitor, kService, web));
  EXPECT_FALSE(may_fall_under(visitor, web));
}

TEST(Binding, AProcessThatWasMovedOutOfItsUnitHasLeftIt) {
  const Binding web = bound(peer_at(kWorker, 33), kWorker);
  EXPECT_FALSE(falls_under(peer_at(kTerminal, 33), kTerminal, web));
  // A place that was read before the move does not count.
  EXPECT_FALSE(falls_under(peer_at(kTerminal, 33), kWorker, web));
  EXPECT_EQ(binding_for_sign_in(peer_at(kTerminal, 33), kWorker, {}).error(),
            BindingFault::CgroupUnknown);
}

TEST(Binding, AContainerIsBoundToItsOwnCgroupWhateverItsServiceCallsIt) {
  const std::vector<Cgroup> plain = {{71, "4f1c"}, {70, "docker"}, {1, ""}};
  EXPECT_EQ(bound(peer_at(kContainer, 100'033), kContainer).cgroup_id, 51U);
  EXPECT_EQ(bound(peer_at(plain, 100'033), plain).cgroup_id, 71U);
  // Rootless: the login of who started it, as a user id of the range that is theirs.
  const Peer rootless = peer_at(kContainer, 100'033, kAlice, 5);
  EXPECT_TRUE(is_derived(rootless));
  EXPECT_EQ(bound(rootless, kContainer).kind, BindingKind::Login);
}

TEST(Binding, TheRootCgroupAndSlicesAreSharedAndBindNobody) {
  const std::vector<Cgroup> root = {{1, ""}};
  const std::vector<Cgroup> slice = {{11, "system.slice"}, {1, ""}};
  for (const auto& place : {root, slice}) {
    const Peer peer = peer_at(place, 33);
    EXPECT_EQ(binding_for_sign_in(peer, place, {}).error(), BindingFault::CgroupTooWide);
    EXPECT_EQ(binding_for_job(peer, place, {}).error(), BindingFault::CgroupTooWide);
  }
  EXPECT_EQ(binding_for_sign_in(peer_at(root, 33), {}, {}).error(), BindingFault::CgroupUnknown);
}

TEST(Binding, AJobIsItsCgroupAndAllBelowWithAnyUser) {
  const auto job = binding_for_job(peer_at(kContainer, 0), kContainer, {});
  ASSERT_TRUE(job);
  EXPECT_EQ(to_string(*job), "job in cgroup 51");
  std::vector<Cgroup> below = kContainer;
  below.insert(below.begin(), {52, "step"});
  for (const std::uint32_t uid : {0U, 33U, 100'000U}) {
    EXPECT_TRUE(falls_under(peer_at(below, uid), below, *job));
    EXPECT_EQ(bindings_of(peer_at(kContainer, uid), kContainer, {}).front(), *job);
  }
  EXPECT_FALSE(falls_under(peer_at(kService, 0), kService, *job));
}

TEST(Binding, NobodyBecomesAJobByGoingIntoItsCgroup) {
  const auto job = binding_for_job(peer_at(kContainer, 0), kContainer, {});
  ASSERT_TRUE(job);
  EXPECT_FALSE(falls_under(peer_at(kContainer, kAlice, kAlice, 5), kContainer, *job));
  EXPECT_FALSE(falls_under(peer_at(kContainer, 0, kAlice, 5), kContainer, *job));
}

TEST(Binding, ALoginHandsOverAJobOnlyWhereItIsOneOfARunner) {
  const std::vector<Cgroup> own = {{81, "build-7"}, {80, "session-8.scope"}, {1, ""}};
  const BindingSettings settings{DerivedUse::OfLogin, {kJenkins}, false};
  const auto job = binding_for_job(peer_at(own, kJenkins, kJenkins, 8), own, settings);
  ASSERT_TRUE(job);
  EXPECT_EQ(to_string(*job), "job in cgroup 81, audit session 8");
  // The job comes before the login that its runner has.
  EXPECT_EQ(bindings_of(peer_at(own, kJenkins, kJenkins, 8), own, settings).front(), *job);
  EXPECT_EQ(binding_for_job(peer_at(own, kAlice, kAlice, 5), own, settings).error(),
            BindingFault::LoginIsNoRunner);
  EXPECT_EQ(binding_for_job(peer_at(own, kJenkins, kAlice, 5), own, settings).error(),
            BindingFault::LoginIsNoRunner);
}

TEST(Binding, AJobWithoutACgroupOfItsOwnIsRefusedUnlessItIsAlone) {
  BindingSettings settings{DerivedUse::OfLogin, {kJenkins}, false};
  const Peer in_service = peer_at(kService, 33),
             in_login = peer_at(kTerminal, kJenkins, kJenkins, 5);
  EXPECT_EQ(binding_for_job(in_service, kService, settings).error(), BindingFault::JobSharesCgroup);
  EXPECT_EQ(binding_for_job(in_login, kTerminal, settings).error(), BindingFault::JobSharesCgroup);
  settings.job_may_fill_unit = true;
  EXPECT_TRUE(binding_for_job(in_service, kService, settings));
  EXPECT_TRUE(binding_for_job(in_login, kTerminal, settings));
}

TEST(Binding, WhoGoesDeeperThanTheBoundFallsUnderNothingAround) {
  std::vector<Cgroup> deep = kContainer;
  for (std::size_t n = 0; n < limits::kCgroupDepth; ++n)
    deep.insert(deep.begin(), {1000 + n, "deeper"});
  const auto job = binding_for_job(peer_at(kContainer, 0), kContainer, {});
  EXPECT_FALSE(falls_under(peer_at(deep, 0), deep, *job));
  EXPECT_EQ(bindings_of(peer_at(deep, 0), deep, {}).size(), 2 * limits::kCgroupDepth);
}

TEST(Binding, HalfALoginIsNone) {
  EXPECT_FALSE(has_login(peer_at(kService, 33, kAlice)));
  EXPECT_FALSE(has_login(peer_at(kService, 33, kUnsetAuditId, 5)));
  EXPECT_FALSE(is_derived(peer_at(kService, 33, kAlice)));
}

TEST(BootId, OnlyTheKernelsSpellingIsRead) {
  const auto id = parse_boot_id("00112233-4455-6677-8899-aabbccddeeff\n");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->bytes[15], 0xff);
  EXPECT_EQ(parse_boot_id("00112233-4455-6677-8899-aabbccddeeff"), id);
  for (const char* bad :
       {"", "\n", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeeff0",
        "0011223304455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefg",
        "00112233445566778899aabbccddeeff", "-0112233-4455-6677-8899-aabbccddeeff"})
    EXPECT_FALSE(parse_boot_id(bad)) << bad;
}

TEST(BindingFault, EachHasAClauseOfItsOwn) {
  std::vector<std::string_view> clauses;
  for (const auto fault :
       {BindingFault::DerivedRefused, BindingFault::CgroupTooWide, BindingFault::CgroupUnknown,
        BindingFault::LoginIsNoRunner, BindingFault::JobSharesCgroup})
    clauses.push_back(to_string(fault));
  std::sort(clauses.begin(), clauses.end());
  EXPECT_EQ(std::adjacent_find(clauses.begin(), clauses.end()), clauses.end());
}

}  // namespace
}  // namespace veilwire::identity
