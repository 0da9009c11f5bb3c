// The vectors of the proposals: BIP 13, 32, 173, 350, the Bitcoin wiki's WIF page, EIP-55.
#include "userspace/masking/coin_addresses.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

TEST(CoinAddresses, Base58Check) {
  for (const char* right : {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",  // Bitcoin wiki, Address
                            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                            "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",  // WIF
                            "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPG"
                            "JxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"}) {  // BIP 32, vector 1
    EXPECT_TRUE(is_base58check(right)) << right;
    std::string wrong = right;
    wrong[wrong.size() / 2] = wrong[wrong.size() / 2] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(is_base58check(wrong)) << wrong;
    EXPECT_FALSE(is_base58check(wrong.substr(1)));
  }
  EXPECT_FALSE(is_base58check(""));
  EXPECT_FALSE(is_base58check("1111"));
  EXPECT_FALSE(is_base58check("0OIl"));
  EXPECT_FALSE(is_base58check(std::string(1000, 'z'))) << "bounded, whatever it is given";
}

TEST(CoinAddresses, Bech32) {
  for (const char* right :
       {"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",                         // BIP 173
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",     // BIP 173
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"}) {  // BIP 350
    EXPECT_TRUE(is_bech32(right)) << right;
    std::string wrong = right;
    wrong.back() = wrong.back() == 'q' ? 'p' : 'q';
    EXPECT_FALSE(is_bech32(wrong)) << wrong;
  }
  EXPECT_FALSE(is_bech32("bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")) << "both cases";
  EXPECT_FALSE(is_bech32(""));
  EXPECT_FALSE(is_bech32("1qqqqqqqq"));
}

TEST(CoinAddresses, Eip55) {
  for (const char* right :
       {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77"})
    EXPECT_TRUE(is_eip55(right)) << right;
  EXPECT_FALSE(is_eip55("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"));
  EXPECT_FALSE(is_eip55("0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"));
  EXPECT_FALSE(is_eip55("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe"));
  EXPECT_FALSE(is_eip55(""));
}

}  // namespace
}  // namespace veilwire::masking
