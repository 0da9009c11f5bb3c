// A session key in CMS (format.h), as it goes into the ledger, and out of it again for who has an
// auditor's private key. Plain `openssl cms -decrypt` does the same. Wrapped keys come from a
// ledger that its host could have written anew: nothing in them is trusted. Tested by
// tests/unit/sealing/key_wrap_test.cpp with the openssl command on the other side, and fuzzed by
// tests/fuzz/wrapped_key.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/sealing/certificate.h"
#include "userspace/sealing/error.h"
#include "userspace/sealing/format.h"
#include "userspace/sealing/session_key.h"

#include <span>
#include <string>
#include <string_view>

namespace veilwire::sealing {

// DER, at most kWrappedKey. Certificates that check_key() has passed. CannotWrap is the only error.
Result<std::string, SealingError> wrap_key(const SessionKey& key,
                                           std::span<const Certificate> certificates);

// Both in PEM, the key unencrypted. Who has the 32 bytes from elsewhere, a smart card say, needs
// none of this: SessionKey::from_bytes.
Result<SessionKey, SealingError> unwrap_key(const WrappedKey& wrapped,
                                            std::string_view certificate_pem,
                                            std::string_view private_key_pem);

}  // namespace veilwire::sealing
