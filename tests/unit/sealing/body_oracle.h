// The format of a body as format.h states it, a second time and chunk by chunk: HKDF from HMAC, GCM
// straight from OpenSSL, nothing of userspace/sealing but its values.
#pragma once

#include "userspace/crypto/hash.h"
#include "userspace/sealing/format.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

namespace veilwire::sealing::testing {

inline std::string number(std::uint64_t value, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

// RFC 5869 with no salt, for 32 bytes.
inline std::string oracle_hkdf(std::string_view key, const std::string& info) {
  const crypto::Digest extracted = crypto::hmac_sha256(std::string(32, '\0'), key);
  const crypto::Digest out = crypto::hmac_sha256(crypto::as_bytes(extracted), info + '\x01');
  return std::string(crypto::as_bytes(out));
}

inline std::string oracle_body_key(std::string_view session_key, const BodyIdentity& body) {
  std::string info = "veilwire original body v1";
  for (const std::string* part : {&body.host, &body.writer, &body.session})
    info += number(part->size(), 2) + *part;
  info += number(body.exchange, 8) + number(body.direction == BodyDirection::Response ? 1 : 0, 1);
  return oracle_hkdf(session_key, info);
}

inline Chunk oracle_chunk(std::string_view session_key, const BodyIdentity& body,
                          const crypto::Digest& header, std::uint64_t index, bool last,
                          std::string_view text) {
  const std::string key = oracle_body_key(session_key, body);
  const std::string nonce = number(0, 3) + number(index, 8) + number(last ? 1 : 0, 1);
  const auto octets = [](const std::string& s) {
    return reinterpret_cast<const unsigned char*>(s.data());
  };
  std::string sealed(text);
  auto* const in_place = reinterpret_cast<unsigned char*>(sealed.data());
  unsigned char tag[16] = {};
  int n = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, octets(key), octets(nonce));
  EVP_EncryptUpdate(context, nullptr, &n, header.data(), static_cast<int>(header.size()));
  EVP_EncryptUpdate(context, in_place, &n, in_place, static_cast<int>(sealed.size()));
  EVP_EncryptFinal_ex(context, tag, &n);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, sizeof tag, tag);
  EVP_CIPHER_CTX_free(context);
  sealed.append(reinterpret_cast<const char*>(tag), sizeof tag);
  return {index, last, sealed};
}

inline std::vector<Chunk> oracle_body(std::string_view session_key, const BodyIdentity& body,
                                      const crypto::Digest& header, std::string_view text) {
  std::vector<Chunk> chunks;
  while (text.size() > kChunkText) {
    chunks.push_back(
        oracle_chunk(session_key, body, header, chunks.size(), false, text.substr(0, kChunkText)));
    text.remove_prefix(kChunkText);
  }
  chunks.push_back(oracle_chunk(session_key, body, header, chunks.size(), true, text));
  return chunks;
}

}  // namespace veilwire::sealing::testing
