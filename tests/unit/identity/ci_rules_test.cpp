#include "userspace/identity/ci_rules.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using Kind = ClaimCondition::Kind;
using Groups = std::vector<std::string>;

constexpr const char* kGitlab = "https://gitlab.example.com";
constexpr const char* kGithub = "https://token.actions.githubusercontent.com";
constexpr const char* kBuildkite = "https://agent.buildkite.com";
constexpr const char* kJenkins = "https://jenkins.acme.example/oidc";

// The claims that each documents, with our audience. GitLab: "ID token authentication", payload.
constexpr std::string_view kGitlabClaims = R"({
  "namespace_id":"72","namespace_path":"my-group","project_id":"20",
  "project_path":"my-group/my-project","user_id":"1","user_login":"sample-user",
  "user_email":"sample-user@example.com","user_access_level":"developer",
  "user_identities":[{"provider":"github","extern_uid":"2435223452345"}],
  "pipeline_id":"574","pipeline_source":"push","job_id":"302","ref":"feature-branch-1",
  "ref_type":"branch","ref_path":"refs/heads/feature-branch-1","ref_protected":"false",
  "environment":"test-environment2","environment_protected":"false","deployment_tier":"testing",
  "runner_id":1,"runner_environment":"self-hosted",
  "sha":"714a629c0b401fdce83e847fc9589983fc6f46bc",
  "ci_config_ref_uri":"gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
  "jti":"235b3a54-b797-45c7-ae9a-f72d7bc6ef5b","iss":"https://gitlab.example.com",
  "iat":1681395193,"nbf":1681395188,"exp":1681398793,
  "sub":"project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
  "aud":"https://veilwire.example"})";
// GitHub: "OpenID Connect reference".
constexpr std::string_view kGithubClaims = R"({
  "jti":"example-id","sub":"repo:octo-org/octo-repo:environment:prod","environment":"prod",
  "aud":"https://veilwire.example","ref":"refs/heads/main","sha":"example-sha",
  "repository":"octo-org/octo-repo","repository_owner":"octo-org","actor_id":"12",
  "repository_visibility":"private","repository_id":"74","repository_owner_id":"65",
  "run_id":"example-run-id","run_number":"10","run_attempt":"2","runner_environment":"self-hosted",
  "actor":"octocat","workflow":"example-workflow","head_ref":"","base_ref":"",
  "event_name":"workflow_dispatch","ref_type":"branch","ref_protected":"true",
  "job_workflow_ref":"octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
  "iss":"https://token.actions.githubusercontent.com",
  "nbf":1681395100,"exp":1681396093,"iat":1681395193})";
// Buildkite: "buildkite-agent oidc".
constexpr std::string_view kBuildkiteClaims = R"({
  "iss":"https://agent.buildkite.com",
  "sub":"organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f31820:step:",
  "aud":"https://veilwire.example","iat":1681395193,"nbf":1681395193,"exp":1681395493,
  "jti":"0194b014-8517-7cef-b232-76a827315f08","organization_slug":"acme-inc",
  "pipeline_slug":"super-duper-app","build_number":5,"build_branch":"main","build_tag":null,
  "build_commit":"9f3182061f1e2cca4702c368cbc039b7dc9d4485","step_key":null,
  "job_id":"0184990a-477b-4fa8-9968-496074483cee","agent_id":"0184990a-4782-42b5-afc1-16715b10b8ff",
  "build_source":"ui","runner_environment":"self-hosted"})";
// Jenkins: the plugin's claims are templates of the administrator; these are the ones it starts
// with, and a boolean one of their own.
constexpr std::string_view kJenkinsClaims = R"({
  "iss":"https://jenkins.acme.example/oidc","aud":"https://veilwire.example",
  "sub":"https://jenkins.acme.example/job/platform/job/deploy/","build_number":123,
  "branch_is_primary":true,"iat":1681395193,"exp":1681398793})";

