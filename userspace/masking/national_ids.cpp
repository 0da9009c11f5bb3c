#include "userspace/masking/national_ids.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace veilwire::masking {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
unsigned value(char c) { return static_cast<unsigned>(c - '0'); }
// 0 to 9 for digits, 10 to 35 for letters.
unsigned base36(char c) { return digit(c) ? value(c) : static_cast<unsigned>(c - 'A') + 10; }

// Letters in capitals and digits; all that stands between them is layout.
std::string compact(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (digit(c) || upper(c)) out += c;
  }
  return out;
}

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), digit); }

// The digits of a number that has so many and nothing else; empty otherwise, or when all are alike.
std::string number(std::string_view text, std::size_t digits) {
  std::string out = compact(text);
  const bool alike = out.find_first_not_of(out.substr(0, 1)) == std::string::npos;
  if (out.size() != digits || !all_digits(out) || alike) out.clear();
  return out;
}

unsigned weighted(std::string_view digits, std::initializer_list<unsigned> weights) {
  unsigned sum = 0;
  std::size_t i = 0;
  for (unsigned w : weights) sum += w * value(digits[i++]);
  return sum;
}

// The sum of digits * falling weights, from `first` down.
unsigned falling(std::string_view digits, std::size_t count, unsigned first) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < count; ++i)
    sum += value(digits[i]) * (first - static_cast<unsigned>(i));
  return sum;
}

std::uint64_t as_integer(std::string_view digits) {
  std::uint64_t n = 0;
  for (char c : digits) n = n * 10 + value(c);
  return n;
}

struct IbanLength {
  char country[3];
  std::uint8_t length;
};

// The SWIFT IBAN registry; a country that is not in it has no IBAN.
constexpr IbanLength kIbanLengths[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30}};

}  // namespace

bool is_iban(std::string_view text) {
  const std::string n = compact(text);
  if (n.size() < 15 || !upper(n[0]) || !upper(n[1]) || !digit(n[2]) || !digit(n[3])) return false;
  const auto* country = std::find_if(std::begin(kIbanLengths), std::end(kIbanLengths),
                                     [&](const IbanLength& l) { return n.starts_with(l.country); });
  if (country == std::end(kIbanLengths) || country->length != n.size()) return false;
  unsigned rest = 0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    const unsigned v = base36(n[(i + 4) % n.size()]);
    rest = (rest * (v < 10 ? 10 : 100) + v) % 97;
  }
  return rest == 1;
}

bool is_us_ssn(std::string_view text) {
  const std::string n = number(text, 9);
  if (n.empty()) return false;
  const std::string area = n.substr(0, 3);
  return area != "000" && area != "666" && area[0] != '9' && n.substr(3, 2) != "00" &&
         n.substr(5) != "0000";
}

bool is_nhs_number(std::string_view text) {
  const std::string n = number(text, 10);
  return !n.empty() && (falling(n, 9, 10) + value(n[9])) % 11 == 0;
}

bool is_german_tax_id(std::string_view text) {
  const std::string n = number(text, 11);
  if (n.empty() || n[0] == '0') return false;
  std::array<unsigned, 10> count{};
  for (std::size_t i = 0; i < 10; ++i) ++count[value(n[i])];
  // One digit stands twice or three times, all others at most once.
  const auto often = std::count_if(count.begin(), count.end(), [](unsigned c) { return c > 1; });
  if (often != 1 || *std::max_element(count.begin(), count.end()) > 3) return false;
  unsigned product = 10;
  for (std::size_t i = 0; i < 10; ++i) {
    unsigned sum = (value(n[i]) + product) % 10;
    if (sum == 0) sum = 10;
    product = sum * 2 % 11;
  }
  return (11 - product) % 10 == value(n[10]);
}

bool is_french_nir(std::string_view text) {
  std::string n = compact(text);
  if (n.size() != 15) return false;
  std::uint64_t less = 0;
  if (n[5] == '2' && (n[6] == 'A' || n[6] == 'B')) {
    less = n[6] == 'A' ? 1'000'000 : 2'000'000;
    n[6] = '0';
  }
  if (!all_digits(n)) return false;
  const std::uint64_t body = as_integer(std::string_view(n).substr(0, 13)) - less;
  return 97 - body % 97 == as_integer(std::string_view(n).substr(13));
}

