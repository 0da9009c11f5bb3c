#include "userspace/identity/token_bytes.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

Tokens tokens() {
  Tokens tokens;
  tokens.access_token = Secret(std::string("made-up-access-token"));
  tokens.refresh_token = Secret(std::string("made-up-refresh-token"));
  tokens.id_token = Secret(std::string("made-up-id-token"));
  tokens.scope = "openid groups";
  tokens.proof_key = Secret(std::string("made-up-key"));
  tokens.bound = true;
  tokens.since = {seconds(5)};
  tokens.until = {seconds(305)};
  return tokens;
}

TEST(TokenBytes, WhatAsksTheIdpAgainIsReadBack) {
  const Secret bytes = encode_tokens(tokens());
  EXPECT_EQ(bytes.reveal().find("id-token"), std::string_view::npos);
  const auto read = decode_tokens(bytes.reveal());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->access_token.reveal(), "made-up-access-token");
  EXPECT_EQ(read->refresh_token.reveal(), "made-up-refresh-token");
  EXPECT_TRUE(read->id_token.empty());
  EXPECT_EQ(read->scope, "openid groups");
  EXPECT_EQ(read->proof_key.reveal(), "made-up-key");
  EXPECT_TRUE(read->bound);
  EXPECT_EQ(read->since, (Monotonic{seconds(5)}));
  EXPECT_EQ(read->until, (Monotonic{seconds(305)}));
}

TEST(TokenBytes, NothingElseIsRead) {
  const std::string bytes(encode_tokens(tokens()).reveal());
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode_tokens(bytes.substr(0, n))) << n;
  EXPECT_FALSE(decode_tokens(bytes + '\0'));
  EXPECT_FALSE(decode_tokens("x" + bytes.substr(1)));
}

}  // namespace
}  // namespace veilwire::identity
