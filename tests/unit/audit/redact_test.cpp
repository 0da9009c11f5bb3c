#include "userspace/audit/redact.h"

#include <gtest/gtest.h>

namespace veilwire::audit {
namespace {

const Secret& key() {
  static const Secret site_key(std::string("a key of this site"));
  return site_key;
}

TEST(Redact, TakesEveryKnownCredentialField) {
  for (const char* name :
       {"authorization", "Authorization", "PROXY-AUTHORIZATION", "x-api-key", "cookie",
        "Set-Cookie", "x-goog-api-key", "x-amz-security-token", "x-csrf-token", "x-vendor-secret",
        "api-key", "x-hub-signature", "cf-access-jwt-assertion", "cf-access-client-secret"}) {
    Fields fields = {{name, "sk-not-a-real-key"}};
    redact_fields(fields, key());
    EXPECT_EQ(fields[0].second, redacted("sk-not-a-real-key", key())) << name;
    EXPECT_EQ(fields[0].first, name);
  }
}

TEST(Redact, LeavesOtherFieldsAlone) {
  const Fields before = {{"host", "api.anthropic.com"},
                         {"anthropic-ratelimit-tokens-remaining", "12000"},
                         {"www-authenticate", "Bearer resource_metadata=\"https://x/y\""},
                         {"mcp-session-id", "1868a90c"},
                         {"content-type", "application/json"},
                         {"location", "https://example.com/a/b?page=2#top"},
                         {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  Fields fields = before;
  redact_fields(fields, key());
  EXPECT_EQ(fields, before);
}

TEST(Redact, GivesOneKeyOneDigestWhereverItStands) {
  Fields fields = {{"authorization", "Bearer  abc"}, {"x-api-key", "abc"}, {"cookie", "Bearer"}};
  redact_fields(fields, key());
  EXPECT_EQ(fields[0].second, fields[1].second);
  EXPECT_NE(fields[0].second, fields[2].second);
  EXPECT_NE(redacted("abc", Secret(std::string("another site"))), fields[1].second);
}

// HMAC-SHA-256("Jefe", "what do ya want for nothing?"), RFC 4231 test case 2.
TEST(Redact, DigestIsTheStartOfTheHmac) {
  EXPECT_EQ(redacted("what do ya want for nothing?", Secret(std::string("Jefe"))),
            "digest:5bdcc146bf60754e");
}

TEST(Redact, TakesCredentialsOutOfTargets) {
  const auto digest = [](std::string_view s) { return redacted(s, key()); };
  EXPECT_EQ(redact_target("/v1/messages?beta=true", key()), "/v1/messages?beta=true");
  EXPECT_EQ(redact_target("/v1/x?key=AB&page=2", key()), "/v1/x?key=" + digest("AB") + "&page=2");
  EXPECT_EQ(redact_target("/cb?state=1&Access_Token=t&x", key()),
            "/cb?state=1&Access_Token=" + digest("t") + "&x");
  EXPECT_EQ(redact_target("/cb#id_token=t;a=b", key()), "/cb#id_token=" + digest("t") + ";a=b");
  EXPECT_EQ(redact_target("/x?X-Amz-Signature=00ff", key()),
            "/x?X-Amz-Signature=" + digest("00ff"));
  EXPECT_EQ(redact_target("https://u:p@w@h/x?max_tokens=5", key()),
            "https://" + digest("u:p@w") + "@h/x?max_tokens=5");
  EXPECT_EQ(redact_target("/go?to=https://a@b/", key()), "/go?to=https://a@b/");
  for (const char* odd : {"", "*", "?", "/?=", "/?key=", "/?key", "#", "://", "host:443"}) {
    EXPECT_EQ(redact_target(odd, key()), odd);
  }
}

TEST(Redact, TakesCredentialsOutOfUrlFields) {
  Fields fields = {{"Location", "https://example.com/cb?code=xyz"}};
  redact_fields(fields, key());
  EXPECT_EQ(fields[0].second, "https://example.com/cb?code=" + redacted("xyz", key()));
}

}  // namespace
}  // namespace veilwire::audit
