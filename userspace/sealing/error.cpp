#include "userspace/sealing/error.h"

#include <cstdlib>

namespace veilwire::sealing {

std::string_view to_string(SealingError error) {
  switch (error) {
    case SealingError::TooFewAuditors:
      return "originals are sealed for two auditors at least, so that one lost key loses nothing";
    case SealingError::TooManyAuditors:
      return "originals are sealed for 16 auditors at most";
    case SealingError::NotACertificate:
      return "not one X.509 certificate in PEM";
    case SealingError::SameAuditor:
      return "its key, or its issuer and serial number, is that of a certificate before it";
    case SealingError::NotYetValid:
      return "its time has not begun";
    case SealingError::Expired:
      return "its time is over";
    case SealingError::UnknownKey:
      return "its key is neither on P-256 nor RSA";
    case SealingError::RsaSize:
      return "its RSA key has not 2048 to 8192 bits";
    case SealingError::WrongUsage:
      return "its keyUsage does not have keyAgreement (P-256) or keyEncipherment (RSA)";
    case SealingError::CannotWrap:
      return "OpenSSL cannot wrap a key for it with SHA-256";
    case SealingError::NotWrapped:
      return "not CMS EnvelopedData in DER";
    case SealingError::NotAPrivateKey:
      return "not an unencrypted private key in PEM, or not that of the certificate";
    case SealingError::NotARecipient:
      return "it is wrapped for other auditors";
    case SealingError::CannotUnwrap:
      return "it has been changed, or is no session key";
    case SealingError::OtherKey:
      return "it is not the key that the record names";
    case SealingError::OutOfOrder:
      return "a chunk is missing or out of order";
    case SealingError::BadLength:
      return "a chunk is too short or too long";
    case SealingError::Changed:
      return "a chunk has been changed, or belongs to another body, head or key";
    case SealingError::AfterLast:
      return "a chunk stands behind the last one";
    case SealingError::Unfinished:
      return "the last chunk is missing";
  }
  std::abort();
}

}  // namespace veilwire::sealing
