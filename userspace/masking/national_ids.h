// The checks that numbers of persons and accounts carry in themselves, country by country. Each
// takes a number as it is written, with its blanks, hyphens and full stops, and says whether its
// length, its check digits and what its law excludes are right. Tested by
// tests/unit/masking/national_ids_test.cpp.
#pragma once

#include <string_view>

namespace veilwire::masking {

bool is_iban(std::string_view text);            // ISO 13616, ISO 7064 mod 97-10
bool is_us_ssn(std::string_view text);          // no sum: areas, groups, serials never assigned
bool is_nhs_number(std::string_view text);      // United Kingdom, mod 11
bool is_german_tax_id(std::string_view text);   // ISO 7064 mod 11,10 and which digits repeat
bool is_french_nir(std::string_view text);      // mod 97; Corsica
bool is_spanish_dni(std::string_view text);     // DNI and NIE, mod 23
bool is_codice_fiscale(std::string_view text);  // Italy, mod 26
bool is_dutch_bsn(std::string_view text);       // eleven test
bool is_pesel(std::string_view text);           // Poland, mod 10
bool is_belgian_nn(std::string_view text);      // mod 97, from 2000 on with a 2 in front
bool is_portuguese_nif(std::string_view text);  // mod 11
bool is_personnummer(std::string_view text);    // Sweden, the last ten digits: Luhn
bool is_hetu(std::string_view text);            // Finland, mod 31
bool is_fodselsnummer(std::string_view text);   // Norway, two sums mod 11
bool is_ahv_number(std::string_view text);      // Switzerland, EAN-13
bool is_tckn(std::string_view text);            // Turkey, two sums mod 10
bool is_aadhaar(std::string_view text);         // India, Verhoeff
bool is_chinese_id(std::string_view text);      // ISO 7064 mod 11-2
bool is_my_number(std::string_view text);       // Japan, mod 11
bool is_singapore_nric(std::string_view text);  // mod 11 with a letter
bool is_taiwanese_id(std::string_view text);    // mod 10
bool is_hong_kong_id(std::string_view text);    // mod 11
bool is_thai_id(std::string_view text);         // mod 11
bool is_brazilian_cpf(std::string_view text);   // two sums mod 11

}  // namespace veilwire::masking
