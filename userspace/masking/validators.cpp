#include "userspace/masking/validators.h"

#include "userspace/crypto/encoding.h"
#include "userspace/masking/coin_addresses.h"
#include "userspace/masking/national_ids.h"

#include <algorithm>
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

struct Named {
  std::string_view name;
  Validator check;
};

constexpr Named kValidators[] = {
    {"aadhaar", is_aadhaar},
    {"ahv", is_ahv_number},
    {"base58check", is_base58check},
    {"bech32", is_bech32},
    {"belgian-nn", is_belgian_nn},
    {"bsn", is_dutch_bsn},
    {"chinese-id", is_chinese_id},
    {"codice-fiscale", is_codice_fiscale},
    {"cpf", is_brazilian_cpf},
    {"dni", is_spanish_dni},
    {"eip55", is_eip55},
    {"fodselsnummer", is_fodselsnummer},
    {"german-tax-id", is_german_tax_id},
    {"hetu", is_hetu},
    {"hkid", is_hong_kong_id},
    {"iban", is_iban},
    {"jwt", jwt},
    {"luhn", luhn},
    {"my-number", is_my_number},
    {"nhs", is_nhs_number},
    {"nif", is_portuguese_nif},
    {"nir", is_french_nir},
    {"nric", is_singapore_nric},
    {"personnummer", is_personnummer},
    {"pesel", is_pesel},
    {"ssn", is_us_ssn},
    {"taiwanese-id", is_taiwanese_id},
    {"tckn", is_tckn},
    {"thai-id", is_thai_id},
};

}  // namespace

Validator find_validator(std::string_view name) {
  const auto* found = std::find_if(std::begin(kValidators), std::end(kValidators),
                                   [&](const Named& n) { return n.name == name; });
  return found == std::end(kValidators) ? nullptr : found->check;
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
