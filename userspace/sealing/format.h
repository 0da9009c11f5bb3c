// Sealed originals, byte by byte: what a ledger holds of the text as it was typed and as it was
// sent, readable to auditors alone. Numbers are big-endian, || joins bytes.
//
//   session key   32 random bytes, of one connection.
//   its id        HKDF(session key, info = "veilwire original key id v1"), 32 bytes. It commits to
//                 the key (GCM does not): one wrapped for one auditor is the one of all.
//   wrapped       CMS EnvelopedData (RFC 5652, 6), DER, id-data holding the 32 bytes of the key,
//                 AES-256-CBC. A recipient on P-256 is KeyAgreeRecipientInfo with
//                 dhSinglePass-stdDH-sha256kdf-scheme and id-aes256-wrap (RFC 5753, 3.1), one of
//                 RSA is KeyTransRecipientInfo with RSAES-OAEP, SHA-256 and MGF1 with SHA-256
//                 (RFC 3560). `openssl cms -decrypt -inform DER` gives the 32 bytes.
//   body key      HKDF(session key, info = body info), 32 bytes, of one body.
//   body info     "veilwire original body v1" || host || writer || session || exchange ||
//                 direction: texts as two bytes of length and the text, exchange in eight bytes,
//                 direction one byte, 0 for a request and 1 for a response.
//   chunk         AES-256-GCM(body key, nonce, associated data = SHA-256 of the record that heads
//                 the body, at most kChunkText bytes of the body) || 16 bytes of tag.
//   nonce         eleven bytes of the chunk's index, from 0, and a byte that is 1 for the last
//                 chunk of the body and 0 for others.
//
// HKDF is HKDF-SHA256 (RFC 5869) with no salt, since the session key is random. Nonces are those of
// STREAM (Hoang, Reyhanitabar, Rogaway and Vizar, "Online Authenticated-Encryption and its
// Nonce-Reuse Misuse-Resistance", 2015, eprint 2015/189), as age has it (C2SP age v1,
// "Payload"): a chunk at another place, one too many or a missing end does not open. Unlike age's,
// a chunk that is not the last may be shorter, but holds a byte at least: a body may be sealed as
// far as it has come. The last one may be empty, and an empty body is one.
//
// All of this keeps originals secret and whole. That they are the ones that were sent is what the
// ledger's signed tree shows: anybody can wrap a key for an auditor. tests/unit/sealing/
// body_oracle.h states bodies a second time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::sealing {

inline constexpr std::size_t kSessionKey = 32;
inline constexpr std::size_t kKeyId = 32;

// What a body holds in memory before it is sealed.
inline constexpr std::size_t kChunkText = 64 * 1024;
inline constexpr std::size_t kChunkTag = 16;
// Of one body, 256 TiB: what NIST SP 800-38D, 8.3, lets one key of GCM do however its nonces are
// made.
inline constexpr std::uint64_t kMostChunks = std::uint64_t{1} << 32;

// One auditor's key may be lost, and then nobody could open what it alone can.
inline constexpr std::size_t kLeastAuditors = 2;
// Each takes time and up to a kilobyte of every session's record.
inline constexpr std::size_t kMostAuditors = 16;
// A wrapped key, and one that a ledger's record claims to hold (a parser fed without end).
inline constexpr std::size_t kWrappedKey = 64 * 1024;

// Who may open: by issuer and serial number, as CMS names them, and for a person.
struct Recipient {
  std::string subject;  // RFC 2253, ASCII, as is the issuer
  std::string issuer;
  std::string serial;       // hex, lower case, even
  std::string fingerprint;  // of the whole certificate: SHA-256, hex
  friend bool operator==(const Recipient&, const Recipient&) = default;
};

struct WrappedKey {
  std::string id;                     // kKeyId bytes
  std::vector<Recipient> recipients;  // for a person: what counts stands in the CMS
  std::string cms;                    // DER
};

enum class BodyDirection : std::uint8_t { Request = 0, Response = 1 };

// Which body it is: together with the session key, which no other session has.
struct BodyIdentity {
  std::string host, writer, session;  // as the ledger's records have them
  std::uint64_t exchange = 0;
  BodyDirection direction = BodyDirection::Request;
};

struct Chunk {
  std::uint64_t index = 0;
  bool last = false;
  std::string bytes;  // of the text, and kChunkTag
  friend bool operator==(const Chunk&, const Chunk&) = default;
};

}  // namespace veilwire::sealing