bool is_spanish_dni(std::string_view text) {
  std::string n = compact(text);
  if (n.size() != 9) return false;
  if (n[0] >= 'X' && n[0] <= 'Z') n[0] = static_cast<char>(n[0] - 'X' + '0');
  if (!all_digits(std::string_view(n).substr(0, 8))) return false;
  constexpr std::string_view kLetters = "TRWAGMYFPDXBNJZSQVHLCKE";
  return kLetters[as_integer(std::string_view(n).substr(0, 8)) % kLetters.size()] == n[8];
}

bool is_codice_fiscale(std::string_view text) {
  const std::string n = compact(text);
  if (n.size() != 16) return false;
  constexpr std::array<unsigned, 26> kOdd = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                             20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  unsigned sum = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    const unsigned v = digit(n[i]) ? value(n[i]) : static_cast<unsigned>(n[i] - 'A');
    sum += i % 2 == 0 ? kOdd[v] : v;
  }
  return static_cast<char>('A' + sum % 26) == n[15];
}

bool is_dutch_bsn(std::string_view text) {
  const std::string n = number(text, 9);
  return !n.empty() && (falling(n, 8, 9) + 10 * value(n[8])) % 11 == 0;
}

bool is_pesel(std::string_view text) {
  const std::string n = number(text, 11);
  return !n.empty() && weighted(n, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1}) % 10 == 0;
}

bool is_belgian_nn(std::string_view text) {
  const std::string n = number(text, 11);
  if (n.empty()) return false;
  const std::uint64_t body = as_integer(std::string_view(n).substr(0, 9));
  const std::uint64_t check = as_integer(std::string_view(n).substr(9));
  return 97 - body % 97 == check || 97 - (2'000'000'000 + body) % 97 == check;
}

bool is_portuguese_nif(std::string_view text) {
  const std::string n = number(text, 9);
  if (n.empty()) return false;
  const unsigned rest = falling(n, 8, 9) % 11;
  return (rest < 2 ? 0 : 11 - rest) == value(n[8]);
}

bool is_personnummer(std::string_view text) {
  std::string n = compact(text);
  if (n.size() == 12) n.erase(0, 2);
  n = number(n, 10);
  if (n.empty()) return false;
  unsigned sum = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    const unsigned d = value(n[i]) * (i % 2 == 0 ? 2 : 1);
    sum += d > 9 ? d - 9 : d;
  }
  return sum % 10 == 0;
}

bool is_hetu(std::string_view text) {
  if (text.size() != 11) return false;
  const std::string day(text.substr(0, 6)), serial(text.substr(7, 3));
  if (!all_digits(day) || !all_digits(serial)) return false;
  constexpr std::string_view kChecks = "0123456789ABCDEFHJKLMNPRSTUVWXY";
  return kChecks[as_integer(day + serial) % kChecks.size()] == text[10];
}

bool is_fodselsnummer(std::string_view text) {
  const std::string n = number(text, 11);
  return !n.empty() && weighted(n, {3, 7, 6, 1, 8, 9, 4, 5, 2, 1}) % 11 == 0 &&
         weighted(n, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1}) % 11 == 0;
}

bool is_ahv_number(std::string_view text) {
  const std::string n = number(text, 13);
  return n.starts_with("756") && weighted(n, {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1}) % 10 == 0;
}

bool is_tckn(std::string_view text) {
  const std::string n = number(text, 11);
  if (n.empty() || n[0] == '0') return false;
  const unsigned odd = weighted(n, {1, 0, 1, 0, 1, 0, 1, 0, 1});
  const unsigned even = weighted(n, {0, 1, 0, 1, 0, 1, 0, 1});
  return (odd * 7 + 10 * even - even) % 10 == value(n[9]) &&
         (odd + even + value(n[9])) % 10 == value(n[10]);
}

