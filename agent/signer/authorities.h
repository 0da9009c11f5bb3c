// The files of the internal CA: certificates, of which the first signs, and beside the key the one
// of an authority that is not in use, while one takes another's place. Tested by
// tests/unit/signer/rotation_test.cpp.
#pragma once

#include "userspace/wire/authority_file.h"
#include "userspace/wire/leaf_cert.h"

#include <string>
#include <vector>

namespace veilwire::signer {

struct AuthorityFiles {
  std::string certificate, key;
  std::string other_key() const { return key + ".other"; }
};

struct Authorities {
  wire::CertificateAuthority signing;       // the one that the key is for
  std::vector<wire::AuthorityChain> known;  // all in the file, in its order
};

// Throws std::runtime_error.
Authorities load_authorities(const AuthorityFiles& files);

}  // namespace veilwire::signer
