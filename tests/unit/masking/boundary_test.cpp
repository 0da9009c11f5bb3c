// Where a token of a foreign rule ends once its boundary has been widened.
#include "userspace/masking/boundary.h"

#include "userspace/masking/engine.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

// As gitleaks ends 151 of its 221 expressions.
const std::string kEnd = R"((?:[\x60'"\s;]|\\[nr]|$))";

// The secret that the widened expression finds in the text; empty: none.
std::string found(const std::string& regex, const std::string& text) {
  const RulePack pack{"test", {[&] {
                        Rule r;
                        r.id = "r";
                        r.regex = widen_boundary(regex);
                        return r;
                      }()}};
  const auto engine = compile(
      {&pack, 1}, [](const Rule&) { return Treatment::Mask; }, Secret(std::string("key")));
  if (!engine) return "error: " + engine.error().message;
  const auto findings = find_all(**engine, text);
  return findings.empty() ? "" : text.substr(findings[0].offset, findings[0].length);
}

TEST(WidenBoundary, ATokenEndsWhereItsAlphabetEnds) {
  const std::string regex = R"(\b(tok_[a-z0-9]{8}))" + kEnd;
  const std::string token = "tok_ab12cd34";
  for (const std::string behind : {"",  " ", "\"", "'", "`", ";", "\n", "\\n", ".",    ",", ")",
                                   "|", "<", "*",  ":", "]", "}", "。", "是",  "\\\"", "-", "/"}) {
    EXPECT_EQ(found(regex, "it is " + token + behind), token) << behind;
  }
  for (const std::string behind : {"a", "0", "Z", "_"}) EXPECT_EQ(found(regex, token + behind), "");
}

TEST(WidenBoundary, TheAlphabetIsThatOfTheLastPart) {
  EXPECT_EQ(found("(x-[0-9]{4})" + kEnd, "x-1234."), "x-1234");
  EXPECT_EQ(found("(x-[0-9]{4})" + kEnd, "x-1234-"), "x-1234");
  EXPECT_EQ(found("(x-[0-9]{4})" + kEnd, "x-1234a"), "") << "a word goes on";
  EXPECT_EQ(found("(x-[0-9-]{4})" + kEnd, "x-1234-"), "");
  EXPECT_EQ(found("(x-[a-z]{4,8}={0,2})" + kEnd, "x-abcde==,"), "x-abcde==");
  EXPECT_EQ(found("(x-[a-z]{4,8}={0,2})" + kEnd, "x-abcd==="), "") << "more than it can hold";
  EXPECT_EQ(found("(?i)(x-[a-z]{4})" + kEnd, "X-ABCD."), "X-ABCD");
  EXPECT_EQ(found("(x-(?:[a-z]{4}|!{2}))" + kEnd, "x-!!,"), "x-!!");
  EXPECT_EQ(found("(x-(?:[a-z]{4}|!{2}))" + kEnd, "x-!!!"), "");
}

TEST(WidenBoundary, WhatEndsOtherwiseComesBackAsItIs) {
  for (const std::string regex :
       {R"(tok_[a-z]{8})", R"(tok_[a-z]{8}\b)", R"(tok_[a-z]{8}(?:[^a-z]|$))", R"((a|$))",
        R"((tok_[a-z]{8})(;|$))", R"(tok_[a-z]{8}(?:;|,))", R"(tok_[a-z]{8}(?:\s|\B|\z))",
        R"(tok_[a-z]{8}(?: and|$))", R"(tok_(broken)", "", "$", R"((?:;|$))"}) {
    EXPECT_EQ(widen_boundary(regex), regex);
  }
}

TEST(WidenBoundary, OnceIsEnough) {
  const std::string once = widen_boundary("(tok_[a-z]{8})" + kEnd);
  EXPECT_NE(once, "(tok_[a-z]{8})" + kEnd);
  EXPECT_EQ(widen_boundary(once), once);
}

}  // namespace
}  // namespace veilwire::masking
