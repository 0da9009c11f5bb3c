// Shows a certificate to a runtime in a TLS handshake over a pair of sockets, without a network,
// and hears whether it takes it. Tested by tests/unit/doctor/runtime_trial_test.cpp with the
// runtimes that this machine has.
#pragma once

#include "agent/doctor/trust_check.h"
#include "userspace/crypto/private_key.h"

#include <string>
#include <vector>

namespace veilwire::doctor {

// What the proxy would show.
struct ShownCertificate {
  std::string host;
  std::vector<std::string> chain;  // DER, the leaf first
  const crypto::PrivateKey* key = nullptr;
};

// program: the path of python3, or of node. extra_ca: what node is told in NODE_EXTRA_CA_CERTS.
RuntimeTrial try_python(const std::string& program, const ShownCertificate& shown);
RuntimeTrial try_node(const std::string& program, const ShownCertificate& shown,
                      const std::string& extra_ca);
// The openssl command: builds the chain, without a handshake.
RuntimeTrial try_openssl(const std::string& program, const ShownCertificate& shown);
// keytool: whether one of these certificates (SHA-256 in hex) is in Java's store, since a JRE alone
// runs no program of ours.
RuntimeTrial try_java(const std::string& keytool, const std::vector<std::string>& digests);

}  // namespace veilwire::doctor
