// The certificates of the internal CA as one file: a chain, the issuer first. While an authority
// takes another's place the file holds both, a chain behind the other, so that whoever is pointed
// at the file knows both; the first is the one that signs. Tested by
// tests/unit/tls/authority_file_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/wire/leaf_cert.h"

#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

struct AuthorityChain {
  std::string pem;      // its certificates alone
  std::string der;      // of the issuer
  std::string anchor;   // PEM of the last certificate: what clients are to trust, if it is a root
  bool rooted = false;  // it is one
  std::string subject;  // of the issuer, RFC 2253
  WallTime not_before, not_after;  // in which all of its certificates hold
};

// A certificate that did not sign the one before it begins the next chain. BadCertificate: there is
// none, or there are more than any rotation leaves.
Result<std::vector<AuthorityChain>, CertError> read_authorities(std::string_view pem);

}  // namespace veilwire::wire
