#include "userspace/identity/userinfo.h"

#include "tests/unit/identity/oidc_fixtures.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using Groups = std::vector<std::string>;

TEST(UserInfo, IsAskedForWithTheAccessToken) {
  // OpenID Connect Core 1.0, 5.3.1.
  OidcProvider idp = provider();
  Tokens tokens;
  tokens.access_token = secret("SlAV32hkKG");
  EXPECT_FALSE(userinfo_request(idp, tokens));
  idp.userinfo_endpoint = parse_url("https://idp.example/userinfo", PlainHttp::No);
  const auto sent = userinfo_request(idp, tokens);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->method, IdpRequest::Method::Get);
  EXPECT_EQ(sent->url.target, "/userinfo");
  EXPECT_EQ(sent->authorization.reveal(), "Bearer SlAV32hkKG");
  tokens.bound = true;  // RFC 9449, 7.1
  EXPECT_EQ(userinfo_request(idp, tokens)->authorization.reveal(), "DPoP SlAV32hkKG");
}

std::string verdict_of(std::string_view json, const Groups& path = {"groups"}) {
  const auto info = read_userinfo(answer(json), "248289761001", path);
  if (!info) return to_string(info.error());
  if (!info->groups) return "no groups named";
  std::string out;
  for (const std::string& group : *info->groups) out += group + ' ';
  return out;
}
std::string said(IdpError error, std::string_view about) {
  return to_string(IdpFault{.error = error, .about = about});
}

TEST(UserInfo, TellsTheGroupsOfToday) {
  // The example of 5.3.2, which has none.
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","name":"Jane Doe","given_name":"Jane",
    "family_name":"Doe","preferred_username":"j.doe","email":"janedoe@example.com",
    "picture":"http://example.com/janedoe/me.jpg"})"),
            "no groups named");
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","groups":["b","a","b"]})"), "a b ");
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","groups":"a"})"), "a ");
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","groups":[]})"), "");
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","groups":null})"), "no groups named");
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","groups":7})", {}), "no groups named");
  EXPECT_EQ(verdict_of(R"({"sub":"248289761001","realm_access":{"roles":["r"]}})",
                       {"realm_access", "roles"}),
            "r ");
  for (const char* groups : {"7", "{}", "[7]", R"(["a\nb"])"})
    EXPECT_EQ(verdict_of(R"({"sub":"248289761001","groups":)" + std::string(groups) + "}"),
              said(IdpError::MemberMalformed, "groups"));
}

TEST(UserInfo, AboutSomebodyElseIsNoAnswer) {
  EXPECT_EQ(verdict_of(R"({"sub":"24828976100","groups":["a"]})"),
            said(IdpError::MemberMalformed, "sub"));
  EXPECT_EQ(verdict_of(R"({"groups":["a"]})"), said(IdpError::MemberMissing, "sub"));
  EXPECT_EQ(verdict_of(R"({"sub":248289761001})"), said(IdpError::MemberMissing, "sub"));
}

TEST(UserInfo, OfAnAccessTokenThatIsNotTakenSaysNothingAboutThePerson) {
  // 5.3.3: the error is in a header, which nothing is concluded from.
  for (const int status : {401, 403, 500}) {
    const auto info = read_userinfo(answer("", status), "248289761001", {"groups"});
    ASSERT_FALSE(info);
    EXPECT_EQ(verdict(info.error()), IdpVerdict::Failing);
  }
  EXPECT_FALSE(read_userinfo(answer("e30.e30.AA", 200, "application/jwt"), "248289761001", {}));
}

}  // namespace
}  // namespace veilwire::identity
