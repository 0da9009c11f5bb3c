// The key of one session's originals, and what is derived from it. It is wiped with the object:
// from then on only an auditor opens what was sealed under it. Tested by
// tests/unit/sealing/session_key_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/crypto/random.h"
#include "userspace/sealing/format.h"

#include <optional>
#include <string>
#include <utility>

namespace veilwire::sealing {

class SessionKey {
 public:
  static SessionKey generate(const crypto::RandomSource& random);
  // nullopt: not kSessionKey bytes.
  static std::optional<SessionKey> from_bytes(Secret bytes);

  std::string id() const;  // kKeyId bytes; says nothing of the key
  Secret body_key(const BodyIdentity& body) const;
  const Secret& bytes() const { return bytes_; }

 private:
  explicit SessionKey(Secret bytes) : bytes_(std::move(bytes)) {}
  Secret bytes_;
};

}  // namespace veilwire::sealing