VerifiedToken token(std::string claims, const char* issuer) {
  TokenExpectation expected;
  expected.issuer = issuer;
  expected.audience = "https://veilwire.example";
  auto checked = check_claims(claims, expected, {std::chrono::seconds(1'681'395'200)});
  EXPECT_TRUE(checked) << to_string(checked.error());
  return checked ? *std::move(checked) : VerifiedToken{};
}
std::string with(std::string_view claims, const std::string& from, const std::string& to) {
  std::string out(claims);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

CiRule rule(const char* issuer, std::vector<ClaimCondition> conditions, Groups groups = {"ci"},
            std::string display = "{sub}") {
  return {.name = "r",
          .issuer = issuer,
          .audience = "https://veilwire.example",
          .conditions = std::move(conditions),
          .groups = std::move(groups),
          .display = std::move(display)};
}

const std::vector<CiRule> kRules = {
    {.name = "gitlab protected",
     .issuer = kGitlab,
     .audience = "https://veilwire.example",
     .conditions = {{{"project_path"}, Kind::Glob, {"my-group/*"}},
                    {{"ref_protected"}, Kind::IsTrue}},
     .groups = {"ci-release", "ci", "ci"},
     .display = "{project_path} at {ref}"},
    {.name = "gitlab",
     .issuer = kGitlab,
     .audience = "https://veilwire.example",
     .conditions = {{{"project_path"}, Kind::Glob, {"my-group/**"}},
                    {{"runner_id"}, Kind::OneOf, {"1", "2"}}},
     .groups = {"ci"},
     .display = "{project_path} at {ref}"},
};

TEST(CiRules, GitlabsClaimsAreJudgedAndTheFirstRuleThatHoldsCounts) {
  ASSERT_TRUE(check_ci_rules(kRules));
  const auto feature = judge_job(token(std::string(kGitlabClaims), kGitlab), kRules);
  ASSERT_TRUE(feature) << feature.error().message;
  EXPECT_EQ(feature->rule, "gitlab");
  EXPECT_EQ(feature->groups, (Groups{"ci"}));
  EXPECT_EQ(feature->display, "my-group/my-project at feature-branch-1");

  const auto released = judge_job(
      token(with(kGitlabClaims, R"("ref_protected":"false")", R"("ref_protected":"true")"),
            kGitlab),
      kRules);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->rule, "gitlab protected");
  EXPECT_EQ(released->groups, (Groups{"ci", "ci-release"}));
}

TEST(CiRules, ARefusalNamesTheConditionThatFailedFirstInEachRule) {
  const auto stranger = judge_job(
      token(with(kGitlabClaims, R"("my-group/my-project")", R"("my-group-evil/my-project")"),
            kGitlab),
      kRules);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().miss, CiMiss::NoMatch);
  EXPECT_EQ(stranger.error().rule, "gitlab protected");
  EXPECT_EQ(stranger.error().claim, "project_path");
  EXPECT_EQ(stranger.error().message,
            "rule gitlab protected: claim project_path is \"my-group-evil/my-project\"; "
            "rule gitlab: claim project_path is \"my-group-evil/my-project\"");

  // Of a subgroup the first rule says nothing, and the second comes closer.
  std::string sub = with(kGitlabClaims, R"("my-group/my-project")", R"("my-group/sub/my-project")");
  sub = with(sub, R"("runner_id":1)", R"("runner_id":3)");
  const auto runner = judge_job(token(sub, kGitlab), kRules);
  ASSERT_FALSE(runner);
  EXPECT_EQ(runner.error().rule, "gitlab");
  EXPECT_EQ(runner.error().claim, "runner_id");
}

TEST(CiRules, GithubsClaimsAreJudged) {
  const std::vector<CiRule> rules = {
      rule(kGithub,
           {{{"repository_owner_id"}, Kind::OneOf, {"65"}},
            {{"repository"}, Kind::Glob, {"octo-org/octo-*"}},
            {{"ref"}, Kind::Glob, {"refs/heads/main", "refs/tags/v*"}},
            {{"environment"}, Kind::OneOf, {"prod", "stage"}},
            {{"ref_protected"}, Kind::IsTrue},
            {{"job_workflow_ref"},
             Kind::Glob,
             {"octo-org/octo-automation/.github/workflows/*@refs/heads/main"}}},
           {"ci"}, "{repository} ({workflow}, {actor})")};
  ASSERT_TRUE(check_ci_rules(rules));
  const auto job = judge_job(token(std::string(kGithubClaims), kGithub), rules);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->display, "octo-org/octo-repo (example-workflow, octocat)");

  const auto claim_of = [&](const std::string& from, const std::string& to) {
    const auto refused = judge_job(token(with(kGithubClaims, from, to), kGithub), rules);
    return refused ? "taken" : refused.error().claim;
  };
  EXPECT_EQ(claim_of(R"("repository_owner_id":"65")", R"("repository_owner_id":"66")"),
            "repository_owner_id");
  EXPECT_EQ(claim_of("refs/heads/main\",\"sha", "refs/heads/main/x\",\"sha"), "ref");
  EXPECT_EQ(claim_of("refs/heads/main\",\"sha", "refs/pull/7/merge\",\"sha"), "ref");
  EXPECT_EQ(claim_of(R"("environment":"prod",)", ""), "environment");
  EXPECT_EQ(claim_of("octo-automation/.github", "evil/.github"), "job_workflow_ref");
}

TEST(CiRules, ProtectedIsTrueOrTheTextTrueAndNothingElse) {
  const std::vector<CiRule> rules = {
      rule(kGithub,
           {{{"repository_owner"}, Kind::OneOf, {"octo-org"}}, {{"ref_protected"}, Kind::IsTrue}})};
  for (const char* yes : {"true", R"("true")"})
    EXPECT_TRUE(judge_job(token(with(kGithubClaims, R"("ref_protected":"true")",
                                     std::string(R"("ref_protected":)") + yes),
                                kGithub),
                          rules));
  for (const char* no : {"false", R"("false")", R"("True")", R"("true ")", "1", R"("1")", R"("")",
                         "null", "[true]", R"({"true":true})"})
    EXPECT_FALSE(judge_job(token(with(kGithubClaims, R"("ref_protected":"true")",
                                      std::string(R"("ref_protected":)") + no),
                                 kGithub),
                           rules))
        << no;
}

TEST(CiRules, BuildkitesClaimsAreJudged) {
  const std::vector<CiRule> rules = {rule(kBuildkite,
                                          {{{"organization_slug"}, Kind::OneOf, {"acme-inc"}},
                                           {{"pipeline_slug"}, Kind::Glob, {"super-*"}},
                                           {{"build_branch"}, Kind::OneOf, {"main"}}},
                                          {"ci"}, "{pipeline_slug} #{build_number} {step_key}")};
  ASSERT_TRUE(check_ci_rules(rules));
  const auto job = judge_job(token(std::string(kBuildkiteClaims), kBuildkite), rules);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->display, "super-duper-app #5 -");

  const std::vector<CiRule> tagged = {rule(kBuildkite, {{{"build_tag"}, Kind::Glob, {"v*"}}})};
  const auto untagged = judge_job(token(std::string(kBuildkiteClaims), kBuildkite), tagged);
  ASSERT_FALSE(untagged);
  EXPECT_EQ(untagged.error().miss, CiMiss::ClaimMissing);
}

