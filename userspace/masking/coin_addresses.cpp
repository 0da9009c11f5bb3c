#include "userspace/masking/coin_addresses.h"

#include "userspace/base/ascii.h"
#include "userspace/crypto/hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace veilwire::masking {
namespace {

// The permutation of FIPS 202, section 3.2, on 25 lanes a[x + 5 * y].
void keccak_f(std::array<std::uint64_t, 25>& a) {
  constexpr std::array<std::uint64_t, 24> kRound = {
      0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
      0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
      0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
      0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
      0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
      0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  for (const std::uint64_t round : kRound) {
    std::array<std::uint64_t, 5> column{};
    for (std::size_t i = 0; i < 25; ++i) column[i % 5] ^= a[i];
    for (std::size_t i = 0; i < 25; ++i)
      a[i] ^= column[(i + 4) % 5] ^ std::rotl(column[(i + 1) % 5], 1);
    // Each lane but the first goes to its next place on one cycle, turned by a triangular number.
    std::array<std::uint64_t, 25> b = a;
    std::size_t x = 1, y = 0;
    for (int t = 0; t < 24; ++t) {
      const std::uint64_t lane = a[x + 5 * y];
      const std::size_t next = (2 * x + 3 * y) % 5;
      x = y, y = next;
      b[x + 5 * y] = std::rotl(lane, (t + 1) * (t + 2) / 2 % 64);
    }
    for (std::size_t i = 0; i < 25; ++i) {
      const std::size_t row = i / 5 * 5;
      a[i] = b[i] ^ (~b[row + (i + 1) % 5] & b[row + (i + 2) % 5]);
    }
    a[0] ^= round;
  }
}

// Keccak-256 as Ethereum uses it, for fewer bytes than one block of 136. Its padding is the
// submission's, not that of SHA-3, which is why OpenSSL 3.0 does not have it.
std::array<std::uint8_t, 32> keccak_256(std::string_view text) {
  std::array<std::uint8_t, 200> block{};
  std::copy(text.begin(), text.end(), block.begin());
  block[text.size()] = 0x01;
  block[135] |= 0x80;
  std::array<std::uint64_t, 25> lanes{};
  for (std::size_t i = 0; i < block.size(); ++i)
    lanes[i / 8] |= std::uint64_t{block[i]} << (i % 8 * 8);
  keccak_f(lanes);
  std::array<std::uint8_t, 32> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint8_t>(lanes[i / 8] >> (i % 8 * 8));
  return out;
}

// The checksum of BIP 173 over values of five bits.
std::uint32_t bech32_sum(const std::vector<std::uint8_t>& values) {
  constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                       0x3d4233dd, 0x2a1462b3};
  std::uint32_t sum = 1;
  for (const std::uint8_t v : values) {
    const std::uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ v;
    for (unsigned i = 0; i < kGenerator.size(); ++i) {
      if ((top >> i & 1) != 0) sum ^= kGenerator[i];
    }
  }
  return sum;
}

}  // namespace

bool is_base58check(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  if (text.size() > 128) return false;
  std::vector<std::uint8_t> number;  // the smallest byte first
  for (char c : text) {
    const std::size_t v = kAlphabet.find(c);
    if (v == std::string_view::npos) return false;
    std::uint32_t carry = static_cast<std::uint32_t>(v);
    for (std::uint8_t& byte : number) {
      carry += byte * 58U;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry != 0) number.push_back(static_cast<std::uint8_t>(carry));
  }
  std::string bytes(std::min(text.find_first_not_of('1'), text.size()), '\0');
  bytes.append(number.rbegin(), number.rend());
  if (bytes.size() < 5) return false;
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 4);
  const crypto::Digest once = crypto::sha256(body);
  const crypto::Digest twice = crypto::sha256(crypto::as_bytes(once));
  return std::memcmp(bytes.data() + body.size(), twice.data(), 4) == 0;
}

bool is_bech32(std::string_view text) {
  constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  constexpr std::uint32_t kBech32 = 1, kBech32m = 0x2bc830a3;
  if (text.size() < 8 || text.size() > 90) return false;
  const std::string lower = to_lower(text);
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (text != lower && text != upper) return false;
  const std::size_t one = lower.rfind('1');
  if (one == std::string::npos || one == 0 || lower.size() - one < 7) return false;
  std::vector<std::uint8_t> values;
  for (std::size_t i = 0; i < one; ++i) values.push_back(static_cast<std::uint8_t>(lower[i] >> 5));
  values.push_back(0);
  for (std::size_t i = 0; i < one; ++i) values.push_back(static_cast<std::uint8_t>(lower[i] & 31));
  for (std::size_t i = one + 1; i < lower.size(); ++i) {
    const std::size_t v = kAlphabet.find(lower[i]);
    if (v == std::string_view::npos) return false;
    values.push_back(static_cast<std::uint8_t>(v));
  }
  const std::uint32_t sum = bech32_sum(values);
  return sum == kBech32 || sum == kBech32m;
}

bool is_eip55(std::string_view text) {
  if (text.size() != 42 || !(text.starts_with("0x") || text.starts_with("0X"))) return false;
  std::string lower;
  bool small = false, capital = false;
  for (char c : text.substr(2)) {
    const bool is_small = c >= 'a' && c <= 'f', is_capital = c >= 'A' && c <= 'F';
    if (!is_small && !is_capital && !(c >= '0' && c <= '9')) return false;
    small = small || is_small;
    capital = capital || is_capital;
    lower += to_lower(c);
  }
  if (!small || !capital) return true;
  const auto hash = keccak_256(lower);
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const bool raised = (hash[i / 2] >> (i % 2 == 0 ? 4 : 0) & 8) != 0;
    const char c = text[i + 2];
    if (lower[i] >= 'a' && (c >= 'A' && c <= 'F') != raised) return false;
  }
  return true;
}

}  // namespace veilwire::masking
