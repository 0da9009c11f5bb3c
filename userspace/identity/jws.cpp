#include "userspace/identity/jws.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/strict_json.h"

#include <algorithm>
#include <utility>

namespace veilwire::identity {
namespace {

Unexpected<TokenFault> refuse(TokenError error, std::string_view about = {}) {
  return Unexpected{TokenFault{error, about}};
}

// Of a header that may be absent, and is a text otherwise.
Result<std::optional<std::string>, TokenFault> header_text(const JsonValue& header,
                                                           std::string_view name) {
  if (header.find(name) == nullptr) return std::optional<std::string>();
  const std::string* const text = header.text_at(name);
  if (text == nullptr || text->size() > limits::kKeyId)
    return refuse(TokenError::HeaderMalformed, name);
  return std::optional(*text);
}

std::string media_type(std::string_view type) {
  constexpr std::string_view kPrefix = "application/";
  std::string lower = to_lower(type);
  if (lower.starts_with(kPrefix)) lower.erase(0, kPrefix.size());
  return lower;
}

TokenError token_error(KeyMiss miss) {
  switch (miss) {
    case KeyMiss::Unknown:
      return TokenError::UnknownKey;
    case KeyMiss::Ambiguous:
      return TokenError::AmbiguousKey;
    case KeyMiss::OtherAlgorithm:
      return TokenError::KeyOfOtherAlgorithm;
    case KeyMiss::LeftOut:
      break;
  }
  return TokenError::UnusableKey;
}

}  // namespace

Result<Jws, TokenFault> parse_jws(std::string_view token) {
  if (token.size() > limits::kToken) return refuse(TokenError::TooLarge);
  const auto dots = std::count(token.begin(), token.end(), '.');
  if (dots == 4) return refuse(TokenError::Encrypted);
  if (dots != 2) return refuse(TokenError::NotCompact);
  const std::size_t first = token.find('.'), second = token.rfind('.');
  const auto header_json = crypto::base64url_decode(token.substr(0, first));
  auto payload = crypto::base64url_decode(token.substr(first + 1, second - first - 1));
  auto signature = crypto::base64url_decode(token.substr(second + 1));
  if (!header_json) return refuse(TokenError::NotBase64Url, "header");
  if (!payload) return refuse(TokenError::NotBase64Url, "claims");
  if (!signature) return refuse(TokenError::NotBase64Url, "signature");

  const auto header = read_json_object(*header_json, limits::kToken);
  if (!header) return Unexpected{token_fault(header.error(), "header")};
  for (const std::string_view name : {"jku", "jwk", "x5u", "x5c", "crit", "b64"})
    if (header->find(name) != nullptr) return refuse(TokenError::HeaderNotAllowed, name);
  const std::string* const name = header->text_at("alg");
  const auto algorithm = name != nullptr ? crypto::signature_algorithm(*name) : std::nullopt;
  if (!algorithm) return refuse(TokenError::AlgorithmNotAllowed, "alg");
  auto kid = header_text(*header, "kid");
  if (!kid) return Unexpected{kid.error()};
  auto type = header_text(*header, "typ");
  if (!type) return Unexpected{type.error()};
  if (*type) **type = media_type(**type);
  return Jws{.algorithm = *algorithm,
             .kid = *std::move(kid),
             .type = *std::move(type),
             .payload = *std::move(payload),
             .signature = *std::move(signature),
             .signed_part = token.substr(0, second)};
}

Result<void, TokenFault> verify(const Jws& jws, const JwkSet& keys) {
  const auto jwk = keys.find(jws.kid, jws.algorithm);
  if (!jwk) return refuse(token_error(jwk.error()), "kid");
  if (!(*jwk)->key.verify(jws.algorithm, jws.signed_part, jws.signature))
    return refuse(TokenError::BadSignature);
  return {};
}

}  // namespace veilwire::identity
