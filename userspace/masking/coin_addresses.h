// The checks in addresses and keys of crypto currencies. Tested by
// tests/unit/masking/coin_addresses_test.cpp against the vectors of the proposals named here.
#pragma once

#include <string_view>

namespace veilwire::masking {

// Base58 whose last four bytes are the double SHA-256 of the others: Bitcoin's addresses, WIF keys,
// BIP 32 keys. At most 128 characters.
bool is_base58check(std::string_view text);

// Bech32 or Bech32m (BIP 173, BIP 350): any human readable part, at most 90 characters.
bool is_bech32(std::string_view text);

// 0x and 40 hex digits whose capitals are the checksum (EIP-55). All in one case: no checksum to
// fail, so true.
bool is_eip55(std::string_view text);

}  // namespace veilwire::masking
