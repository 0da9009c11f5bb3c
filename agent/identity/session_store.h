// The sessions at rest: one file, sealed as a whole, so that a restart signs nobody out and nobody
// else signs anybody in. Its key is a file of its own, made at the first start, or one that the
// service manager hands over (LoadCredentialEncrypted=), which a copy of the disk does not have.
// Tested by tests/unit/identity/session_store_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/crypto/random.h"
#include "userspace/crypto/sealer.h"

#include <optional>
#include <string>

namespace veilwire::agent_identity {

// The key in the file, which is made where it is not there. Throws std::runtime_error that says
// what to do: one that others may read, of another length, or that can neither be read nor made.
crypto::Sealer sealer_of(const std::string& key_file, const crypto::RandomSource& random);

class SessionStore {
 public:
  SessionStore(std::string file, const crypto::Sealer& sealer, crypto::RandomSource random);

  struct Loaded {
    std::optional<Secret> bytes;  // nothing: there is no file, or none that can be trusted
    std::string complaint;        // of one that cannot
  };
  Loaded load() const;
  // The file is the old one or the new one, whatever happens. An errno value; 0: done.
  int save(std::string_view bytes) const;

  const std::string& file() const { return file_; }

 private:
  std::string file_;
  const crypto::Sealer& sealer_;
  crypto::RandomSource random_;
};

}  // namespace veilwire::agent_identity
