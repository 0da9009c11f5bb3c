// Tokens as anybody could write them. The same bytes stand for three things: a whole token, of
// which only those that were signed with the keys may be taken; a header, which no signature
// follows; and the claims behind a good signature, which are refused or fit what was expected.
#include "userspace/identity/jwt.h"

#include "tests/support/token_vectors.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/jws.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;
namespace tokens = test_tokens;
using identity::TokenKind;

constexpr WallTime kNow{std::chrono::seconds(1'800'000'300)};

void require(bool ok) {
  if (!ok) std::abort();
}

identity::JwkSet make_keys() {
  const auto value = [](std::string_view text) { return '"' + std::string(text) + '"'; };
  return identity::JwkSet::parse(
             R"({"keys":[{"kty":"RSA","kid":"rsa","e":"AQAB","n":)" + value(tokens::kRsaModulus) +
             R"(},{"kty":"EC","crv":"P-256","kid":"p256","x":)" + value(tokens::kP256X) +
             R"(,"y":)" + value(tokens::kP256Y) +
             R"(},{"kty":"EC","crv":"P-384","kid":"p384","x":)" + value(tokens::kP384X) +
             R"(,"y":)" + value(tokens::kP384Y) +
             R"(},{"kty":"OKP","crv":"Ed25519","kid":"ed","x":)" + value(tokens::kEd25519X) + "}]}")
      .value();
}

identity::TokenExpectation expect(TokenKind kind) {
  return {
      .kind = kind, .issuer = "https://idp.example", .audience = "veilwire", .groups = {"groups"}};
}

void check_token(std::string_view text, const identity::JwkSet& keys) {
  constexpr std::string_view kGood[] = {tokens::kRs256, tokens::kPs256, tokens::kEs256,
                                        tokens::kEs384, tokens::kEdDsa};
  const bool good = std::find(std::begin(kGood), std::end(kGood), text) != std::end(kGood);
  require(verify_token(text, keys, expect(TokenKind::Id), kNow).has_value() == good);
  (void)identity::claimed_issuer(text);
}

void check_header(std::string_view json, const identity::JwkSet& keys) {
  const std::string token = crypto::base64url_encode(json) + ".e30.AA";
  const auto jws = identity::parse_jws(token);
  if (!jws) return;
  require(!jws->kid || jws->kid->size() <= limits::kKeyId);
  require(!identity::verify(*jws, keys));
}

void check_claims(std::string_view json, TokenKind kind) {
  const identity::TokenExpectation expected = expect(kind);
  const auto token = identity::check_claims(json, expected, kNow);
  if (!token) return;
  require(token->issuer == expected.issuer);
  require(std::count(token->audience.begin(), token->audience.end(), expected.audience) > 0);
  require(token->issued_at.since_epoch <= kNow.since_epoch + expected.skew);
  require(!token->expires_at || token->expires_at->since_epoch > kNow.since_epoch - expected.skew);
  require(token->groups.size() <= limits::kTokenGroups);
  if (kind == TokenKind::Id || kind == TokenKind::Access)
    require(token->expires_at && !token->subject.empty());
  if (kind == TokenKind::Logout) require(!token->subject.empty() || !token->session.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const identity::JwkSet keys = make_keys();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_token(bytes, keys);
  check_header(bytes, keys);
  for (const TokenKind kind :
       {TokenKind::Id, TokenKind::Access, TokenKind::Logout, TokenKind::SecurityEvent})
    check_claims(bytes, kind);
  return 0;
}
