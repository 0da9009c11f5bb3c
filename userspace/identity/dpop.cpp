#include "userspace/identity/dpop.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/signed_jwt.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::identity {
namespace {

constexpr auto kAlgorithm = crypto::SignatureAlgorithm::Es256;
constexpr std::size_t kCoordinate = 32;

nlohmann::json jwk_of(std::string_view x, std::string_view y) {
  return {{"kty", "EC"}, {"crv", "P-256"}, {"x", x}, {"y", y}};
}

std::string digest_of(std::string_view text) {
  const crypto::Digest digest = crypto::sha256(text);
  return crypto::base64url_encode(crypto::as_bytes(digest));
}

}  // namespace

std::string jwk_thumbprint(std::string_view jwk) { return digest_of(jwk); }

// As nlohmann writes it, members are in the order of their names.
std::string ProofKey::thumbprint() const { return jwk_thumbprint(jwk_of(x_, y_).dump()); }

ProofKey ProofKey::make() {
  auto key = from(crypto::PrivateKey::generate());
  if (!key) std::abort();
  return *std::move(key);
}

std::optional<ProofKey> ProofKey::from_pem(std::string_view pem) {
  auto key = crypto::PrivateKey::from_pem(pem);
  return key ? from(*std::move(key)) : std::nullopt;
}

// A SubjectPublicKeyInfo ends with the point: 4, x, y (RFC 5480, 2.2).
std::optional<ProofKey> ProofKey::from(crypto::PrivateKey key) {
  if (!key.serves(kAlgorithm)) return std::nullopt;
  const std::string der = key.public_der();
  if (!crypto::is_p256_public_key(der) || der.size() < 2 * kCoordinate + 1 ||
      der[der.size() - 2 * kCoordinate - 1] != 4)
    return std::nullopt;
  const std::string_view point = std::string_view(der).substr(der.size() - 2 * kCoordinate);
  return ProofKey(std::move(key), crypto::base64url_encode(point.substr(0, kCoordinate)),
                  crypto::base64url_encode(point.substr(kCoordinate)));
}

std::string ProofKey::proof(const IdpRequest& request, const Secret* access_token,
                            std::string_view nonce, WallTime now,
                            const crypto::RandomSource& random) const {
  const std::string_view url = request.url.text;
  nlohmann::json claims = {
      {"jti", crypto::base64url_encode(crypto::random_bytes(random, 16))},
      {"htm", request.method == IdpRequest::Method::Post ? "POST" : "GET"},
      {"htu", url.substr(0, url.find_first_of("?#"))},
      {"iat", std::chrono::floor<std::chrono::seconds>(now.since_epoch).count()}};
  if (access_token != nullptr) claims["ath"] = digest_of(access_token->reveal());
  if (!nonce.empty()) claims["nonce"] = nonce;
  const nlohmann::json header = {
      {"alg", crypto::to_string(kAlgorithm)}, {"typ", "dpop+jwt"}, {"jwk", jwk_of(x_, y_)}};
  return signed_jwt(key_, kAlgorithm, header.dump(), claims.dump());
}

bool wants_nonce(const IdpResponse& response) {
  if (!is_nonce(response.dpop_nonce)) return false;
  // A resource says so in WWW-Authenticate, and what was asked of it can be asked again.
  if (response.status == 401) return true;
  const auto answer = read_answer(response);
  return !answer && answer.error().code == OAuthError::UseDpopNonce;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= limits::kTokenText &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

}  // namespace veilwire::identity
