// Each check on numbers that somebody else published: where nothing else is named, the examples of
// python-stdnum (https://arthurdejong.org/python-stdnum/doc/), else the authority's own.
#include "userspace/masking/national_ids.h"

#include "userspace/masking/validators.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

struct Vector {
  const char* validator;
  const char* number;
};

// Named where not from python-stdnum.
const std::vector<Vector> kRight = {
    {"iban", "GB82 WEST 1234 5698 7654 32"},        // ISO 13616 as in Wikipedia, IBAN
    {"iban", "DE89 3704 0044 0532 0130 00"},        // SWIFT IBAN registry, Germany
    {"iban", "FR14 2004 1010 0505 0001 3M02 606"},  // SWIFT IBAN registry, France
    {"iban", "NO93 8601 1117 947"},                 // SWIFT IBAN registry, Norway
    {"ssn", "536-90-4399"},
    {"nhs", "943 476 5870"},
    {"german-tax-id", "36 574 261 809"},
    {"nir", "2 95 10 99 126 111 93"},
    {"dni", "54362315-K"},
    {"dni", "x-2482300w"},
    {"codice-fiscale", "RCCMNL83S18D969H"},
    {"bsn", "1112.22.333"},
    {"pesel", "44051401359"},
    {"belgian-nn", "85.07.30-033 28"},
    {"nif", "501 964 843"},
    {"personnummer", "880320-0016"},
    {"hetu", "131052-308T"},
    {"fodselsnummer", "151086 95088"},
    {"ahv", "756.9217.0769.85"},
    {"tckn", "17291716060"},
    {"aadhaar", "2341 2341 2346"},
    {"chinese-id", "11010519491231002X"},  // GB 11643-1999, the standard's example
    {"chinese-id", "360426199101010071"},
    {"my-number", "1234 5678 9018"},  // the Digital Agency's specimen card
    {"nric", "S1234567D"},            // the Immigration and Checkpoints Authority's specimen
    {"taiwanese-id", "A123456789"},   // the Ministry of the Interior's specimen
    {"hkid", "G123456(A)"},           // the Immigration Department's specimen
    {"hkid", "A123456(3)"},
    {"thai-id", "1-2345-45678-78-1"},
    {"thai-id", "3100600445635"},
    {"cpf", "390.533.447-05"},
};

TEST(NationalIds, AcceptWhatIsPublished) {
  for (const Vector& v : kRight) {
    const Validator check = find_validator(v.validator);
    ASSERT_NE(check, nullptr) << v.validator;
    EXPECT_TRUE(check(v.number)) << v.validator << ' ' << v.number;
  }
}

// Where there is a sum, one wrong digit never passes: that is what the sums are for.
TEST(NationalIds, RefuseEveryNumberWithOneWrongDigit) {
  for (const Vector& v : kRight) {
    if (std::string_view(v.validator) == "ssn") continue;  // has no sum
    const Validator check = find_validator(v.validator);
    for (std::size_t at = 0; v.number[at] != 0; ++at) {
      if (v.number[at] < '0' || v.number[at] > '9') continue;
      for (char digit = '0'; digit <= '9'; ++digit) {
        std::string other = v.number;
        if (digit == other[at]) continue;
        other[at] = digit;
        // A check of one digit over a remainder that can be ten lets two remainders look alike, and
        // even weights modulo ten let half of the errors through.
        const std::string_view kind = v.validator;
        if (kind == "nif" || kind == "my-number" || kind == "cpf" || kind == "thai-id" ||
            kind == "taiwanese-id")
          continue;
        // The letter of the century takes no part, and a Belgian number has two readings.
        if (kind == "nir" || kind == "belgian-nn") continue;
        EXPECT_FALSE(check(other)) << kind << ' ' << other;
      }
    }
  }
}

TEST(NationalIds, RefuseWhatIsNoNumber) {
  for (const Vector& v : kRight) {
    const Validator check = find_validator(v.validator);
    const std::string number = v.number;
    EXPECT_FALSE(check("")) << v.validator;
    EXPECT_FALSE(check(" ")) << v.validator;
    EXPECT_FALSE(check(number + "1")) << v.validator;
    EXPECT_FALSE(check(number.substr(0, number.size() / 2))) << v.validator;
    EXPECT_FALSE(check("\xe6\xa0\xaa\xff")) << v.validator;
    EXPECT_FALSE(check(std::string(200, '7'))) << v.validator;
    for (std::size_t n = 1; n < 20; ++n) {
      EXPECT_FALSE(check(std::string(n, 'A'))) << v.validator;
      EXPECT_FALSE(check(std::string(n, '1'))) << v.validator << ' ' << n;
    }
  }
}

TEST(NationalIds, SumsWithTwoRemaindersForOneDigitStillRefuseMost) {
  EXPECT_FALSE(is_portuguese_nif("501964844"));
  EXPECT_FALSE(is_my_number("123456789019"));
  EXPECT_FALSE(is_brazilian_cpf("39053344706"));
  EXPECT_FALSE(is_thai_id("1234545678789"));
  EXPECT_FALSE(is_french_nir("295109912611194"));
  EXPECT_FALSE(is_belgian_nn("85073003329"));
  EXPECT_FALSE(is_taiwanese_id("A123456788"));
}

TEST(NationalIds, FrenchNumbersOfCorsica) {
  // INSEE: 2A counts as 19, 2B as 18.
  EXPECT_TRUE(is_french_nir("253072B07300470"));  // python-stdnum
  EXPECT_FALSE(is_french_nir("253072A07300470"));
}

// SSA: areas 000, 666 and 900 to 999, group 00 and serial 0000 are never assigned.
TEST(NationalIds, SocialSecurityNumbersNeverAssigned) {
  for (const char* number :
       {"000-12-3456", "666-12-3456", "900-12-3456", "999-12-3456", "536-00-4399", "536-90-0000"})
    EXPECT_FALSE(is_us_ssn(number)) << number;
}

TEST(NationalIds, AnIbanHasTheLengthOfItsCountry) {
  EXPECT_FALSE(is_iban("GB82 WEST 1234 5698 7654 3"));
  EXPECT_FALSE(is_iban("XX82 WEST 1234 5698 7654 32"));
}

}  // namespace
}  // namespace veilwire::masking
