// One internal CA takes another's place, with a time in which clients trust both:
//
//   add_ca     another one is made, or imported: its certificate behind the one in use, its key
//              beside that one's. Nothing signs with it yet; clients can be made to trust it.
//   switch_ca  the two keys change places, in one step of the file system, and the certificates
//              with them. Again: back.
//   drop_ca    the one that is not in use goes, key and certificate.
//
// What is done stands in the two files alone, so that each can be repeated after a crash at any
// point. A running signer goes by them when it is told to reload. All throw std::runtime_error with
// what to do, and return what was done in words for a terminal. Tested by
// tests/unit/signer/rotation_test.cpp and, in the middle of a stream,
// tests/e2e/ca_rotation_test.py.
#pragma once

#include "agent/signer/authorities.h"
#include "agent/signer/make_ca_command.h"
#include "userspace/base/time.h"

#include <string>

namespace veilwire::signer {

struct AddCaRequest {
  AuthorityWish authority;       // a new one
  std::string certificate, key;  // files of one that is imported instead
};

std::string add_ca(const AuthorityFiles& files, const AddCaRequest& request, WallTime now);
std::string switch_ca(const AuthorityFiles& files, WallTime now);
// in_force: SHA-256 of what the running signer signs with, in hex; "": none runs.
std::string drop_ca(const AuthorityFiles& files, const std::string& in_force);

// PEM of what clients trust for the one in use, or for the other.
std::string anchor_of(const AuthorityFiles& files, bool other);

}  // namespace veilwire::signer