TEST(CiRules, JenkinsClaimsAreJudged) {
  const std::vector<CiRule> rules = {
      rule(kJenkins,
           {{{"sub"}, Kind::Glob, {"https://jenkins.acme.example/job/platform/job/*/"}},
            {{"branch_is_primary"}, Kind::IsTrue}},
           {"ci"}, "jenkins {sub} {build_number}")};
  ASSERT_TRUE(check_ci_rules(rules));
  const auto job = judge_job(token(std::string(kJenkinsClaims), kJenkins), rules);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->display, "jenkins https://jenkins.acme.example/job/platform/job/deploy/ 123");
  EXPECT_FALSE(judge_job(
      token(with(kJenkinsClaims, "job/platform/job/deploy/", "job/platform/job/sub/job/deploy/"),
            kJenkins),
      rules));
}

TEST(CiRules, TokensOfAnotherIssuerOrForAnotherAudienceFindNoRule) {
  const auto unknown = judge_job(token(std::string(kGithubClaims), kGithub), kRules);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().miss, CiMiss::NoRule);
  EXPECT_EQ(unknown.error().message,
            "there is no rule for jobs of \"https://token.actions.githubusercontent.com\"");
  std::vector<CiRule> rules = kRules;
  for (CiRule& r : rules) r.audience = "https://other.example";
  const auto other = judge_job(token(std::string(kGitlabClaims), kGitlab), rules);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().miss, CiMiss::WrongAudience);
  // A rule whose conditions were looked at tells more than one for another audience.
  rules.push_back(kRules[1]);
  rules.back().conditions = {{{"project_id"}, Kind::OneOf, {"21"}}};
  const auto closer = judge_job(token(std::string(kGitlabClaims), kGitlab), rules);
  ASSERT_FALSE(closer);
  EXPECT_EQ(closer.error().miss, CiMiss::NoMatch);
  EXPECT_EQ(closer.error().claim, "project_id");
}

