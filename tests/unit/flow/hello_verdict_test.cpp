#include "userspace/flow/hello_verdict.h"

#include "tests/unit/tls/hello_builder.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

namespace build = wire::testing;
using What = HelloVerdict::What;

policy::Policy policy_of(std::string_view uninspected = "") {
  auto policy = policy::parse(R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[host]]
name = "*.mcp.example"
speaks = "mcp"
)" + std::string(uninspected),
                              "policy.toml");
  if (!policy) ADD_FAILURE() << policy::to_string(policy.error());
  return std::move(policy).value();
}

TEST(HelloVerdict, AHostOfThePolicyIsIntercepted) {
  const auto verdict =
      judge_hello(build::hello(build::server_name("api.anthropic.com")), policy_of());
  EXPECT_EQ(verdict.what, What::Intercept);
  EXPECT_EQ(verdict.server_name, "api.anthropic.com");
  EXPECT_EQ(verdict.service, policy::Service::Anthropic);
  EXPECT_EQ(judge_hello(build::hello(build::server_name("one.mcp.example")), policy_of()).service,
            policy::Service::Mcp);
}

TEST(HelloVerdict, AnyOtherHostIsSpliced) {
  const auto verdict = judge_hello(build::hello(build::server_name("other.example")), policy_of());
  EXPECT_EQ(verdict.what, What::Splice);
  EXPECT_EQ(verdict.reason, "spliced");
  EXPECT_EQ(verdict.server_name, "other.example");
}

TEST(HelloVerdict, AnOutsideNameThatMayBeACoverIsNotedOnTheSplice) {
  const auto verdict = judge_hello(
      build::hello(build::server_name("other.example") + build::extension(0xfe0d, "anything")),
      policy_of());
  EXPECT_EQ(verdict.what, What::Splice);
  EXPECT_EQ(verdict.reason, "spliced, perhaps under a cover name");
}

TEST(HelloVerdict, EveryBeginningOfAHelloNeedsMore) {
  const std::string hello = build::hello(build::server_name("api.anthropic.com"));
  for (std::size_t size = 0; size < hello.size(); ++size)
    EXPECT_EQ(judge_hello(std::string_view(hello).substr(0, size), policy_of()).what,
              What::NeedMore);
}

TEST(HelloVerdict, WhatCannotBeReadPassesOrNotAsPolicySays) {
  const struct {
    std::string bytes;
    std::string_view reason;
    char alert;
  } cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", "not_tls", 0},
      {build::hello(build::supported_versions("\x03\x04")), "no_server_name", kUnrecognizedName},
      {build::records(build::message("nonsense")), "malformed", kDecodeError}};
  for (const auto& one : cases) {
    const std::string key(one.reason);
    const auto passes =
        judge_hello(one.bytes, policy_of("[uninspected]\n" + key + " = \"pass\"\n"));
    EXPECT_EQ(passes.what, What::Splice) << key;
    EXPECT_EQ(passes.reason, one.reason);
    const auto blocks =
        judge_hello(one.bytes, policy_of("[uninspected]\n" + key + " = \"block\"\n"));
    EXPECT_EQ(blocks.what, What::Refuse) << key;
    EXPECT_EQ(blocks.alert, one.alert) << key;
  }
}

}  // namespace
}  // namespace veilwire::flow