bool is_aadhaar(std::string_view text) {
  const std::string n = number(text, 12);
  if (n.empty() || n[0] < '2') return false;
  // Verhoeff: the dihedral group of order 10, and a permutation applied once more at each place.
  constexpr std::array<std::array<unsigned, 10>, 10> kProduct = {{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                                                                  {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
                                                                  {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
                                                                  {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
                                                                  {4, 0, 1, 2, 3, 9, 5, 6, 7, 8},
                                                                  {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
                                                                  {6, 5, 9, 8, 7, 1, 0, 4, 3, 2},
                                                                  {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
                                                                  {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
                                                                  {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}};
  constexpr std::array<unsigned, 10> kPermutation = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
  unsigned check = 0;
  for (std::size_t place = 0; place < n.size(); ++place) {
    unsigned d = value(n[n.size() - 1 - place]);
    for (std::size_t k = 0; k < place % 8; ++k) d = kPermutation[d];
    check = kProduct[check][d];
  }
  return check == 0;
}

bool is_chinese_id(std::string_view text) {
  const std::string n = compact(text);
  if (n.size() != 18 || !all_digits(std::string_view(n).substr(0, 17))) return false;
  const unsigned sum = weighted(n, {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2});
  return std::string_view("10X98765432")[sum % 11] == n[17];
}

bool is_my_number(std::string_view text) {
  const std::string n = number(text, 12);
  if (n.empty()) return false;
  const unsigned rest = weighted(n, {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11;
  return (rest < 2 ? 0 : 11 - rest) == value(n[11]);
}

bool is_singapore_nric(std::string_view text) {
  const std::string n = compact(text);
  if (n.size() != 9 || !all_digits(std::string_view(n).substr(1, 7))) return false;
  unsigned sum = weighted(std::string_view(n).substr(1), {2, 7, 6, 5, 4, 3, 2});
  std::string_view letters;
  switch (n[0]) {
    case 'T':
      sum += 4;
      [[fallthrough]];
    case 'S':
      letters = "JZIHGFEDCBA";
      break;
    case 'G':
      sum += 4;
      [[fallthrough]];
    case 'F':
      letters = "XWUTRQPNMLK";
      break;
    case 'M':
      sum += 3;
      letters = "XWUTRQPNJLK";
      break;
    default:
      return false;
  }
  return letters[sum % 11] == n[8];
}

bool is_taiwanese_id(std::string_view text) {
  const std::string n = compact(text);
  if (n.size() != 10 || !upper(n[0])) return false;
  // Letters were numbered as the counties were.
  constexpr std::string_view kOrder = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
  const auto code = static_cast<unsigned>(kOrder.find(n[0])) + 10;
  // A foreigner's second letter counts by its last digit.
  unsigned second = 0;
  if (digit(n[1]))
    second = value(n[1]);
  else
    second = (static_cast<unsigned>(kOrder.find(n[1])) + 10) % 10;
  if (!all_digits(std::string_view(n).substr(2))) return false;
  const unsigned sum = code / 10 + code % 10 * 9 + second * 8 +
                       weighted(std::string_view(n).substr(2), {7, 6, 5, 4, 3, 2, 1, 1});
  return sum % 10 == 0;
}

bool is_hong_kong_id(std::string_view text) {
  const std::string n = compact(text);
  if (n.size() != 8 && n.size() != 9) return false;
  const std::size_t letters = n.size() - 7;
  unsigned sum = letters == 1 ? 36 * 9 : 0;
  for (std::size_t i = 0; i + 1 < n.size(); ++i) {
    if (upper(n[i]) != (i < letters)) return false;
    sum += base36(n[i]) * static_cast<unsigned>(n.size() - i);
  }
  if (!digit(n.back()) && n.back() != 'A') return false;
  return (sum + base36(n.back())) % 11 == 0;
}

bool is_thai_id(std::string_view text) {
  const std::string n = number(text, 13);
  return !n.empty() && (11 - falling(n, 12, 13) % 11) % 10 == value(n[12]);
}

bool is_brazilian_cpf(std::string_view text) {
  const std::string n = number(text, 11);
  if (n.empty()) return false;
  const auto check = [&](std::size_t count) {
    const unsigned rest = falling(n, count, static_cast<unsigned>(count) + 1) % 11;
    return rest < 2 ? 0 : 11 - rest;
  };
  return check(9) == value(n[9]) && check(10) == value(n[10]);
}

}  // namespace veilwire::masking
