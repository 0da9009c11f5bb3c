#include "agent/signer/authorities.h"

#include "agent/host/key_files.h"

#include <stdexcept>
#include <utility>

namespace veilwire::signer {

Authorities load_authorities(const AuthorityFiles& files) {
  const std::string pem = host::read_certificates(files.certificate);
  const Secret key = host::read_key(files.key);
  auto signing = wire::CertificateAuthority::load(pem, key.reveal());
  if (!signing)
    throw std::runtime_error(files.certificate + " and " + files.key + ": " +
                             std::string(wire::to_string(signing.error())));
  return {std::move(signing).value(), std::move(wire::read_authorities(pem)).value()};
}

}  // namespace veilwire::signer
