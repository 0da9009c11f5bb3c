// What can be wrong with auditors, wrapped keys and sealed bodies.
#pragma once

#include <cstdint>
#include <string_view>

namespace veilwire::sealing {

enum class SealingError : std::uint8_t {
  // Auditors, when they are loaded and whenever a key is wrapped for them.
  TooFewAuditors,   // below kLeastAuditors
  TooManyAuditors,  // over kMostAuditors
  NotACertificate,  // not exactly one X.509 certificate in PEM
  SameAuditor,      // the key, or the issuer and serial number, of one before
  NotYetValid,
  Expired,
  UnknownKey,  // neither P-256 nor RSA
  RsaSize,     // below 2048 or over limits::kRsaModulusBits
  WrongUsage,  // its keyUsage lacks keyAgreement (P-256) or keyEncipherment (RSA)
  CannotWrap,  // OpenSSL refuses it, or would derive keys with SHA-1
  // Wrapped keys.
  NotWrapped,      // not one CMS EnvelopedData in DER, or over kWrappedKey
  NotAPrivateKey,  // no unencrypted PEM key, or not that of the certificate
  NotARecipient,   // wrapped for others
  CannotUnwrap,    // for this auditor, but changed, or not a key in it
  OtherKey,        // opens, but its id is not the one that the record says
  // Bodies.
  OutOfOrder,  // not the chunk that comes next
  BadLength,   // shorter than a tag, over kChunkText, or empty but not the last
  Changed,     // does not open: changed, of another body, under another key or header
  AfterLast,   // a chunk behind the last one
  Unfinished,  // the last chunk has not come
};
std::string_view to_string(SealingError error);  // a clause for a person

}  // namespace veilwire::sealing
