#include "userspace/identity/subject_map.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

const Account kAlice{1000, "alice", {}};
const Account kBob{1001, "bob", {}};
const Account kDeploy{1500, "deploy", {}};
const Account kRoot{0, "root", {}};
const Account kPostgres{115, "postgres", {}};
const Account kNobody{65'534, "nobody", {}};

// As check_claims() makes it, of claims that are about somebody.
VerifiedToken token(const std::string& more) {
  const std::string claims =
      R"({"iss":"https://idp.example","sub":"248289761001","aud":"veilwire",)"
      R"("iat":1800000000,"exp":1800003600)" +
      (more.empty() ? "" : "," + more) + "}";
  TokenExpectation expected;
  expected.issuer = "https://idp.example";
  expected.audience = "veilwire";
  expected.groups = {"groups"};
  auto checked = check_claims(claims, expected, {std::chrono::seconds(1'800'000'100)});
  EXPECT_TRUE(checked) << to_string(checked.error()) << " of " << claims;
  return checked ? *std::move(checked) : VerifiedToken{};
}

SubjectSettings by(SubjectRule rule) { return {.table = {}, .rules = {std::move(rule)}}; }
SubjectSettings by_username() { return by(NameClaim{{"preferred_username"}}); }

std::string rule_of(const VerifiedToken& t, const Account& account, const SubjectSettings& s) {
  const auto owned = owns_account(t, account, s);
  return owned ? owned->rule : "refused: " + owned.error().message;
}
SubjectFault fault_of(const VerifiedToken& t, const Account& account, const SubjectSettings& s) {
  const auto owned = owns_account(t, account, s);
  EXPECT_FALSE(owned);
  return owned ? SubjectFault{} : owned.error().fault;
}

TEST(SubjectMap, WithoutARuleNobodyOwnsAnything) {
  const VerifiedToken alice = token(R"("preferred_username":"alice")");
  EXPECT_EQ(fault_of(alice, kAlice, {}), SubjectFault::NoRule);
}

TEST(SubjectMap, AClaimThatIsExactlyTheUsersNameOwnsTheAccount) {
  const VerifiedToken alice = token(R"("preferred_username":"alice")");
  EXPECT_EQ(rule_of(alice, kAlice, by_username()), "claim preferred_username");
  EXPECT_EQ(fault_of(alice, kBob, by_username()), SubjectFault::WrongName);
  for (const char* other : {"Alice", "alice ", " alice", "alice@corp.example", "alic\\u0435"})
    EXPECT_EQ(fault_of(token(R"("preferred_username":")" + std::string(other) + "\""), kAlice,
                       by_username()),
              SubjectFault::WrongName)
        << other;
}

TEST(SubjectMap, ARefusalSaysWhoseAccountItIsAndWhatTheTokenClaims) {
  const auto refused =
      owns_account(token(R"("preferred_username":"mallory")"), kAlice, by_username());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "subject \"248289761001\" does not own user \"alice\" (1000): claim "
            "preferred_username is \"mallory\"");
}

TEST(SubjectMap, CaseCountsUnlessSettingsSayOtherwise) {
  SubjectSettings settings = by_username();
  const VerifiedToken shouted = token(R"("preferred_username":"ALICE")");
  EXPECT_EQ(fault_of(shouted, kAlice, settings), SubjectFault::WrongName);
  settings.ignore_case = true;
  EXPECT_EQ(rule_of(shouted, kAlice, settings), "claim preferred_username");
  // U+0130 and the Kelvin sign fold to ASCII elsewhere.
  EXPECT_EQ(fault_of(token(R"("preferred_username":"al\u0130ce")"), kAlice, settings),
            SubjectFault::WrongName);
}

TEST(SubjectMap, ADomainThatIsTakenOffMustBeTheOneOfTheRule) {
  const SubjectSettings settings = by(NameClaim{{"upn"}, "corp.example"});
  const auto upn = [](const std::string& value) { return token("\"upn\":\"" + value + "\""); };
  EXPECT_EQ(rule_of(upn("alice@corp.example"), kAlice, settings), "claim upn");
  EXPECT_EQ(rule_of(upn("alice@CORP.example"), kAlice, settings), "claim upn");
  for (const char* other :
       {"alice", "alice@evil.example", "alice@sub.corp.example", "alice@corp.example.evil.example",
        "alice@corp.example@evil.example", "alice@"})
    EXPECT_EQ(fault_of(upn(other), kAlice, settings), SubjectFault::WrongDomain) << other;
  for (const char* other : {"@corp.example", "alice@evil.example@corp.example", "bob@corp.example"})
    EXPECT_EQ(fault_of(upn(other), kAlice, settings), SubjectFault::WrongName) << other;
}

TEST(SubjectMap, AClaimMayLieInAnObject) {
  const SubjectSettings settings = by(NameClaim{{"ext", "unix_name"}});
  EXPECT_EQ(rule_of(token(R"("ext":{"unix_name":"alice"})"), kAlice, settings),
            "claim ext.unix_name");
  EXPECT_EQ(fault_of(token(R"("ext":{})"), kAlice, settings), SubjectFault::ClaimMissing);
  EXPECT_EQ(fault_of(token(""), kAlice, settings), SubjectFault::ClaimMissing);
  EXPECT_EQ(fault_of(token(""), kAlice, by(NameClaim{})), SubjectFault::ClaimMissing);
}

TEST(SubjectMap, AClaimThatIsNoNameIsRefused) {
  const SubjectSettings settings = by(NameClaim{{"upn"}});
  for (const char* value :
       {R"("")", "1000", R"(["alice"])", "true", R"("alice\u0000")", R"("alice\n")"})
    EXPECT_EQ(fault_of(token("\"upn\":" + std::string(value)), kAlice, settings),
              SubjectFault::ClaimMalformed)
        << value;
  EXPECT_EQ(fault_of(token(R"("upn":null)"), kAlice, settings), SubjectFault::ClaimMissing);
}

TEST(SubjectMap, AnEmailAddressCountsWhenTheIdpHasVerifiedIt) {
  const SubjectSettings settings = by(EmailClaim{"corp.example"});
  const std::string address = R"("email":"alice@corp.example")";
  EXPECT_EQ(rule_of(token(address + R"(,"email_verified":true)"), kAlice, settings), "email");
  EXPECT_EQ(fault_of(token(address), kAlice, settings), SubjectFault::EmailUnverified);
  for (const char* value : {"false", R"("true")", "1", "null"})
    EXPECT_EQ(fault_of(token(address + ",\"email_verified\":" + value), kAlice, settings),
              SubjectFault::EmailUnverified)
        << value;
  EXPECT_EQ(fault_of(token(R"("email_verified":true)"), kAlice, settings),
            SubjectFault::ClaimMissing);
  EXPECT_EQ(
      fault_of(token(R"("email":"alice@evil.example","email_verified":true)"), kAlice, settings),
      SubjectFault::WrongDomain);
  EXPECT_EQ(fault_of(token(address + R"(,"email_verified":true)"), kAlice, by(EmailClaim{})),
            SubjectFault::WrongDomain);
}

TEST(SubjectMap, AGroupMayShareOneAccount) {
  const SubjectSettings settings = by(GroupAccount{"deployers", "deploy"});
  const VerifiedToken member = token(R"("groups":["deployers","staff"])");
  EXPECT_EQ(rule_of(member, kDeploy, settings), "group deployers");
  EXPECT_EQ(fault_of(member, kAlice, settings), SubjectFault::GroupForOther);
  EXPECT_EQ(fault_of(token(R"("groups":["deployers2"])"), kDeploy, settings),
            SubjectFault::NotInGroup);
}

TEST(SubjectMap, TheTableIsByUserNameOrUserId) {
  const SubjectSettings settings{
      .table = {{"248289761001", std::string("alice")}, {"248289761001", 1500U}}, .rules = {}};
  EXPECT_EQ(rule_of(token(""), kAlice, settings), "table");
  EXPECT_EQ(rule_of(token(""), kDeploy, settings), "table");
  EXPECT_EQ(fault_of(token(""), kBob, settings), SubjectFault::TableSaysOther);
  // Exactly, even where claims are compared without case.
  SubjectSettings shouted{.table = {{"248289761001", std::string("Alice")}}, .rules = {}};
  shouted.ignore_case = true;
  EXPECT_EQ(fault_of(token(""), kAlice, shouted), SubjectFault::TableSaysOther);
}

TEST(SubjectMap, WhoIsInTheTableGainsNothingByAClaim) {
  SubjectSettings settings = by_username();
  settings.table = {{"248289761001", std::string("bob")}};
  const VerifiedToken renamed = token(R"("preferred_username":"alice")");
  EXPECT_EQ(fault_of(renamed, kAlice, settings), SubjectFault::TableSaysOther);
  EXPECT_EQ(rule_of(renamed, kBob, settings), "table");
  settings.table.front().subject = "somebody-else";
  EXPECT_EQ(rule_of(renamed, kAlice, settings), "claim preferred_username");
}

TEST(SubjectMap, RootAndSystemAccountsAreReachedByTheTableAlone) {
  for (const Account& account : {kRoot, kPostgres, kNobody}) {
    const VerifiedToken named =
        token("\"preferred_username\":\"" + account.name + R"(","groups":["admins"])");
    SubjectSettings settings = by_username();
    settings.rules.push_back(GroupAccount{"admins", account.name});
    EXPECT_EQ(fault_of(named, account, settings), SubjectFault::SystemAccount) << account.name;
    settings.table = {{"248289761001", account.uid}};
    EXPECT_EQ(rule_of(named, account, settings), "table");
  }
  SubjectSettings lower = by_username();
  lower.first_person = 500;
  const Account old{501, "olga", {}};
  EXPECT_EQ(rule_of(token(R"("preferred_username":"olga")"), old, lower),
            "claim preferred_username");
}

TEST(SubjectMap, TheFirstRuleThatHoldsCountsAndARefusalTellsOfEach) {
  SubjectSettings settings{.table = {},
                           .rules = {NameClaim{{"upn"}, "corp.example"}, EmailClaim{"corp.example"},
                                     GroupAccount{"deployers", "deploy"}}};
  const VerifiedToken alice =
      token(R"("upn":"al@corp.example","email":"alice@corp.example","email_verified":true)");
  EXPECT_EQ(rule_of(alice, kAlice, settings), "email");
  const auto refused = owns_account(alice, kBob, settings);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, SubjectFault::WrongName);
  EXPECT_TRUE(refused.error().message.ends_with(
      ": claim upn is \"al@corp.example\"; email is \"alice@corp.example\"; group deployers is "
      "for user \"deploy\""))
      << refused.error().message;
}

TEST(SubjectMap, ANamelessAccountIsNobodys) {
  const Account nameless{1002, "", {}};
  SubjectSettings settings = by(GroupAccount{"staff", ""});
  settings.table = {{"other", std::string()}};
  EXPECT_EQ(fault_of(token(R"("groups":["staff"])"), nameless, settings),
            SubjectFault::GroupForOther);
  settings.table.front().subject = "248289761001";
  EXPECT_EQ(fault_of(token(""), nameless, settings), SubjectFault::TableSaysOther);
}

}  // namespace
}  // namespace veilwire::identity
