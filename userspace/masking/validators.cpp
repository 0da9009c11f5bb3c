#include "userspace/masking/validators.h"

#include "userspace/crypto/encoding.h"

#include <array>
#include <cmath>
#include <cstddef>

namespace veilwire::masking {
namespace {

bool luhn(std::string_view secret) {
  unsigned sum = 0, digits = 0;
  bool twice = false, varied = false;
  char first = 0;
  for (std::size_t i = secret.size(); i-- > 0;) {
    const char c = secret[i];
    if (c < '0' || c > '9') continue;
    unsigned d = static_cast<unsigned>(c - '0');
    if (first == 0) first = c;
    varied = varied || c != first;
    if (twice) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    twice = !twice;
    sum += d;
    ++digits;
  }
  return digits > 1 && varied && sum % 10 == 0;
}

// The header is a few dozen bytes; more is no header and would make the check cost what the token
// is long.
constexpr std::size_t kMaxJwtHeader = 4096;

bool jwt(std::string_view secret) {
  const std::size_t dot = secret.find('.');
  if (dot == std::string_view::npos || dot > kMaxJwtHeader) return false;
  const auto header = crypto::base64url_decode(secret.substr(0, dot));
  if (!header || header->size() < 2) return false;
  return header->front() == '{' && header->find("\"alg\"") != std::string::npos;
}

}  // namespace

Validator find_validator(std::string_view name) {
  if (name == "luhn") return luhn;
  if (name == "jwt") return jwt;
  return nullptr;
}

double entropy(std::string_view text) {
  if (text.empty()) return 0;
  std::array<std::size_t, 256> counts{};
  for (char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  const auto n = static_cast<double>(text.size());
  for (std::size_t count : counts) {
    if (count == 0) continue;
    const double p = static_cast<double>(count) / n;
    bits -= p * std::log2(p);
  }
  return bits;
}

}  // namespace veilwire::masking