TEST(CiRules, AClaimThatIsNoTextMatchesNothing) {
  const std::vector<CiRule> rules = {
      rule(kGitlab, {{{"user_identities"}, Kind::Glob, {"github*"}}})};
  const auto refused = judge_job(token(std::string(kGitlabClaims), kGitlab), rules);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().miss, CiMiss::ClaimMalformed);
}

TEST(CiRules, WhatABranchIsCalledForgesNoLineAndNoLongName) {
  const std::vector<CiRule> rules = {
      rule(kGitlab, {{{"project_id"}, Kind::OneOf, {"20"}}}, {"ci"}, "{project_path} at {ref}")};
  const auto shown = [&](const std::string& ref) {
    const auto job = judge_job(
        token(with(kGitlabClaims, R"("ref":"feature-branch-1")", R"("ref":")" + ref + '"'),
              kGitlab),
        rules);
    return job ? job->display : job.error().message;
  };
  EXPECT_EQ(shown(R"(main\nroot)"), "my-group/my-project at -");
  std::string umlauts;
  for (int n = 0; n < 600; ++n) umlauts += "\xc3\xbc";
  const std::string cut = shown("x" + umlauts);
  EXPECT_LE(cut.size(), limits::kTokenText);
  EXPECT_GE(cut.size(), limits::kTokenText - 1);
  EXPECT_TRUE(cut.ends_with("\xc3\xbc"));
}

TEST(CiRules, ARuleThatWouldLetStrangersInIsNone) {
  const auto fault = [](CiRule r) {
    const auto checked = check_ci_rules({kRules[0], std::move(r)});
    EXPECT_FALSE(checked);
    if (checked) return CiRuleFault{};
    EXPECT_EQ(checked.error().rule, 1U);
    return checked.error().fault;
  };
  const auto changed = [](auto change) {
    CiRule r = kRules[0];
    change(r);
    return r;
  };
  EXPECT_EQ(fault(changed([](CiRule& r) { r.name.clear(); })), CiRuleFault::NoName);
  EXPECT_EQ(fault(changed([](CiRule& r) { r.issuer.clear(); })), CiRuleFault::NoIssuer);
  EXPECT_EQ(fault(changed([](CiRule& r) { r.audience.clear(); })), CiRuleFault::NoAudience);
  EXPECT_EQ(fault(changed([](CiRule& r) { r.conditions.clear(); })), CiRuleFault::NothingRequired);
  EXPECT_EQ(fault(changed([](CiRule& r) { r.conditions.erase(r.conditions.begin()); })),
            CiRuleFault::NothingRequired);
  EXPECT_EQ(fault(changed([](CiRule& r) { r.groups = {"a\n"}; })), CiRuleFault::BadGroup);
  for (const char* display : {"", "{", "}", "{}", "{a", "{a{b}}", "a}b"})
    EXPECT_EQ(fault(changed([&](CiRule& r) { r.display = display; })), CiRuleFault::BadDisplay)
        << display;
  const auto condition = [&](ClaimCondition c) {
    return fault(changed([&](CiRule& r) { r.conditions.front() = std::move(c); }));
  };
  EXPECT_EQ(condition({{}, Kind::OneOf, {"x"}}), CiRuleFault::NoClaim);
  EXPECT_EQ(condition({{"a", ""}, Kind::OneOf, {"x"}}), CiRuleFault::NoClaim);
  EXPECT_EQ(condition({{"a"}, Kind::OneOf, {}}), CiRuleFault::NoValue);
  EXPECT_EQ(condition({{"a"}, Kind::OneOf, {"x", ""}}), CiRuleFault::NoValue);
  EXPECT_EQ(condition({{"a"}, Kind::IsTrue, {"x"}}), CiRuleFault::NoValue);
  EXPECT_EQ(condition({{"a"}, Kind::Glob, {"x/y", "**"}}), CiRuleFault::BadPattern);
}

TEST(CiRules, EveryFaultHasAClauseOfItsOwn) {
  std::vector<std::string_view> clauses;
  for (int n = 0; n <= static_cast<int>(CiRuleFault::BadDisplay); ++n)
    clauses.push_back(to_string(static_cast<CiRuleFault>(n)));
  std::sort(clauses.begin(), clauses.end());
  EXPECT_EQ(std::adjacent_find(clauses.begin(), clauses.end()), clauses.end());
}

}  // namespace
}  // namespace veilwire::identity
