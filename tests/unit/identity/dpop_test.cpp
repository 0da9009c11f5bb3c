#include "userspace/identity/dpop.h"

#include "tests/unit/identity/oidc_fixtures.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/public_key.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::identity {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// What a server makes of a proof (RFC 9449, 4.3), before it looks at the claims.
struct Shown {
  json header, claims;
};
Shown shown(const std::string& proof) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= proof.size();) {
    const std::size_t end = std::min(proof.find('.', begin), proof.size());
    parts.push_back(proof.substr(begin, end - begin));
    begin = end + 1;
  }
  EXPECT_EQ(parts.size(), 3U);
  if (parts.size() != 3) return {};
  const auto decoded = [](const std::string& part) {
    return crypto::base64url_decode(part).value_or("");
  };
  Shown shown{json::parse(decoded(parts[0])), json::parse(decoded(parts[1]))};
  const json& jwk = shown.header["jwk"];
  const auto key =
      crypto::PublicKey::ec(crypto::PublicKey::Curve::P256, decoded(jwk["x"]), decoded(jwk["y"]));
  EXPECT_TRUE(key && key->verify(crypto::SignatureAlgorithm::Es256, parts[0] + "." + parts[1],
                                 decoded(parts[2])));
  return shown;
}

IdpRequest to_token_endpoint() {
  IdpRequest request;
  request.method = IdpRequest::Method::Post;
  request.url = *parse_url("https://server.example.com/token?tenant=a", PlainHttp::No);
  return request;
}
WallTime wall(seconds at) { return {at}; }

class Dpop : public Conversation {
 protected:
  std::string proof(const ProofKey& key, const IdpRequest& request,
                    const Secret* access_token = nullptr, std::string_view nonce = "") {
    return key.proof(request, access_token, nonce, wall(seconds(1'562'262'616)), context().random);
  }
};

TEST(Thumbprint, IsRfc7638sExample) {
  // 3.1.
  EXPECT_EQ(
      jwk_thumbprint(
          R"({"e":"AQAB","kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbb)"
          R"(fAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBX)"
          R"(Arwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM)"
          R"(QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqb)"
          R"(w0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})"),
      "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(Thumbprint, IsRfc9449sExample) {
  // 4.1 and 6.1.
  EXPECT_EQ(jwk_thumbprint(
                R"({"crv":"P-256","kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",)"
                R"("y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"})"),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

TEST_F(Dpop, AProofIsOfTheShapeOfRfc9449sExample) {
  // 4.1, figure 1: the members of ours are those.
  Shown theirs = shown(
      "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
      "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
      "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh"
      "0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8"
      "v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg");
  const ProofKey key = ProofKey::make();
  Shown ours = shown(proof(key, to_token_endpoint()));
  EXPECT_EQ(jwk_thumbprint(ours.header["jwk"].dump()), key.thumbprint());
  EXPECT_GE(ours.claims["jti"].get<std::string>().size(), 16U);
  for (Shown* one : {&ours, &theirs}) {
    one->claims.erase("jti");
    one->header["jwk"].erase("x");
    one->header["jwk"].erase("y");
  }
  EXPECT_EQ(ours.header, theirs.header);
  EXPECT_EQ(ours.claims, theirs.claims);
}

TEST_F(Dpop, OneWithAnAccessTokenNamesItByItsDigest) {
  IdpRequest request = to_token_endpoint();
  request.method = IdpRequest::Method::Get;
  request.url = *parse_url("https://resource.example.org/protectedresource", PlainHttp::No);
  // 7.1, figure 12.
  const Secret token = secret("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
  const Shown sent = shown(proof(ProofKey::make(), request, &token));
  EXPECT_EQ(sent.claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
  EXPECT_EQ(sent.claims["htm"], "GET");
  EXPECT_EQ(sent.claims["htu"], "https://resource.example.org/protectedresource");
}

TEST_F(Dpop, ANonceOfTheServerIsSentBack) {
  const ProofKey key = ProofKey::make();
  EXPECT_EQ(
      shown(proof(key, to_token_endpoint(), nullptr, "eyJ7S_zG.eyJH0-Z.HX4w-7v")).claims["nonce"],
      "eyJ7S_zG.eyJH0-Z.HX4w-7v");
  EXPECT_FALSE(shown(proof(key, to_token_endpoint())).claims.contains("nonce"));
}

TEST_F(Dpop, NoProofIsTheSameAsAnother) {
  const ProofKey key = ProofKey::make();
  EXPECT_NE(shown(proof(key, to_token_endpoint())).claims["jti"],
            shown(proof(key, to_token_endpoint())).claims["jti"]);
}

TEST_F(Dpop, AKeyAtRestIsTheSameAndNoOtherIsTaken) {
  const ProofKey key = ProofKey::make();
  EXPECT_NE(key.thumbprint(), ProofKey::make().thumbprint());
  const auto read = ProofKey::from_pem(key.to_pem().reveal());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->thumbprint(), key.thumbprint());
  EXPECT_EQ(jwk_thumbprint(shown(proof(*read, to_token_endpoint())).header["jwk"].dump()),
            key.thumbprint());
  EXPECT_FALSE(ProofKey::from_pem(""));
  EXPECT_FALSE(ProofKey::from_pem(crypto::PrivateKey::generate_ed25519().to_pem().reveal()));
}

TEST(DpopNonce, IsWantedWhereTheServerSaysSo) {
  // 8 and 9.
  IdpResponse response = answer(R"({"error":"use_dpop_nonce","error_description":"d"})");
  response.status = 400;
  EXPECT_FALSE(wants_nonce(response)) << "it has given none";
  response.dpop_nonce = "eyJ7S_zG.eyJH0-Z.HX4w-7v";
  EXPECT_TRUE(wants_nonce(response));
  response.body = secret(R"({"error":"authorization_pending"})");
  EXPECT_FALSE(wants_nonce(response)) << "a new one for the next request";
  response.body = secret("");
  response.status = 401;
  EXPECT_TRUE(wants_nonce(response));
  response.status = 200;
  EXPECT_FALSE(wants_nonce(response));
}

TEST(DpopNonce, CannotSplitAHeaderOrBeEndless) {
  EXPECT_TRUE(is_nonce("a-b_c~!#[]"));
  for (const std::string& text :
       {std::string(), std::string("a b"), std::string("a\r\nb"), std::string("a\"b"),
        std::string("a\\b"), std::string("\xc3\xa9"), std::string(limits::kTokenText + 1, 'a')})
    EXPECT_FALSE(is_nonce(text)) << text;
}

}  // namespace
}  // namespace veilwire::identity
