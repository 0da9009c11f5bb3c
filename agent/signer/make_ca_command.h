// `veilwire-signer make-ca`: a new internal CA in files, for set-up and for tests. Throws
// std::runtime_error that says what is wrong with the request. Tested by
// tests/unit/signer/program_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/wire/leaf_cert.h"

#include <string>
#include <vector>

namespace veilwire::signer {

struct AuthorityWish {
  std::vector<std::string> hosts;
  std::string label;  // of this generation; empty: the day, as 20261123
  int days = 730;
};

wire::NewCa make_authority(const AuthorityWish& wish, WallTime now);

struct MakeCaRequest {
  std::string folder;      // ca.pem goes there
  std::string key_folder;  // and ca.key there; empty: the same
  AuthorityWish authority;
  std::string owner;  // of the key: a user's name or uid:gid; empty stays ours
};

// Returns what was made, in words for a terminal.
std::string make_ca_files(const MakeCaRequest& request, WallTime now);

}  // namespace veilwire::signer
