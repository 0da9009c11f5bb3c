// Checks that a format carries in itself: a sum, a structure. A rule that names one takes a match
// whose check fails for no finding. Tested by tests/unit/masking/parts_test.cpp.
#pragma once

#include <string_view>

namespace veilwire::masking {

using Validator = bool (*)(std::string_view secret);

// nullptr: there is none of that name.
//   luhn   digits with blanks or hyphens between them, whose sum (ISO/IEC 7812-1 annex B) is right
//          and not all alike
//   jwt    a header that decodes to a JSON object with "alg" (RFC 7515)
//   base58check, bech32, eip55                    see coin_addresses.h
//   iban, ssn, nhs, german-tax-id and the others  see national_ids.h
Validator find_validator(std::string_view name);

// Bits a byte, of the bytes' own distribution (Shannon).
double entropy(std::string_view text);

}  // namespace veilwire::masking
