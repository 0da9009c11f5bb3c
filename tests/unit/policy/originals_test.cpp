// Whose originals a policy keeps, and what it may not say of them.
#include "userspace/policy/policy.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::policy {
namespace {

const std::string kHost = "[[host]]\nname = \"a.example\"\nspeaks = \"anthropic\"\n";
const std::string kAuditors = "[auditors]\ncertificates = [\"a.pem\", \"b.pem\"]\n";

std::string refusal(const std::string& lines) {
  const auto policy = parse(lines + kHost, "p");
  return policy ? "accepted" : to_string(policy.error());
}

Policy read(const std::string& lines) {
  auto policy = parse(lines + kHost + kAuditors, "p");
  if (!policy) {
    ADD_FAILURE() << to_string(policy.error());
    return {};
  }
  return *std::move(policy);
}

identity::Person of(const std::string& group) {
  identity::Person person;
  person.groups = {group};
  return person;
}

TEST(PolicyOriginals, NoneIsKeptUnlessItIsAskedFor) {
  const auto policy = parse(kHost, "p");
  ASSERT_TRUE(policy);
  EXPECT_EQ(originals_of(*policy, {.host = "a.example", .person = nullptr, .model = ""}),
            Keep::None);
  EXPECT_EQ(policy->unsealed, Action::Block);
}

TEST(PolicyOriginals, TheFirstRuleThatHoldsDecides) {
  const Policy policy = read(
      "[[original]]\nmodel = \"quiet-*\"\nkeep = \"none\"\n"
      "[[original]]\ngroup = \"legal\"\nkeep = \"both\"\n"
      "[[original]]\nhost = \"a.example\"\ngroup = \"finance\"\nkeep = \"request\"\n"
      "[[original]]\nmodel = \"loud\"\nkeep = \"response\"\n");
  const identity::Person legal = of("legal"), finance = of("finance"), other = of("other");
  const auto keep = [&](const identity::Person* person, std::optional<std::string_view> model,
                        std::string_view host = "A.example") {
    return originals_of(policy, {.host = host, .person = person, .model = model});
  };
  EXPECT_EQ(keep(&legal, "quiet-3"), Keep::None);
  EXPECT_EQ(keep(&legal, "quiet"), Keep::Both);
  EXPECT_EQ(keep(&finance, "loud"), Keep::Request);
  EXPECT_EQ(keep(&finance, "loud", "b.example"), Keep::Response);
  EXPECT_EQ(keep(&other, "loud"), Keep::Response);
  EXPECT_EQ(keep(nullptr, "loud-2"), Keep::None);
  // What cannot be read may be of any model: what keeps holds, what would not does not.
  EXPECT_EQ(keep(&other, std::nullopt), Keep::Response);
  EXPECT_EQ(keep(&legal, std::nullopt), Keep::Both);
}

TEST(PolicyOriginals, OfADirectionAreThoseThatAreKept) {
  EXPECT_TRUE(keeps(Keep::Both, Direction::Request) && keeps(Keep::Both, Direction::Response));
  EXPECT_TRUE(keeps(Keep::Request, Direction::Request));
  EXPECT_FALSE(keeps(Keep::Request, Direction::Response));
  EXPECT_TRUE(keeps(Keep::Response, Direction::Response));
  EXPECT_FALSE(keeps(Keep::Response, Direction::Request));
  EXPECT_FALSE(keeps(Keep::None, Direction::Request) || keeps(Keep::None, Direction::Response));
}

TEST(PolicyOriginals, AuditorsAreReadWithTheirPlaces) {
  const Policy policy = read("[[original]]\nkeep = \"both\"\n");
  ASSERT_EQ(policy.auditors.size(), 2U);
  EXPECT_EQ(policy.auditors[1].path, "b.pem");
  EXPECT_EQ(policy.auditors[1].line, 7U);
  EXPECT_EQ(policy.auditors[1].column, 26U);
}

TEST(PolicyOriginals, WhatCannotBeMeantIsRefused) {
  EXPECT_EQ(
      refusal("[[original]]\nkeep = \"both\"\n"),
      "p:1:1: [[original]] without [auditors]: name the certificates of those who may open it");
  EXPECT_EQ(refusal("[[original]]\nkeep = \"none\"\n"), "accepted");
  EXPECT_EQ(refusal("[auditors]\ncertificates = [\"a.pem\"]\n"),
            "p:2:16: originals are sealed for two auditors at least, so that one lost key loses "
            "nothing");
  EXPECT_TRUE(
      refusal("[auditors]\nunsealed = \"pass\"\n").starts_with("p:1:1: certificates is missing"));
  EXPECT_TRUE(
      refusal(kAuditors + "unsealed = \"mask\"\n").starts_with("p:3:12: \"mask\" is no value"));
  EXPECT_TRUE(refusal("[[original]]\ngroup = \"x\"\n").starts_with("p:1:1: keep is missing"));
  EXPECT_TRUE(refusal("[[original]]\nkeep = \"all\"\n").starts_with("p:2:8: \"all\" is no value"));
  EXPECT_TRUE(refusal(kAuditors + "[[original]]\nkeep = \"both\"\nhost = \"c.example\"\n")
                  .starts_with("p:5:8: no [[host]] of this policy"));
  EXPECT_TRUE(refusal(kAuditors + "[[original]]\nkeep = \"both\"\nmodel = \"a*b\"\n")
                  .starts_with("p:5:9: model is a name"));
  EXPECT_TRUE(refusal(kAuditors + "[[original]]\nmodel = \"a*\"\nkeep = \"both\"\n"
                                  "[[original]]\nmodel = \"ab\"\nkeep = \"none\"\n")
                  .starts_with("p:6:1: [[original]] is never reached"));
}

}  // namespace
}  // namespace veilwire::policy
